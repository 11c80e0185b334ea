/* A session in virtual time: every rule of its numbers, and two ends over a channel that loses,
 * repeats and disorders, between which each message arrives once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "core/link/session.h"

static const struct peer_setting peer = {.name = "north", .address = "a@b/c", .link = 3};

/* One end, at work: what it says goes into `out`. */
struct end {
    struct session session;
    struct effects out;
    struct moment moment;
};

static int set_up(void **state) {
    struct end *end = memory_new(1, sizeof(*end));
    end->moment = (struct moment){.now_ms = 1000, .out = &end->out};
    session_init(&end->session, &peer, 0, &end->moment);
    session_open(&end->session, SESSION_OPEN, 10, 20);
    *state = end;
    return 0;
}

static int tear_down(void **state) {
    struct end *end = *state;
    session_check(&end->session);
    session_close(&end->session);
    effects_deinit(&end->out);
    memory_free(end);
    return 0;
}

/* What it said since the last time: "5 6 7 ack8 ack8gap " (numbers of messages). */
static void assert_said(struct end *end, const char *expected) {
    auto_clean(text_deinit) struct text said = {0};
    for (size_t i = 0; i < end->out.count; i++) {
        const struct effect *effect = &end->out.items[i];
        const struct frame_header *header = &effect->send.header;
        assert_string_equal(effect->send.address, "a@b/c");
        assert_int_equal(effect->send.link, 3);
        assert_int_equal(header->from, 10);
        if (effect->kind == EFFECT_SEND)
            text_addf(&said, "%u ", (unsigned)header->sequence);
        else
            text_addf(&said, "ack%u%s ", (unsigned)header->received, header->gap ? "gap" : "");
    }
    assert_string_equal(text_data(&said), expected);
    effects_clear(&end->out);
}

/* As the links do: only if it is due. */
static void tick(struct end *end) {
    if (session_deadline_ms(&end->session) <= end->moment.now_ms)
        session_tick(&end->session);
    assert_true(session_deadline_ms(&end->session) > end->moment.now_ms);
    session_check(&end->session);
}

static void pass(struct end *end, uint64_t ms) {
    uint64_t until = end->moment.now_ms + ms;
    while (session_deadline_ms(&end->session) <= until) {
        end->moment.now_ms = session_deadline_ms(&end->session);
        tick(end);
    }
    end->moment.now_ms = until;
}

static void say(struct end *end, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        session_send(&end->session, &(struct message){.kind = MESSAGE_SYNC});
    tick(end);
}

static enum session_verdict hear_header(struct end *end, struct frame_header header,
                                        uint32_t count) {
    const struct frame frame = {.header = header, .messages_count = count};
    enum session_verdict verdict = session_receive(&end->session, &frame);
    tick(end);
    return verdict;
}

/* Messages from the peer, with its word of what it has. */
static enum session_verdict hear(struct end *end, uint64_t sequence, uint32_t count,
                                 uint64_t received) {
    return hear_header(end, (struct frame_header){20, 10, sequence, received, false}, count);
}

static void a_frame_has_the_newest_form_that_the_peer_knows(void **state) {
    struct end *end = *state;
    static const enum frame_form forms[] = {FRAME_JSON, FRAME_JSON, FRAME_PACKED, FRAME_BYTES,
                                            FRAME_BYTES};
    for (uint32_t version = 0; version < array_size(forms); version++) {
        end->session.version = version; /* 0: not known yet */
        say(end, 1);
        assert_int_equal(end->out.items[0].send.form, forms[version]);
        effects_clear(&end->out);
    }
}

static void the_next_frame_is_accepted_and_all_its_messages_counted(void **state) {
    struct end *end = *state;
    assert_int_equal(hear(end, 1, 3, 0), SESSION_ACCEPT);
    assert_int_equal(end->session.received, 3);
    assert_int_equal(end->session.fresh, 0);
    assert_int_equal(end->session.heard_ms, 1000);
    assert_int_equal(hear(end, 4, 1, 0), SESSION_ACCEPT);
    assert_int_equal(end->session.received, 4);
}

