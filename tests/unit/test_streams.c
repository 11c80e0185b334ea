/* Streams on real sockets within TLS: from who is at a VM through a manager to the top, and to a
 * viewer; what is typed comes down, what is said goes up, and whoever stops reading stops the
 * other end. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "io/keys/authority.h"
#include "io/keys/certificate.h"
#include "io/keys/secret.h"
#include "io/keys/stream_seal.h"
#include "io/stream/streams.h"

static char folder[] = "/tmp/isthmus-streams-XXXXXX", certificate[64], key[64];
static char pin[limit_digest_size];

/* Somebody with streams, and what was told of them. */
struct party {
    struct streams *streams;
    pthread_mutex_t lock;
    pthread_cond_t told;
    struct event_stream news[16];
    size_t count, taken;
};

static struct party at_vm, manager, top, viewer;

static void on_news(void *context, const struct event_stream *news) {
    struct party *party = context;
    pthread_mutex_lock(&party->lock);
    party->news[party->count++ % 16] = *news;
    pthread_cond_signal(&party->told);
    pthread_mutex_unlock(&party->lock);
}

static struct event_stream next_news(struct party *party) {
    pthread_mutex_lock(&party->lock);
    while (party->taken == party->count)
        pthread_cond_wait(&party->told, &party->lock);
    struct event_stream news = party->news[party->taken++ % 16];
    pthread_mutex_unlock(&party->lock);
    return news;
}

static void party_begin(struct party *party, const char *listen_at) {
    struct error err = {0};
    *party = (struct party){.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
    party->streams = streams_start(&(struct streams_settings){
        .listen = listen_at, .certificate_file = certificate, .key_file = key, .tell = on_news,
        .context = party}, &err);
    if (!party->streams)
        fail_msg("%s", err.text);
}

static int write_text(const char *path, const struct text *text) {
    FILE *file = fopen(path, "w");
    size_t written = file ? fwrite(text->data, 1, text->length, file) : 0;
    return !file || fclose(file) || written != text->length;
}

static int set_up_files(void **state) {
    struct credentials authority = {0}, own = {0};
    struct error err;
    (void)state;
    if (!mkdtemp(folder) || authority_make("streams", &authority, &err) ||
        authority_issue(&authority, "localhost", &own, &err))
        return -1;
    text_format(certificate, sizeof(certificate), "%s/own.crt", folder);
    text_format(key, sizeof(key), "%s/own.key", folder);
    int failed = write_text(certificate, &own.certificate) || write_text(key, &own.key) ||
                 certificate_pin(certificate, pin, &err);
    credentials_clean(&authority);
    credentials_clean(&own);
    return failed;
}

static int tear_down_files(void **state) {
    (void)state;
    return unlink(certificate) || unlink(key) || rmdir(folder);
}

static int set_up(void **state) {
    (void)state;
    party_begin(&at_vm, NULL);
    party_begin(&manager, "127.0.0.1:0");
    party_begin(&top, "127.0.0.1:0");
    party_begin(&viewer, NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    streams_stop(viewer.streams);
    streams_stop(at_vm.streams);
    streams_stop(manager.streams);
    streams_stop(top.streams);
    return 0;
}

/* A ticket is 64 of the letter. */
static struct open way(const struct party *party, char ticket) {
    struct open to = {0};
    text_format(to.url, sizeof(to.url), "wss://127.0.0.1:%u", streams_port(party->streams));
    text_set(to.pin, pin);
    memset(to.ticket, ticket, sizeof(to.ticket) - 1);
    return to;
}

/* Who came with it, from 127.0.0.1: its claim. */
static uint64_t await(struct party *party, char ticket, const char *token) {
    char shown[limit_digest_size] = "", digest[limit_digest_size] = "";
    struct event_stream news = next_news(party);
    memset(shown, ticket, sizeof(shown) - 1);
    secret_hash_bytes(shown, strlen(shown), digest);
    assert_int_equal(news.news, STREAM_CAME);
    assert_string_equal(news.ticket, digest);
    assert_string_equal(news.from, "127.0.0.1");
    if (token)
        secret_hash_bytes(token, strlen(token), digest);
    assert_string_equal(news.token_hash, token ? digest : "");
    return news.number;
}

struct lane {
    int vm, viewer;
};

/* A viewer comes to the top, with a ticket and a token: by its listener or by a descriptor there.
 * The other end of what it has. */
enum viewer_way { BY_LISTENER, BY_DESCRIPTOR };
static int come(enum viewer_way by) {
    static const char token[] = "anna";
    int up[2];
    char hash[limit_digest_size];
    const struct open to = way(&top, 'c');
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, up), 0);
    secret_hash_bytes(token, strlen(token), hash);
    if (by == BY_LISTENER)
        streams_dial(viewer.streams,
                     &(struct stream_dial){.number = 1, .fd = up[1], .to = to, .token = token});
    else
        streams_visit(top.streams, &(struct stream_visit){up[1], to.ticket, hash, "127.0.0.1"});
    return up[0];
}

