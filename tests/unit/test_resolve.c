/* In which order a server's addresses are tried, and which one is taken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/list.h"
#include "io/carrier/resolve.h"

enum { time_ms = 20000 };

static const atomic_bool go_on = false;

static void records_go_by_priority_and_by_chance_as_weights_say(void **state) {
    (void)state;
    const struct resolve_target all[] = {
        {20, 0, 1, "last"}, {10, 1, 2, "light"}, {10, 7, 3, "heavy"}, {10, 0, 4, "none"}};
    size_t first[5] = {0};
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 1100; i++) {
        struct resolve_target targets[array_size(all)];
        memcpy(targets, all, sizeof(all));
        resolve_sort(targets, array_size(all), &prng);
        assert_string_equal(targets[3].name, "last");
        assert_int_equal(targets[0].port + targets[1].port + targets[2].port, 9); /* each once */
        first[targets[0].port]++;
    }
    assert_in_range(first[3], 700, 900); /* 8 of 11 */
    assert_in_range(first[2], 130, 270); /* 2 of 11 */
    assert_in_range(first[4], 50, 150);  /* 1 of 11 */
}

static void a_numeric_address_is_its_own_name(void **state) {
    (void)state;
    struct resolve_addresses addresses = {.count = 0};
    assert_true(resolve_server(&addresses, NULL, "127.0.0.7", 5222));
    assert_int_equal(addresses.count, 1);
    assert_string_equal(addresses.all[0].text, "127.0.0.7");
    assert_int_equal(addresses.all[0].port, 5222);
    assert_true(resolve_server(&addresses, NULL, "::1", 5222));
    assert_string_equal(addresses.all[0].text, "::1");
    assert_false(resolve_server(&addresses, NULL, "", 5222) &&
                 resolve_server(&addresses, NULL, "not a name", 5222));
}

static void add(struct resolve_addresses *addresses, const char *text, uint16_t port) {
    struct resolve_addresses one = {.count = 0};
    assert_true(resolve_server(&one, NULL, text, port));
    addresses->all[addresses->count++] = one.all[0];
}

/* A socket that listens at the address; port 0: any, which is returned. */
static int listen_at(const char *text, uint16_t *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, text, &at.sin_addr), 1);
    assert_int_equal(bind(fd, (const void *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (void *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void the_first_that_takes_a_connection_is_used(void **state) {
    (void)state;
    struct resolve_addresses addresses = {.count = 0};
    uint16_t port = 0;
    int error = 0, silent = listen_at("127.0.0.8", &port), good = listen_at("127.0.0.9", &port);
    int full[4]; /* nobody takes these: the address falls silent, its packets are dropped */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, "127.0.0.8", &at.sin_addr), 1);
    for (size_t i = 0; i < array_size(full); i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(full[i], (const void *)&at, sizeof(at));
    }
    add(&addresses, "127.0.0.7", port); /* refuses */
    add(&addresses, "127.0.0.8", port); /* is silent */
    add(&addresses, "127.0.0.9", port);
    assert_ptr_equal(resolve_reach(&addresses, time_ms, &go_on, &error), &addresses.all[2]);
    for (size_t i = 0; i < array_size(full); i++)
        close(full[i]);
    close(silent);
    close(good);
}

static void where_none_takes_one_the_last_word_is_told(void **state) {
    (void)state;
    struct resolve_addresses addresses = {.count = 0};
    const atomic_bool cancel = true;
    uint16_t port = 0;
    int error = 0, good = listen_at("127.0.0.9", &port);
    add(&addresses, "127.0.0.7", port);
    add(&addresses, "127.0.0.8", port);
    assert_null(resolve_reach(&addresses, time_ms, &go_on, &error));
    assert_int_equal(error, ECONNREFUSED);
    add(&addresses, "127.0.0.9", port);
    assert_null(resolve_reach(&addresses, time_ms, &cancel, &error));
    close(good);
}

static void what_has_failed_is_tried_last_until_all_have(void **state) {
    (void)state;
    struct resolve_addresses addresses = {.count = 0};
    assert_true(resolve_server(&addresses, NULL, "localhost", 5222));
    for (size_t i = 0; i < addresses.count; i++)
        addresses.all[i].has_failed = true;
    assert_true(resolve_server(&addresses, NULL, "localhost", 5222));
    for (size_t i = 0; i < addresses.count; i++)
        assert_false(addresses.all[i].has_failed);
    addresses.all[0].has_failed = true;
    char first[sizeof(addresses.all[0].text)];
    text_set(first, addresses.all[0].text);
    assert_true(resolve_server(&addresses, NULL, "localhost", 5222));
    assert_string_equal(addresses.all[addresses.count - 1].text, first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_go_by_priority_and_by_chance_as_weights_say),
        cmocka_unit_test(a_numeric_address_is_its_own_name),
        cmocka_unit_test(the_first_that_takes_a_connection_is_used),
        cmocka_unit_test(where_none_takes_one_the_last_word_is_told),
        cmocka_unit_test(what_has_failed_is_tried_last_until_all_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