static void a_repeat_is_dropped_and_of_half_a_repeat_the_new_half_is_taken(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 4, 0);
    end->moment.now_ms = 1050;
    assert_int_equal(hear(end, 4, 1, 0), SESSION_DROP);
    assert_int_equal(hear(end, 1, 4, 0), SESSION_DROP);
    assert_int_equal(end->session.received, 4);
    assert_int_equal(end->session.heard_ms, 1000); /* it may be a stranger's echo */
    assert_int_equal(hear(end, 3, 4, 0), SESSION_ACCEPT);
    assert_int_equal(end->session.fresh, 2);
    assert_int_equal(end->session.received, 6);
}

static void behind_a_gap_nothing_is_taken_and_the_peer_is_told_at_once_and_once(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 1, 0);
    assert_said(end, "");
    assert_int_equal(hear(end, 3, 1, 0), SESSION_DROP);
    assert_said(end, "ack1gap ");
    assert_int_equal(hear(end, 4, 2, 0), SESSION_DROP);
    assert_int_equal(hear(end, session_number_most, 2048, 0), SESSION_DROP);
    assert_said(end, "");
    assert_int_equal(end->session.received, 1);
    assert_int_equal(hear(end, 2, 4, 0), SESSION_ACCEPT);
    pass(end, 1000);
    assert_said(end, "ack5 ");
}

/* `verdict`, and nothing of the session changed. */
static void assert_refused(struct session session, struct frame_header header,
                           enum session_verdict verdict) {
    const struct frame frame = {.header = header, .messages_count = 1};
    struct session before = session;
    assert_int_equal(session_receive(&session, &frame), verdict);
    assert_memory_equal(&session, &before, sizeof(session));
}

static void frames_of_other_sessions_are_strangers(void **state) {
    const struct session open = ((struct end *)*state)->session;
    struct session closed = open;
    closed.heard_ms = 1;
    session_close(&closed);
    assert_int_equal(closed.heard_ms, 1);
    assert_refused(open, (struct frame_header){20, 11, 1, 0, false}, SESSION_STRANGER);
    assert_refused(open, (struct frame_header){21, 10, 1, 0, false}, SESSION_STRANGER);
    assert_refused(open, (struct frame_header){20, 0, 1, 0, false}, SESSION_STRANGER);
    assert_refused(closed, (struct frame_header){20, 10, 1, 0, false}, SESSION_STRANGER);
    assert_refused(closed, (struct frame_header){20, 0, 1, 0, false}, SESSION_STRANGER);
    assert_refused(open, (struct frame_header){20, 10, 1, 1, false}, SESSION_DROP); /* a lie */
}

static void while_opening_the_peers_number_is_not_known_yet(void **state) {
    (void)state;
    struct moment moment = {0};
    struct session session = {.moment = &moment, .state = SESSION_OPENING, .number = 10};
    const struct frame frame = {.header = {20, 10, 1, 0, false}, .messages_count = 1};
    assert_refused(session, (struct frame_header){20, 9, 1, 0, false}, SESSION_STRANGER);
    assert_int_equal(session_receive(&session, &frame), SESSION_ACCEPT);
    assert_int_equal(session_deadline_ms(&session), UINT64_MAX); /* nobody to talk to yet */
}

static void an_acknowledgement_waits_for_a_ride_and_goes_alone_after_a_fifth_of_a_second(
    void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 2, 0);
    pass(end, 199);
    assert_said(end, "");
    pass(end, 1);
    assert_said(end, "ack2 ");
    (void)hear(end, 3, 1, 0);
    pass(end, 100);
    say(end, 1);
    assert_int_equal(end->out.items[0].send.header.received, 3);
    assert_said(end, "1 ");
    pass(end, 700);
    assert_said(end, ""); /* it rode */
}

static void an_acknowledgement_is_not_acknowledged(void **state) {
    struct end *end = *state;
    say(end, 1);
    assert_said(end, "1 ");
    assert_int_equal(hear(end, 1, 0, 1), SESSION_DROP);
    pass(end, 3600000);
    assert_said(end, "");
    assert_int_equal(session_deadline_ms(&end->session), UINT64_MAX);
}

