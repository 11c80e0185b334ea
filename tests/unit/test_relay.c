/* The relay in virtual time: who reaches whom, what is told, what is lost rather than kept; and the
 * news that it is told by, cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/prng.h"
#include "core/relay/relay.h"
#include "message/news.h"

enum { HOST_1, HOST_2, MANAGER, STRANGER, COUNT };
static const char *const names[COUNT] = {"host-1@r", "host-2@r", "manager@r", "stranger@r"};

struct room {
    struct relay relay;
    struct relay_account *accounts[COUNT];
    unsigned told[COUNT];
    uint64_t now_ms;
    uint64_t connections;
};

static void tell(struct relay *relay, struct relay_account *account) {
    container_of(relay, struct room, relay)->told[account->number]++;
}

/* Two hosts reach their manager, and nobody else anybody. */
static struct room *room_open(void) {
    struct room *room = memory_new(1, sizeof(*room));
    room->relay.tell = tell;
    room->now_ms = 1000;
    relay_init(&room->relay, 7);
    for (size_t i = 0; i < COUNT; i++)
        room->accounts[i] = relay_add(&room->relay, names[i]);
    relay_allow(room->accounts[HOST_1], room->accounts[MANAGER]);
    relay_allow(room->accounts[MANAGER], room->accounts[HOST_2]);
    relay_allow(room->accounts[MANAGER], room->accounts[HOST_2]); /* again: nothing changes */
    return room;
}

static void room_close(struct room *room) {
    relay_check(&room->relay);
    relay_deinit(&room->relay);
    memory_free(room);
}

static uint64_t come(struct room *room, int who) {
    relay_open(&room->relay, room->accounts[who], ++room->connections, room->now_ms);
    relay_listen(&room->relay, room->accounts[who], room->now_ms);
    return room->connections;
}

static enum relay_sent say(struct room *room, int from, const char *to, const char *bytes) {
    const struct relay_frame frame = {to, bytes, strlen(bytes)};
    return relay_send(&room->relay, room->accounts[from], &frame, room->now_ms);
}

static void assert_news(struct room *room, int who, const char *wanted) {
    auto_clean(text_deinit) struct text news = {0};
    relay_take(room->accounts[who], &news);
    assert_string_equal(text_data(&news), wanted);
}

static void stand_still(struct room *room, uint64_t ms) {
    room->now_ms += ms;
    relay_on_tick(&room->relay, room->now_ms);
    relay_check(&room->relay);
}

static void pass_time(struct room *room, uint64_t ms) {
    for (; ms > relay_tick_ms; ms -= relay_tick_ms)
        stand_still(room, relay_tick_ms);
    stand_still(room, ms);
}

static void those_who_may_reach_each_other_hear_of_each_other(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    come(room, STRANGER);
    come(room, HOST_1);
    assert_news(room, MANAGER, "up host-1@r\n");
    assert_news(room, HOST_1, "up manager@r\n");
    assert_news(room, STRANGER, "");
    come(room, HOST_2);
    assert_news(room, HOST_1, "");
    relay_close(&room->relay, room->accounts[HOST_1], room->now_ms);
    assert_news(room, MANAGER, "up host-2@r\ndown host-1@r\n");
    room_close(room);
}

static void a_frame_goes_only_where_it_may_and_says_truly_whose_it_is(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    come(room, HOST_1);
    come(room, HOST_2);
    come(room, STRANGER);
    assert_news(room, HOST_1, "up manager@r\n");
    assert_news(room, HOST_2, "up manager@r\n");
    assert_int_equal(say(room, MANAGER, "host-1@r", "hello"), RELAY_SENT);
    assert_news(room, HOST_1, "frame manager@r 5\nhello");
    assert_int_equal(say(room, HOST_1, "host-2@r", "hello"), RELAY_AWAY);
    assert_int_equal(say(room, HOST_1, "host-1@r", "hello"), RELAY_AWAY);
    assert_int_equal(say(room, STRANGER, "manager@r", "hello"), RELAY_AWAY);
    assert_int_equal(say(room, HOST_1, "nobody@r", "hello"), RELAY_AWAY);
    assert_news(room, HOST_2, "");
    room_close(room);
}

static void nothing_is_kept_for_one_who_is_away(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    assert_int_equal(say(room, MANAGER, "host-1@r", "stale"), RELAY_AWAY);
    come(room, HOST_1);
    assert_news(room, HOST_1, "up manager@r\n");
    assert_int_equal(say(room, MANAGER, "host-1@r", "untaken"), RELAY_SENT);
    come(room, HOST_1); /* by a new connection */
    assert_news(room, HOST_1, "up manager@r\n");
    room_close(room);
}

