/* Who is let in, who is late, who gives way, and what each hears. Time is as told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include "base/list.h"
#include "io/http/connections.h"
#include "io/os/descriptors.h"

enum { clients_most = 40 };

struct room {
    struct connections connections;
    struct connection all[clients_most];
    int clients[clients_most]; /* the other ends */
    size_t count;
    uint64_t now_ms;
};

static void room_init(struct room *room, size_t most, size_t most_of_address) {
    *room = (struct room){.now_ms = 1000};
    connections_init(&room->connections, most, most_of_address);
}

static struct connection *come(struct room *room, const char *address) {
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    const struct sockaddr local = {.sa_family = AF_UNIX};
    bool is_four = inet_pton(AF_INET, address, &four.sin_addr) == 1;
    bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
    struct connection *connection = &room->all[room->count];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    connection->fd = ends[0];
    room->clients[room->count++] = ends[1];
    connections_open(&room->connections, connection,
                     is_four ? (void *)&four : is_six ? (void *)&six : (const void *)&local,
                     room->now_ms);
    return connection;
}

static void room_deinit(struct room *room) {
    for (size_t i = 0; i < room->count; i++) {
        connections_close(&room->connections, &room->all[i]);
        close(room->all[i].fd);
        close(room->clients[i]);
    }
    assert_int_equal(room->connections.count, 0);
    assert_int_equal(room->connections.leaving, 0);
    assert_true(list_is_empty(&room->connections.sources));
    connections_deinit(&room->connections);
}

static void to(struct room *room, struct connection *connection, enum connection_stage stage) {
    connections_set_stage(&room->connections, connection, stage, room->now_ms);
}

static void pass(struct room *room, uint64_t ms) {
    room->now_ms += ms;
    connections_sweep(&room->connections, room->now_ms);
}

/* All that the client has heard so far; NULL: nothing, and it is still connected. */
static const char *heard(const struct room *room, const struct connection *connection) {
    static char text[2048];
    int fd = room->clients[connection - room->all];
    ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[length > 0 ? length : 0] = 0;
    return length < 0 ? NULL : text;
}

static bool is_left_alone(const struct room *room, const struct connection *connection) {
    return connection->stage != CONNECTION_LEAVING && !heard(room, connection);
}

static void a_head_that_drips_is_answered_408(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 10);
    struct connection *connection = come(&room, "192.0.2.1");
    pass(&room, connections_head_ms - 1);
    assert_true(is_left_alone(&room, connection));
    pass(&room, 1);
    const char *text = heard(&room, connection);
    assert_non_null(strstr(text, "HTTP/1.1 408 "));
    assert_non_null(strstr(text, "head did not come whole within 20 s"));
    assert_string_equal(heard(&room, connection), ""); /* and the end */
    room_deinit(&room);
}

static void who_keeps_its_connection_is_closed_without_words(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 10);
    struct connection *connection = come(&room, "192.0.2.1");
    to(&room, connection, CONNECTION_BODY);
    to(&room, connection, CONNECTION_ANSWER);
    to(&room, connection, CONNECTION_HEAD);
    pass(&room, connections_head_ms);
    assert_string_equal(heard(&room, connection), "");
    room_deinit(&room);
}

static void a_body_has_time_as_it_comes_and_no_more(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 10);
    struct connection *drips = come(&room, "192.0.2.1"), *flows = come(&room, "192.0.2.1");
    struct connection *stops = come(&room, "192.0.2.1");
    to(&room, drips, CONNECTION_BODY);
    to(&room, flows, CONNECTION_BODY);
    to(&room, stops, CONNECTION_BODY);
    connections_moved(stops, (size_t)1 << 30, room.now_ms);
    for (int i = 0; i < 20; i++) {
        connections_moved(drips, 1, room.now_ms);
        connections_moved(flows, connections_least_rate, room.now_ms);
        pass(&room, 1000);
    }
    assert_non_null(strstr(heard(&room, drips), "HTTP/1.1 408 "));
    assert_non_null(strstr(heard(&room, stops), "body did not come whole"));
    assert_true(is_left_alone(&room, flows));
    room_deinit(&room);
}

static void what_we_hold_has_no_limit_and_an_answer_has_one(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 10);
    struct connection *held = come(&room, "192.0.2.1"), *told = come(&room, "192.0.2.1");
    struct connection *large = come(&room, "192.0.2.1");
    to(&room, held, CONNECTION_HELD);
    to(&room, told, CONNECTION_ANSWER);
    to(&room, large, CONNECTION_ANSWER);
    connections_moved(large, 10 * connections_least_rate, room.now_ms);
    pass(&room, connections_answer_ms);
    assert_string_equal(heard(&room, told), "");
    assert_true(is_left_alone(&room, large));
    pass(&room, 10000);
    assert_string_equal(heard(&room, large), "");
    pass(&room, 1000000);
    assert_true(is_left_alone(&room, held));
    room_deinit(&room);
}

static void the_oldest_incomplete_request_of_an_address_makes_room(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 2);
    struct connection *other = come(&room, "192.0.2.2");
    struct connection *first = come(&room, "192.0.2.1"), *second = come(&room, "192.0.2.1");
    to(&room, first, CONNECTION_BODY); /* began later than the second's head */
    struct connection *third = come(&room, "192.0.2.1");
    assert_non_null(strstr(heard(&room, second), "HTTP/1.1 503 "));
    assert_true(is_left_alone(&room, first));
    assert_true(is_left_alone(&room, third));
    assert_true(is_left_alone(&room, other));
    assert_int_equal(third->refused, 0);
    room_deinit(&room);
}