static void much_that_is_unacknowledged_is_acknowledged_at_once(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, limit_session_messages / 2 - 1, 0);
    assert_said(end, "");
    (void)hear(end, limit_session_messages / 2, 1, 0);
    assert_said(end, "ack512 ");
}

static void a_repeat_is_acknowledged_again_since_its_sender_may_not_know(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 1, 0);
    pass(end, 200);
    assert_said(end, "ack1 ");
    (void)hear(end, 1, 1, 0);
    pass(end, 200);
    assert_said(end, "ack1 ");
}

static void what_is_not_acknowledged_goes_out_again_ever_more_slowly(void **state) {
    struct end *end = *state;
    static const uint64_t waits[] = {3000, 6000, 8000, 8000, 8000}; /* nothing measured yet */
    say(end, 2);
    assert_said(end, "1 2 ");
    for (size_t i = 0; i < array_size(waits); i++) {
        uint64_t due = session_deadline_ms(&end->session) - end->moment.now_ms;
        assert_in_range(due, waits[i] * 9 / 10, waits[i] * 11 / 10);
        pass(end, due - 1);
        assert_said(end, "");
        pass(end, 1);
        assert_said(end, "1 2 ");
    }
    (void)hear(end, 1, 0, 1);
    uint64_t due = session_deadline_ms(&end->session) - end->moment.now_ms;
    assert_in_range(due, 7200, 8800); /* which of its goings came there is not known */
    pass(end, due);
    assert_said(end, "2 ");
    (void)hear(end, 1, 0, 2);
    say(end, 1);
    assert_said(end, "3 ");
    pass(end, 300);
    (void)hear(end, 1, 0, 3);
    say(end, 1);
    assert_in_range(session_deadline_ms(&end->session) - end->moment.now_ms, 900, 1100);
    assert_said(end, "4 ");
    (void)hear(end, 1, 0, 4);
    pass(end, 3600000);
    assert_said(end, "");
    assert_int_equal(end->session.bytes, 0);
}

static void on_a_slow_link_patience_grows_with_the_way_there_and_back(void **state) {
    struct end *end = *state;
    uint64_t repeats = 0;
    for (uint64_t number = 1; number <= 20; number++) {
        say(end, 1);
        effects_clear(&end->out);
        pass(end, 3000); /* so long each takes */
        repeats += end->out.count;
        effects_clear(&end->out);
        (void)hear(end, 1, 0, number);
    }
    assert_int_equal(repeats, 0);
    for (uint64_t number = 21; number <= 60; number++) {
        say(end, 1);
        pass(end, 100);
        (void)hear(end, 1, 0, number);
    }
    say(end, 1);
    assert_in_range(session_deadline_ms(&end->session) - end->moment.now_ms, 900, 1100);
}

static void a_peer_is_silent_after_three_beats_and_a_way_there_and_back(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 1, 0);
    end->moment.now_ms += 5000;
    (void)hear(end, 1, 1, 0); /* a repeat is no sign of life */
    assert_int_equal(session_silence_ms(&end->session, 5000), 1000 + 15000 + 3000);
    say(end, 1);
    end->moment.now_ms += 50;
    (void)hear(end, 2, 0, 1); /* an acknowledgement of something new is one */
    assert_int_equal(session_silence_ms(&end->session, 5000), end->moment.now_ms + 15000 + 101);
}

static void a_round_trip_is_measured_from_when_its_message_went_out(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 1, 0);
    say(end, 2);
    end->moment.now_ms += 50;
    (void)hear(end, 2, 0, 1);
    say(end, 1); /* while the one before it is on its way */
    end->moment.now_ms += 50;
    (void)hear(end, 2, 0, 3);
    assert_int_equal(session_silence_ms(&end->session, 5000), 1000 + 15000 + 100 + 101);
}

