/* A link whose servers are of different kinds: two kinds that only note what they are told. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/carrier/carrier.h"
#include "io/carrier/kinds.h"

struct shell {
    sem_t opened;
    struct text journal; /* of what is told and sent, all by the test's own thread */
};

struct line {
    struct carrier_line line;
    struct shell *shell;
    char address[limit_address_size], peer[limit_address_size];
    bool is_open;
};

void shell_post(struct shell *shell, const struct event *event) {
    text_addf(&shell->journal, "%s %s;",
              event->presence.address ? event->presence.address : "link",
              event->presence.presence == PRESENCE_UP ? "up" : "down");
}

void shell_post_bytes(struct shell *shell, const struct event_frame *about, const char *bytes,
                      size_t length) {
    text_addf(&shell->journal, "from %s by %u: %.*s;", about->from, about->endpoint, (int)length,
              bytes);
}

void shell_serve(struct shell *shell) { (void)shell; }

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    (void)shell, (void)level, (void)event, (void)format;
}

static struct line *line_of(struct carrier_line *line) {
    return container_of(line, struct line, line);
}

static struct line *lines[limit_endpoints]; /* by number */

static struct carrier_line *make(const struct carrier_line_settings *settings,
                                 struct error *err) {
    (void)err;
    struct line *line = memory_new(1, sizeof(*line));
    line->line = settings->line;
    line->shell = settings->shell;
    assert_true(text_copy(line->address, sizeof(line->address), settings->endpoint->address));
    assert_true(text_copy(line->peer, sizeof(line->peer), settings->peers[0]));
    lines[line->line.number] = line;
    return &line->line;
}

static void open_line(struct carrier_line *line, enum failover_want purpose) {
    line_of(line)->is_open = purpose == FAILOVER_USE;
    sem_post(&line_of(line)->shell->opened);
}

static void close_line(struct carrier_line *line) { line_of(line)->is_open = false; }

static enum carrier_sent send_frame(struct carrier_line *line, const char *address,
                                    const char *bytes, size_t length) {
    text_addf(&line_of(line)->shell->journal, "%s to %s: %.*s;", line->kind->name, address,
              (int)length, bytes);
    return CARRIER_SENT;
}

static void flush(struct carrier_line *line) {
    text_addf(&line_of(line)->shell->journal, "%s flushed;", line->kind->name);
}

static void free_line(struct carrier_line *line) { memory_free(line_of(line)); }

static const struct carrier_kind one = {"one", NULL, make, open_line, close_line, send_frame,
                                        flush, free_line};
static const struct carrier_kind other = {"other", NULL, make, open_line, close_line, send_frame,
                                          flush, free_line};

static void await_opened(struct shell *shell) {
    const struct timespec until = {.tv_sec = time(NULL) + 10};
    assert_int_equal(sem_timedwait(&shell->opened, &until), 0);
}

/* A manager's link: present on each server, but on one node of a cluster. */
static struct carrier *connect_to(struct shell *shell, const struct carrier_kind *second) {
    static const char *const addresses[] = {"peer@a", "peer@b"};
    const struct carrier_peer peer = {addresses};
    const struct carrier_endpoint endpoints[] = {{.kind = &one, .address = "us@a"},
                                                 {.kind = second, .address = "us@a"}};
    const struct carrier_settings settings = {.endpoints = endpoints,
                                              .endpoints_count = array_size(endpoints),
                                              .use = ENDPOINTS_USE_EACH,
                                              .peers = &peer,
                                              .peers_count = 1};
    struct error err = {0};
    sem_init(&shell->opened, 0, 0);
    struct carrier *carrier = carrier_new(&settings, shell, &err);
    assert_non_null(carrier);
    await_opened(shell);
    return carrier;
}

static void disconnect(struct carrier *carrier, struct shell *shell) {
    carrier_free(carrier);
    text_deinit(&shell->journal);
    sem_destroy(&shell->opened);
}

static void each_server_is_served_by_its_own_kind(void **state) {
    (void)state;
    struct shell shell = {0};
    struct carrier *carrier = connect_to(&shell, &other);
    await_opened(&shell); /* two kinds are no nodes of one cluster: both are in use */
    assert_string_equal(lines[1]->peer, "peer@b");
    carrier_on_up(&lines[0]->line);
    carrier_on_up(&lines[1]->line);
    carrier_on_peer(&lines[1]->line, "peer@b", PRESENCE_UP);
    carrier_on_frame(&lines[1]->line, "peer@b", "hello", 5);
    carrier_route(carrier, "peer@a", 1);
    assert_int_equal(carrier_send(carrier, "peer@a", "there", 5), CARRIER_SENT);
    carrier_flush(carrier);
    assert_string_equal(text_data(&shell.journal),
                        "link up;peer@a up;from peer@a by 1: hello;other to peer@b: there;"
                        "one flushed;other flushed;");
    disconnect(carrier, &shell);
}

static void equal_addresses_of_one_kind_are_nodes_of_a_cluster(void **state) {
    (void)state;
    struct shell shell = {0};
    struct carrier *carrier = connect_to(&shell, &one);
    carrier_on_up(&lines[0]->line);
    assert_int_equal(carrier_send(carrier, "peer@a", "there", 5), CARRIER_SENT);
    assert_true(lines[0]->is_open);
    assert_false(lines[1]->is_open);
    disconnect(carrier, &shell);
}

static void a_kind_is_found_by_its_name(void **state) {
    (void)state;
    assert_string_equal(carrier_kind_find("xmpp")->name, "xmpp");
    assert_null(carrier_kind_find("pigeon"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_is_served_by_its_own_kind),
        cmocka_unit_test(equal_addresses_of_one_kind_are_nodes_of_a_cluster),
        cmocka_unit_test(a_kind_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