/* The whole way, as the managers' cores would order it. */
static struct lane join_by(enum viewer_way by) {
    int down[2];
    struct stream_secret own, its;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, down), 0);
    stream_secret_draw(&own);
    stream_secret_draw(&its);
    struct stream_dial dial = {.number = 7, .fd = down[1], .to = way(&manager, 'a'),
                               .secret = its.secret};
    text_set(dial.to.key, own.key);
    streams_dial(at_vm.streams, &dial);
    streams_order(manager.streams,
                  &(struct effect_stream){.order = STREAM_TAKE, .number = 5, .side = STREAM_BELOW,
                                          .claim = await(&manager, 'a', NULL)});
    streams_order(manager.streams, &(struct effect_stream){.order = STREAM_DIAL, .number = 5,
                                                           .to = way(&top, 'b')});
    struct effect_stream take = {.order = STREAM_TAKE, .number = 3, .side = STREAM_BELOW,
                                 .claim = await(&top, 'b', NULL), .opens = own};
    text_set(take.opens.key, its.key);
    streams_order(top.streams, &take);
    int up = come(by);
    streams_order(top.streams,
                  &(struct effect_stream){.order = STREAM_TAKE, .number = 3, .side = STREAM_ABOVE,
                                          .claim = await(&top, 'c', "anna")});
    return (struct lane){down[0], up};
}

static struct lane join(void) { return join_by(BY_LISTENER); }

static void assert_passes(int from, int to, const char *bytes) {
    char came[64];
    size_t length = strlen(bytes), at = 0;
    assert_int_equal(write(from, bytes, length), length);
    while (at < length) {
        ssize_t got = read(to, came + at, length - at);
        assert_true(got > 0);
        at += (size_t)got;
    }
    assert_memory_equal(came, bytes, length);
}

static void assert_ended(struct party *party, uint64_t number, enum code code) {
    struct event_stream news = next_news(party);
    assert_int_equal(news.news, STREAM_ENDED);
    assert_int_equal(news.number, number);
    assert_int_equal(news.code, code);
}

static void assert_at_end(int fd) {
    char byte;
    assert_int_equal(read(fd, &byte, 1), 0);
    (void)close(fd);
}

static void what_is_typed_comes_down_and_what_is_said_goes_up(void **state) {
    (void)state;
    struct lane lane = join();
    assert_passes(lane.viewer, lane.vm, "ls\n");
    assert_passes(lane.vm, lane.viewer, "bin etc\n");
    (void)close(lane.viewer);
    assert_at_end(lane.vm);
    assert_ended(&viewer, 1, CODE_OK);
    assert_ended(&top, 3, CODE_OK);
    assert_ended(&manager, 5, CODE_OK);
    assert_ended(&at_vm, 7, CODE_OK);
}

/* Writes what can be written, reads nothing; how much it was until a second went by. */
static size_t fill(int fd, const unsigned char *bytes, size_t length) {
    size_t at = 0;
    struct pollfd wanted = {fd, POLLOUT, 0};
    while (at < length && poll(&wanted, 1, 1000) == 1) {
        ssize_t sent = send(fd, bytes + at, length - at, MSG_DONTWAIT);
        at += sent > 0 ? (size_t)sent : 0;
    }
    return at;
}