static void a_stall_makes_nobody_wait_for_a_minute(void **state) {
    struct end *end = *state;
    (void)hear(end, 1, 1, 0);
    say(end, 1);
    end->moment.now_ms += 40000; /* the way there and back while the link stood still */
    (void)hear(end, 2, 0, 1);
    assert_int_equal(session_silence_ms(&end->session, 5000), end->moment.now_ms + 15000 + 8000);
}

static void a_gap_that_the_peer_tells_of_is_mended_at_once_and_once(void **state) {
    struct end *end = *state;
    say(end, 3);
    assert_said(end, "1 2 3 ");
    const struct frame_header word = {20, 10, 1, 1, true};
    (void)hear_header(end, word, 0);
    assert_said(end, "2 3 ");
    (void)hear_header(end, word, 0); /* the same word, repeated by the network or by a foe */
    assert_said(end, "");
    say(end, 1);
    assert_said(end, "4 ");
}

static void after_a_loss_a_long_queue_goes_out_in_pieces(void **state) {
    struct end *end = *state;
    say(end, 200);
    assert_int_equal(end->out.count, 200);
    effects_clear(&end->out);
    pass(end, 3400);
    assert_int_equal(end->out.count, 64);
    effects_clear(&end->out);
    say(end, 1);
    assert_said(end, ""); /* what is new waits its turn */
    (void)hear(end, 1, 0, 60);
    assert_int_equal(end->out.count, 60);
    assert_int_equal(end->out.items[0].send.header.sequence, 65);
    effects_clear(&end->out);
    (void)hear(end, 1, 0, 200); /* all that had been lost: no more care */
    assert_said(end, "201 ");
}

static void a_full_session_says_so_and_an_overflowing_one_is_to_end(void **state) {
    struct end *end = *state;
    assert_true(session_has_drained(&end->session));
    say(end, limit_session_messages - 1);
    assert_false(session_is_full(&end->session));
    assert_false(session_has_drained(&end->session));
    say(end, 1);
    assert_true(session_is_full(&end->session));
    say(end, 64);
    assert_false(end->session.overflowed);
    session_send(&end->session, &(struct message){.kind = MESSAGE_SYNC});
    assert_true(end->session.overflowed);
    assert_int_equal(session_deadline_ms(&end->session), 0);
    session_close(&end->session);
    assert_int_equal(session_deadline_ms(&end->session), UINT64_MAX);
}

static void large_messages_fill_a_session_by_their_bytes(void **state) {
    struct end *end = *state;
    uint32_t count = 0;
    for (; !session_is_full(&end->session); count++) {
        struct message message = {.kind = MESSAGE_INSTRUCT,
                                  .instruct = {.epoch = 1, .generation = 1}};
        text_set(message.instruct.op, "op-01jd2q0c5v7k8m9n0p1q2r3s4t");
        text_set(message.instruct.vm, "vm-01jd2q0c5v7k8m9n0p1q2r3s4t");
        text_set(message.instruct.definition.name, "a");
        memset(message.instruct.definition.image, 'a', limit_digest_size - 1);
        message.instruct.definition.size = (struct size){1, 1, 1};
        message.instruct.definition.user_data = memory_new(1, limit_user_data);
        memset(message.instruct.definition.user_data, 'x', limit_user_data - 1);
        session_send(&end->session, &message);
        assert_null(message.instruct.definition.user_data);
        assert_int_equal(end->session.sent, count + 1);
    }
    assert_in_range(count, 28, limit_session_bytes / limit_user_data);
    assert_true(end->session.bytes < limit_session_bytes + 2 * limit_user_data);
}

/* It would come again and again, be refused each time, and hold up all behind it. */
static void what_the_peer_could_not_read_takes_no_number(void **state) {
    struct end *end = *state;
    struct message message = {.kind = MESSAGE_CAPACITY,
                              .capacity = {.cpus_total = (uint64_t)INT64_MAX + 1}};
    session_send(&end->session, &message);
    assert_int_equal(end->session.sent, 0);
    assert_int_equal(end->out.count, 1);
    assert_int_equal(end->out.items[0].kind, EFFECT_NOTE);
    assert_int_equal(end->out.items[0].note.level, NOTE_FAULT);
    effects_clear(&end->out);
    session_send(&end->session, &(struct message){.kind = MESSAGE_SYNC});
    assert_said(end, "1 ");
}