static void a_new_connection_replaces_the_one_before(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    uint64_t first = come(room, HOST_1), second = come(room, HOST_1);
    assert_int_equal(relay_standing(room->accounts[HOST_1], first), RELAY_REPLACED);
    assert_int_equal(relay_standing(room->accounts[HOST_1], second), RELAY_THERE);
    assert_news(room, MANAGER, "up host-1@r\ndown host-1@r\nup host-1@r\n");
    relay_open(&room->relay, room->accounts[HOST_1], second, room->now_ms); /* a repeat */
    assert_news(room, MANAGER, "");
    relay_close(&room->relay, room->accounts[HOST_1], room->now_ms);
    assert_int_equal(relay_standing(room->accounts[HOST_1], first), RELAY_GONE);
    assert_int_equal(relay_standing(room->accounts[HOST_1], 0), RELAY_GONE);
    room_close(room);
}

static void who_does_not_listen_is_away_after_a_while(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    uint64_t host = come(room, HOST_1);
    assert_news(room, MANAGER, "up host-1@r\n");
    assert_news(room, HOST_1, "up manager@r\n");
    assert_true(relay_deadline_ms(&room->relay) == room->now_ms + relay_tick_ms);
    pass_time(room, 3600000); /* who listens stays */
    relay_leave(room->accounts[HOST_1], room->now_ms);
    pass_time(room, relay_absent_ms - 1);
    assert_true(relay_deadline_ms(&room->relay) == room->now_ms + 1);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_THERE);
    unsigned told = room->told[HOST_1];
    pass_time(room, 1);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_GONE);
    assert_int_equal(room->told[HOST_1], told + 1);
    assert_news(room, MANAGER, "down host-1@r\n");
    room_close(room);
}

static void what_is_not_taken_in_time_is_never_heard(void **state) {
    (void)state;
    struct room *room = room_open();
    come(room, MANAGER);
    uint64_t host = come(room, HOST_1);
    assert_news(room, MANAGER, "up host-1@r\n");
    assert_news(room, HOST_1, "up manager@r\n");
    assert_int_equal(say(room, MANAGER, "host-1@r", "an order"), RELAY_SENT);
    pass_time(room, relay_stale_ms - 1); /* its answer is on a slow way, say */
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_THERE);
    room->now_ms += 1;
    relay_listen(&room->relay, room->accounts[HOST_1], room->now_ms); /* before any tick */
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_GONE);
    assert_false(relay_has_news(room->accounts[HOST_1]));
    assert_news(room, MANAGER, "down host-1@r\n");
    room_close(room);
}

static void a_relay_that_stood_still_has_nobody_left(void **state) {
    (void)state;
    struct room *room = room_open();
    assert_true(relay_deadline_ms(&room->relay) == UINT64_MAX);
    uint64_t manager = come(room, MANAGER), host = come(room, HOST_1);
    stand_still(room, relay_absent_ms - 1);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_THERE);
    room->now_ms += relay_absent_ms;
    assert_int_equal(say(room, MANAGER, "host-1@r", "from its socket"), RELAY_AWAY);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_GONE);
    assert_int_equal(relay_standing(room->accounts[MANAGER], manager), RELAY_GONE);
    host = come(room, HOST_1);
    come(room, MANAGER);
    room->now_ms += relay_absent_ms;
    relay_listen(&room->relay, room->accounts[HOST_1], room->now_ms);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_GONE);
    assert_true(relay_deadline_ms(&room->relay) == UINT64_MAX);
    room_close(room);
}

static void who_comes_with_an_earlier_time_ends_nobody(void **state) {
    (void)state;
    struct room *room = room_open();
    uint64_t manager = come(room, MANAGER), host = come(room, HOST_1);
    relay_on_tick(&room->relay, room->now_ms - 1);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_THERE);
    assert_int_equal(relay_standing(room->accounts[MANAGER], manager), RELAY_THERE);
    room->now_ms += relay_absent_ms; /* by the latest that was seen, not by the last */
    relay_on_tick(&room->relay, room->now_ms);
    assert_int_equal(relay_standing(room->accounts[HOST_1], host), RELAY_GONE);
    room_close(room);
}

static void a_full_account_loses_frames_and_holds_up_nobody(void **state) {
    (void)state;
    struct room *room = room_open();
    static char frame[60001];
    memset(frame, 'x', sizeof(frame) - 1);
    come(room, MANAGER);
    come(room, HOST_1);
    come(room, HOST_2);
    unsigned sent = 0;
    while (say(room, MANAGER, "host-1@r", frame) == RELAY_SENT)
        sent++;
    assert_int_equal(sent, relay_waiting_bytes / (60000 + 22));
    assert_int_equal(say(room, MANAGER, "host-1@r", frame), RELAY_FULL);
    assert_int_equal(say(room, MANAGER, "host-2@r", frame), RELAY_SENT);
    relay_close(&room->relay, room->accounts[MANAGER], room->now_ms); /* that is still told */
    assert_int_equal(relay_standing(room->accounts[HOST_1], 2), RELAY_THERE);
    room_close(room);
}