struct flood {
    int fd;
    const unsigned char *bytes;
    size_t length;
};

static void *pour(void *context) {
    const struct flood *flood = context;
    for (size_t at = 0; at < flood->length;) {
        ssize_t sent = write(flood->fd, flood->bytes + at, flood->length - at);
        if (sent <= 0)
            return NULL;
        at += (size_t)sent;
    }
    (void)close(flood->fd);
    return NULL;
}

static unsigned char *noise(size_t length) {
    unsigned char *bytes = memory_new(length, 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(i * 2654435761U >> 13);
    return bytes;
}

/* Also to the last byte, where who said it has gone by then. */
static void much_comes_through_whole_and_in_its_order(void **state) {
    enum { length = 16 << 20 };
    (void)state;
    pthread_t thread;
    struct lane lane = join();
    unsigned char *bytes = noise(length), *came = memory_new(length, 1);
    struct flood flood = {lane.vm, bytes, length};
    assert_int_equal(pthread_create(&thread, NULL, pour, &flood), 0);
    size_t at = 0;
    for (ssize_t got = 1; at < length && got > 0; at += (size_t)got)
        got = read(lane.viewer, came + at, length - at);
    pthread_join(thread, NULL);
    assert_int_equal(at, length);
    assert_memory_equal(bytes, came, length);
    assert_at_end(lane.viewer);
    memory_free(bytes);
    memory_free(came);
}

/* What waits is bounded at each of the four, and by what the kernel holds between them. */
static void a_viewer_that_does_not_read_stops_who_says_it(void **state) {
    enum { length = 64 << 20, most = 32 << 20 };
    (void)state;
    struct lane lane = join();
    unsigned char *bytes = noise(length), came[4096];
    size_t taken = fill(lane.vm, bytes, length);
    assert_in_range(taken, 1, most);
    size_t at = 0;
    while (at < taken) {
        ssize_t got = read(lane.viewer, came, sizeof(came));
        assert_true(got > 0);
        assert_memory_equal(came, bytes + at, (size_t)got);
        at += (size_t)got;
    }
    assert_passes(lane.viewer, lane.vm, "it goes on\n");
    (void)close(lane.viewer);
    assert_at_end(lane.vm);
    memory_free(bytes);
}

static void who_has_another_key_is_shown_no_ticket(void **state) {
    (void)state;
    int down[2];
    struct stream_secret its;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, down), 0);
    stream_secret_draw(&its);
    struct stream_dial dial = {.number = 7, .fd = down[1], .to = way(&manager, 'a'),
                               .secret = its.secret};
    text_set(dial.to.key, its.key);
    dial.to.pin[0] = dial.to.pin[0] == '0' ? '1' : '0';
    streams_dial(at_vm.streams, &dial);
    assert_ended(&at_vm, 7, CODE_UNREACHABLE);
    assert_at_end(down[0]);
    assert_int_equal(manager.count, 0);
}

static void who_is_refused_or_not_reached_has_an_end(void **state) {
    (void)state;
    for (enum viewer_way by = BY_LISTENER; by <= BY_DESCRIPTOR; by++) {
        int fd = come(by);
        streams_order(top.streams, &(struct effect_stream){.order = STREAM_REFUSE,
                                                           .claim = await(&top, 'c', "anna")});
        assert_at_end(fd);
    }
    (void)next_news(&viewer);
    int up[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, up), 0);
    struct stream_dial dial = {.number = 2, .fd = up[1], .to = way(&top, 'c'), .token = "anna"};
    text_set(dial.to.url, "wss://127.0.0.1:1");
    streams_dial(viewer.streams, &dial);
    assert_at_end(up[0]);
    assert_ended(&viewer, 2, CODE_UNREACHABLE);
}