static void what_is_sent_again_is_what_was_sent(void **state) {
    struct end *end = *state;
    struct message message = {.kind = MESSAGE_TABLE};
    message.table.vms = memory_new(1, sizeof(struct vm_report));
    message.table.vms_count = 1;
    message.table.vms[0] = (struct vm_report){.epoch = 1, .generation = 77};
    text_set(message.table.vms[0].vm, "vm-01jd2q0c5v7k8m9n0p1q2r3s4t");
    session_send(&end->session, &message);
    assert_null(message.table.vms);
    tick(end);
    effects_clear(&end->out);
    pass(end, 3400);
    assert_int_equal(end->out.count, 1);
    assert_int_equal(end->out.items[0].send.message.kind, MESSAGE_TABLE);
    assert_int_equal(end->out.items[0].send.message.table.vms[0].generation, 77);
}

/* Two ends and what is on its way between them. */
enum { ends = 2, flying_most = 20000, said_in_all = 3000 };

struct flying {
    uint64_t due_ms;
    struct frame_header header;
    uint64_t words[64]; /* generation of each VM message */
    uint32_t count;
    bool gone;
};

struct channel {
    struct end ends[ends];
    uint64_t said[ends], heard[ends];
    struct flying *flying[ends];
    size_t flying_count[ends];
    struct prng prng;
    uint64_t now_ms;
    uint32_t lose, repeat, late_ms; /* per thousand */
};

static void launch(struct channel *channel, size_t to, const struct flying *frame) {
    for (int i = 0; i < 2; i++) {
        if (i && prng_below(&channel->prng, 1000) >= channel->repeat)
            return;
        if (prng_below(&channel->prng, 1000) < channel->lose)
            continue;
        assert_true(channel->flying_count[to] < flying_most);
        struct flying *flying = &channel->flying[to][channel->flying_count[to]++];
        *flying = *frame;
        flying->due_ms = channel->now_ms + 5 + prng_below(&channel->prng, channel->late_ms);
    }
}

/* Batches as a shell does. */
static void carry(struct channel *channel, size_t from) {
    struct end *end = &channel->ends[from];
    struct flying frame = {0};
    for (size_t i = 0; i < end->out.count; i++) {
        const struct effect *effect = &end->out.items[i];
        const struct frame_header *header = &effect->send.header;
        bool follows = frame.header.from && frame.count < array_size(frame.words) &&
                       frame.header.sequence + frame.count == header->sequence;
        if (frame.header.from && !follows) {
            launch(channel, !from, &frame);
            frame = (struct flying){0};
        }
        if (!frame.header.from)
            frame.header = *header;
        frame.header.received = header->received;
        frame.header.gap = header->gap;
        if (effect->kind == EFFECT_SEND)
            frame.words[frame.count++] = effect->send.message.vm.generation;
    }
    if (frame.header.from)
        launch(channel, !from, &frame);
    effects_clear(&end->out);
}

static void speak(struct channel *channel, size_t from) {
    struct end *end = &channel->ends[from];
    uint64_t count = prng_below(&channel->prng, 30);
    while (count-- && channel->said[from] < said_in_all && !session_is_full(&end->session)) {
        struct message message = {.kind = MESSAGE_VM,
                                  .vm = {.epoch = 1, .generation = ++channel->said[from]}};
        text_set(message.vm.vm, "vm-01jd2q0c5v7k8m9n0p1q2r3s4t");
        session_send(&end->session, &message);
    }
}

/* The law: each once, in order. */
static void land(struct channel *channel, size_t at, struct flying *frame) {
    struct end *end = &channel->ends[at];
    const struct frame judged = {.header = frame->header, .messages_count = frame->count};
    frame->gone = true;
    if (session_receive(&end->session, &judged) != SESSION_ACCEPT)
        return;
    for (uint32_t i = end->session.fresh; i < frame->count; i++)
        assert_int_equal(frame->words[i], ++channel->heard[at]);
}