static void who_cannot_be_told_of_the_others_is_ended(void **state) {
    (void)state;
    struct room *room = room_open();
    uint64_t manager = come(room, MANAGER);
    unsigned times = 0;
    for (; relay_standing(room->accounts[MANAGER], manager) == RELAY_THERE; times++)
        come(room, HOST_1);
    assert_in_range(times, 1000, 100000);
    assert_false(relay_has_news(room->accounts[MANAGER]));
    come(room, MANAGER);
    assert_news(room, MANAGER, "up host-1@r\n");
    room_close(room);
}

static void whatever_happens_the_relay_holds_together(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 4711);
    struct room *room = room_open();
    for (int i = 0; i < 20000; i++) {
        int who = (int)prng_below(&prng, COUNT);
        struct relay_account *account = room->accounts[who];
        auto_clean(text_deinit) struct text news = {0};
        bool is_there = account->connection;
        switch (prng_below(&prng, 6)) {
        case 0: come(room, who); break;
        case 1: if (is_there) relay_close(&room->relay, account, room->now_ms); break;
        case 2: if (is_there) relay_leave(account, room->now_ms); break;
        case 3: if (is_there) relay_take(account, &news); break;
        case 4: if (is_there) say(room, who, names[prng_below(&prng, COUNT)], "hello"); break;
        default: pass_time(room, prng_below(&prng, 4000)); break;
        }
        assert_null(strstr(text_data(&news), names[STRANGER]));
        if (who == HOST_1 || who == HOST_2)
            assert_null(strstr(text_data(&news), "host-"));
        relay_check(&room->relay);
    }
    room_close(room);
}

/* ---- news ---- */

static const char stream[] = "up a@b\nframe a@b/c 3\nx\ny" "down a@b\nframe a@b 10\n0123456789";

/* All of it, in pieces of `size`, as text again. */
static void read_in_pieces(size_t size, struct text *out) {
    struct news_reader reader = {0};
    struct news news;
    for (size_t at = 0; at < sizeof(stream) - 1; at += size) {
        size_t rest = sizeof(stream) - 1 - at;
        news_reader_add(&reader, stream + at, rest < size ? rest : size);
        enum news_read read;
        while ((read = news_reader_next(&reader, &news)) == NEWS_READ)
            news_add(out, &news);
        assert_int_equal(read, NEWS_PART);
    }
    assert_true(news_reader_is_done(&reader));
    text_deinit(&reader.held);
}

static void news_come_back_whole_wherever_they_are_cut(void **state) {
    (void)state;
    for (size_t size = 1; size < sizeof(stream); size++) {
        auto_clean(text_deinit) struct text out = {0};
        read_in_pieces(size, &out);
        assert_string_equal(text_data(&out), stream);
    }
}

static void what_is_no_news_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "up\n", "up \n", "up a\n", "up a@\n", "up @b\n", "up a@/c\n", "up a@b c\n", "UP a@b\n",
        "left a@b\n", "frame a@b\n", "frame a@b 0\n", "frame a@b 01\n", "frame a@b -1\n",
        "frame a@b 65537\n", "frame a@b 100000\n", "frame a@b 1x\nx", "frame a@b 1 \nx",
        "up a@\tb\n", "up a@b\r\n", "\n",
    };
    char long_head[400];
    memset(long_head, 'a', sizeof(long_head) - 1);
    long_head[sizeof(long_head) - 1] = 0;
    for (size_t i = 0; i <= array_size(wrong); i++) {
        const char *text = i < array_size(wrong) ? wrong[i] : long_head;
        struct news_reader reader = {0};
        struct news news;
        news_reader_add(&reader, text, strlen(text));
        assert_int_equal(news_reader_next(&reader, &news), NEWS_BROKEN);
        text_deinit(&reader.held);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_may_reach_each_other_hear_of_each_other),
        cmocka_unit_test(a_frame_goes_only_where_it_may_and_says_truly_whose_it_is),
        cmocka_unit_test(nothing_is_kept_for_one_who_is_away),
        cmocka_unit_test(a_new_connection_replaces_the_one_before),
        cmocka_unit_test(who_does_not_listen_is_away_after_a_while),
        cmocka_unit_test(what_is_not_taken_in_time_is_never_heard),
        cmocka_unit_test(a_relay_that_stood_still_has_nobody_left),
        cmocka_unit_test(who_comes_with_an_earlier_time_ends_nobody),
        cmocka_unit_test(a_full_account_loses_frames_and_holds_up_nobody),
        cmocka_unit_test(who_cannot_be_told_of_the_others_is_ended),
        cmocka_unit_test(whatever_happens_the_relay_holds_together),
        cmocka_unit_test(news_come_back_whole_wherever_they_are_cut),
        cmocka_unit_test(what_is_no_news_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