static void who_is_served_gives_way_to_nobody(void **state) {
    (void)state;
    struct room room;
    struct problem problem;
    room_init(&room, 10, 3);
    struct connection *held = come(&room, "192.0.2.1"), *answered = come(&room, "192.0.2.1");
    struct connection *admitted = come(&room, "192.0.2.1");
    to(&room, held, CONNECTION_HELD);
    to(&room, answered, CONNECTION_ANSWER);
    to(&room, admitted, CONNECTION_HELD);
    to(&room, admitted, CONNECTION_BODY);
    struct connection *more = come(&room, "192.0.2.1");
    assert_int_equal(more->refused, 429);
    connections_explain(&room.connections, more, &problem);
    assert_int_equal(problem.status, 429);
    assert_true(is_left_alone(&room, held));
    assert_true(is_left_alone(&room, answered));
    assert_true(is_left_alone(&room, admitted));
    assert_int_equal(come(&room, "192.0.2.2")->refused, 0);
    pass(&room, connections_refuse_ms);
    assert_int_equal(more->stage, CONNECTION_LEAVING);
    room_deinit(&room);
}

static void a_full_server_asks_whoever_has_most(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 4, 3);
    struct connection *single = come(&room, "192.0.2.2");
    struct connection *first = come(&room, "192.0.2.1");
    come(&room, "192.0.2.1");
    come(&room, "192.0.2.1");
    assert_int_equal(come(&room, "192.0.2.3")->refused, 0);
    assert_non_null(strstr(heard(&room, first), "HTTP/1.1 503 "));
    assert_true(is_left_alone(&room, single));
    for (size_t i = 0; i < room.count; i++)
        if (room.all[i].stage != CONNECTION_LEAVING)
            to(&room, &room.all[i], CONNECTION_HELD);
    assert_int_equal(come(&room, "192.0.2.4")->refused, 503);
    room_deinit(&room);
}

static void a_prefix_of_ipv6_is_one_client_and_a_unix_socket_has_no_share(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 20, 1);
    struct connection *first = come(&room, "2001:db8::1");
    assert_true(is_left_alone(&room, first));
    come(&room, "2001:db8::2");
    assert_int_equal(first->stage, CONNECTION_LEAVING);
    assert_true(is_left_alone(&room, come(&room, "2001:db8:0:1::1")));
    struct connection *mapped = come(&room, "::ffff:192.0.2.1");
    assert_true(is_left_alone(&room, come(&room, "::ffff:192.0.2.2")));
    come(&room, "192.0.2.1");
    assert_int_equal(mapped->stage, CONNECTION_LEAVING);
    struct connection *local = come(&room, "owner");
    assert_true(is_left_alone(&room, come(&room, "owner")));
    assert_true(is_left_alone(&room, local));
    room_deinit(&room);
}

static void who_is_told_to_go_and_stays_is_cut_off(void **state) {
    (void)state;
    struct room room;
    char byte;
    room_init(&room, clients_most, 1);
    struct connection *late = come(&room, "192.0.2.1");
    come(&room, "192.0.2.1");
    assert_int_equal(recv(late->fd, &byte, 1, MSG_DONTWAIT), -1); /* it could be read from */
    pass(&room, connections_leave_ms);
    assert_int_equal(recv(late->fd, &byte, 1, MSG_DONTWAIT), 0);
    for (size_t i = room.count; i < clients_most; i++)
        come(&room, "192.0.2.1");
    late = &room.all[room.count - 2]; /* too many leave already: nobody waits for this one */
    assert_int_equal(recv(late->fd, &byte, 1, MSG_DONTWAIT), 0);
    room_deinit(&room);
}

static void within_tls_nothing_is_said_in_plain_text(void **state) {
    (void)state;
    struct room room;
    room_init(&room, 10, 10);
    room.connections.seal = CONNECTIONS_SEALED;
    struct connection *connection = come(&room, "192.0.2.1");
    pass(&room, connections_head_ms);
    assert_string_equal(heard(&room, connection), "");
    room_deinit(&room);
}

static void the_room_is_that_of_the_descriptors_which_are_raised_as_far_as_may_be(void **state) {
    struct rlimit before;
    struct room room;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(before.rlim_max > 800);
    const struct rlimit few = {400, before.rlim_max}, hard = {400, 800};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    room_init(&room, 1000, 1000);
    assert_int_equal(room.connections.most, 150);
    descriptors_raise(800);
    descriptors_raise(200); /* never lowered */
    room_init(&room, 1000, 1000);
    assert_int_equal(room.connections.most, 300);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &hard), 0); /* for good: the last of the tests */
    descriptors_raise(before.rlim_max);
    room_init(&room, 1000, 1000);
    assert_int_equal(room.connections.most, 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_that_drips_is_answered_408),
        cmocka_unit_test(who_keeps_its_connection_is_closed_without_words),
        cmocka_unit_test(a_body_has_time_as_it_comes_and_no_more),
        cmocka_unit_test(what_we_hold_has_no_limit_and_an_answer_has_one),
        cmocka_unit_test(the_oldest_incomplete_request_of_an_address_makes_room),
        cmocka_unit_test(who_is_served_gives_way_to_nobody),
        cmocka_unit_test(a_full_server_asks_whoever_has_most),
        cmocka_unit_test(a_prefix_of_ipv6_is_one_client_and_a_unix_socket_has_no_share),
        cmocka_unit_test(who_is_told_to_go_and_stays_is_cut_off),
        cmocka_unit_test(within_tls_nothing_is_said_in_plain_text),
        cmocka_unit_test(
            the_room_is_that_of_the_descriptors_which_are_raised_as_far_as_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