static void sweep(struct channel *channel, size_t at) {
    size_t kept = 0;
    for (size_t i = 0; i < channel->flying_count[at]; i++)
        if (!channel->flying[at][i].gone)
            channel->flying[at][kept++] = channel->flying[at][i];
    channel->flying_count[at] = kept;
}

static void run_channel(struct channel *channel, uint64_t until_ms) {
    for (; channel->now_ms < until_ms; channel->now_ms += 5)
        for (size_t at = 0; at < ends; at++) {
            struct end *end = &channel->ends[at];
            end->moment.now_ms = channel->now_ms;
            for (size_t i = 0; i < channel->flying_count[at]; i++)
                if (channel->flying[at][i].due_ms <= channel->now_ms)
                    land(channel, at, &channel->flying[at][i]);
            sweep(channel, at);
            if (prng_below(&channel->prng, 10) == 0)
                speak(channel, at);
            session_tick(&end->session);
            session_check(&end->session);
            assert_false(end->session.overflowed);
            carry(channel, at);
        }
}

static void whatever_the_channel_does_each_message_arrives_once_and_in_order(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct channel channel = {.now_ms = 1000};
        prng_init(&channel.prng, seed);
        channel.lose = (uint32_t)prng_below(&channel.prng, 500);
        channel.repeat = (uint32_t)prng_below(&channel.prng, 300);
        channel.late_ms = 1 + (uint32_t)prng_below(&channel.prng, 3000);
        for (size_t i = 0; i < ends; i++) {
            struct end *end = &channel.ends[i];
            end->moment.out = &end->out;
            session_init(&end->session, &peer, seed % 3 ? 0 : 16, &end->moment);
            session_open(&end->session, SESSION_OPEN, 10 + i * 10, 20 - i * 10);
            channel.flying[i] = memory_new(flying_most, sizeof(struct flying));
        }
        run_channel(&channel, 2000000);
        for (size_t i = 0; i < ends; i++) {
            assert_int_equal(channel.said[i], said_in_all);
            assert_int_equal(channel.heard[i], said_in_all);
            assert_int_equal(channel.flying_count[i], 0); /* silence */
            assert_null(channel.ends[i].session.first);
            memory_free(channel.flying[i]);
            session_close(&channel.ends[i].session);
            effects_deinit(&channel.ends[i].out);
        }
    }
}

#define with_end(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_end(a_frame_has_the_newest_form_that_the_peer_knows),
        with_end(the_next_frame_is_accepted_and_all_its_messages_counted),
        with_end(a_repeat_is_dropped_and_of_half_a_repeat_the_new_half_is_taken),
        with_end(behind_a_gap_nothing_is_taken_and_the_peer_is_told_at_once_and_once),
        with_end(frames_of_other_sessions_are_strangers),
        with_end(while_opening_the_peers_number_is_not_known_yet),
        with_end(an_acknowledgement_waits_for_a_ride_and_goes_alone_after_a_fifth_of_a_second),
        with_end(an_acknowledgement_is_not_acknowledged),
        with_end(much_that_is_unacknowledged_is_acknowledged_at_once),
        with_end(a_repeat_is_acknowledged_again_since_its_sender_may_not_know),
        with_end(what_is_not_acknowledged_goes_out_again_ever_more_slowly),
        with_end(on_a_slow_link_patience_grows_with_the_way_there_and_back),
        with_end(a_peer_is_silent_after_three_beats_and_a_way_there_and_back),
        with_end(a_round_trip_is_measured_from_when_its_message_went_out),
        with_end(a_stall_makes_nobody_wait_for_a_minute),
        with_end(a_gap_that_the_peer_tells_of_is_mended_at_once_and_once),
        with_end(after_a_loss_a_long_queue_goes_out_in_pieces),
        with_end(a_full_session_says_so_and_an_overflowing_one_is_to_end),
        with_end(large_messages_fill_a_session_by_their_bytes),
        with_end(what_the_peer_could_not_read_takes_no_number),
        with_end(what_is_sent_again_is_what_was_sent),
        cmocka_unit_test(whatever_the_channel_does_each_message_arrives_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