static void what_is_cut_ends_for_all_and_whoever_cut_it_is_told_nothing(void **state) {
    (void)state;
    struct lane lane = join();
    assert_passes(lane.vm, lane.viewer, "bin\n");
    streams_order(manager.streams, &(struct effect_stream){.order = STREAM_CUT, .number = 5});
    assert_at_end(lane.vm);
    assert_at_end(lane.viewer);
    assert_ended(&top, 3, CODE_OK);
    assert_ended(&at_vm, 7, CODE_OK);
    assert_int_equal(manager.count, manager.taken);
}

static void who_comes_by_a_descriptor_is_told_when_taken_and_is_a_viewer(void **state) {
    (void)state;
    char mark = 0;
    struct lane lane = join_by(BY_DESCRIPTOR);
    assert_int_equal(read(lane.viewer, &mark, 1), 1);
    assert_int_equal(mark, stream_taken);
    assert_passes(lane.viewer, lane.vm, "ls\n");
    assert_passes(lane.vm, lane.viewer, "bin etc\n");
    (void)close(lane.viewer);
    assert_at_end(lane.vm);
    assert_ended(&top, 3, CODE_OK);
    assert_ended(&manager, 5, CODE_OK);
    lane = join_by(BY_DESCRIPTOR);
    assert_int_equal(read(lane.viewer, &mark, 1), 1);
    streams_order(top.streams, &(struct effect_stream){.order = STREAM_CUT, .number = 3});
    assert_at_end(lane.viewer);
    assert_at_end(lane.vm);
}

/* Also where nobody ever decides: streams_stop() closes it. */
static void who_is_neither_taken_nor_refused_is_held_until_the_end(void **state) {
    (void)state;
    int first = come(BY_DESCRIPTOR), second = come(BY_DESCRIPTOR);
    (void)await(&top, 'c', "anna");
    (void)await(&top, 'c', "anna");
    (void)close(first); /* it goes away by itself */
    struct pollfd wanted = {second, POLLIN, 0};
    assert_int_equal(poll(&wanted, 1, 100), 0);
    streams_stop(take(top.streams));
    assert_at_end(second);
}

/* Each way, in pieces that fall as they like; and nothing that somebody else has sealed. */
static void a_seal_opens_what_its_other_end_said_and_nothing_else(void **state) {
    (void)state;
    struct stream_secret own, its, foreign;
    struct text way_up = {0}, opened = {0};
    stream_secret_draw(&own);
    stream_secret_draw(&its);
    stream_secret_draw(&foreign);
    struct stream_seal *vm = stream_seal_new(STREAM_AT_VM, its.secret, own.key);
    struct stream_seal *above = stream_seal_new(STREAM_AT_TOP, own.secret, its.key);
    struct stream_seal *other = stream_seal_new(STREAM_AT_TOP, foreign.secret, its.key);
    assert_null(stream_seal_new(STREAM_AT_VM, its.secret, "no key"));
    stream_seal_close(vm, "one", 3, &way_up);
    stream_seal_close(vm, "two", 3, &way_up);
    for (size_t i = 0; i < way_up.length; i++)
        assert_int_equal(stream_seal_open(above, way_up.data + i, 1, &opened), 0);
    assert_string_equal(text_data(&opened), "onetwo");
    assert_int_not_equal(stream_seal_open(other, way_up.data, way_up.length, &opened), 0);
    assert_string_equal(text_data(&opened), "onetwo");
    assert_int_not_equal(stream_seal_open(above, "\0\0", 2, &opened), 0);
    stream_seal_free(vm);
    stream_seal_free(above);
    stream_seal_free(other);
    text_deinit(&way_up);
    text_deinit(&opened);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(much_comes_through_whole_and_in_its_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_viewer_that_does_not_read_stops_who_says_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_has_another_key_is_shown_no_ticket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_refused_or_not_reached_has_an_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_cut_ends_for_all_and_whoever_cut_it_is_told_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            who_comes_by_a_descriptor_is_told_when_taken_and_is_a_viewer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            who_is_neither_taken_nor_refused_is_held_until_the_end, set_up, tear_down),
        cmocka_unit_test(a_seal_opens_what_its_other_end_said_and_nothing_else),
        cmocka_unit_test_setup_teardown(what_is_typed_comes_down_and_what_is_said_goes_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, set_up_files, tear_down_files);
}
