/* A session's numbers: nothing is applied twice, out of order, or from another session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/session.h"

static struct frame frame_of(uint64_t from, uint64_t to, uint64_t sequence, uint32_t count) {
    return (struct frame){.header = {from, to, sequence}, .messages_count = count};
}

static struct session open_session(void) {
    return (struct session){.state = SESSION_OPEN, .number = 10, .peer_number = 20,
                            .received = 4, .heard_ms = 1};
}

static void the_next_frame_is_accepted_and_all_its_messages_counted(void **state) {
    (void)state;
    struct session session = open_session();
    struct frame frame = frame_of(20, 10, 5, 3);
    assert_int_equal(session_receive(&session, &frame, 99), SESSION_ACCEPT);
    assert_int_equal(session.received, 7);
    assert_int_equal(session.heard_ms, 99);
    frame = frame_of(20, 10, 8, 1);
    assert_int_equal(session_receive(&session, &frame, 100), SESSION_ACCEPT);
}

/* `verdict`, and nothing of the session changed. */
static void assert_refused(struct session session, struct frame frame,
                           enum session_verdict verdict) {
    struct session before = session;
    assert_int_equal(session_receive(&session, &frame, 99), verdict);
    assert_memory_equal(&session, &before, sizeof(session));
}

static void a_repeat_is_dropped(void **state) {
    (void)state;
    assert_refused(open_session(), frame_of(20, 10, 4, 1), SESSION_DROP);
    assert_refused(open_session(), frame_of(20, 10, 1, 1), SESSION_DROP);
    assert_refused(open_session(), frame_of(20, 10, 4, 2), SESSION_DROP); /* half of it is new */
}

static void a_gap_is_told_and_nothing_behind_it_applied(void **state) {
    (void)state;
    assert_refused(open_session(), frame_of(20, 10, 6, 1), SESSION_GAP);
    assert_refused(open_session(), frame_of(20, 10, session_number_most, 2048), SESSION_GAP);
}

static void frames_of_other_sessions_are_strangers(void **state) {
    (void)state;
    struct session closed = open_session();
    session_close(&closed);
    assert_int_equal(closed.heard_ms, 1);
    assert_refused(open_session(), frame_of(20, 11, 5, 1), SESSION_STRANGER);
    assert_refused(open_session(), frame_of(21, 10, 5, 1), SESSION_STRANGER);
    assert_refused(open_session(), frame_of(20, 0, 5, 1), SESSION_STRANGER);
    assert_refused(closed, frame_of(20, 10, 5, 1), SESSION_STRANGER);
    assert_refused(closed, frame_of(20, 0, 1, 1), SESSION_STRANGER);
}

static void while_opening_the_peers_number_is_not_known_yet(void **state) {
    (void)state;
    struct session session = {.state = SESSION_OPENING, .number = 10};
    struct frame frame = frame_of(20, 10, 1, 1);
    assert_refused(session, frame_of(20, 9, 1, 1), SESSION_STRANGER);
    assert_int_equal(session_receive(&session, &frame, 5), SESSION_ACCEPT);
}

static void a_sent_message_moves_and_takes_the_next_number(void **state) {
    (void)state;
    struct session session = open_session();
    struct peer_setting peer = {.name = "north", .address = "a@b/c", .link = 3};
    struct effects effects = {0};
    struct message message = {.kind = MESSAGE_TABLE};
    message.table.vms = memory_new(1, sizeof(struct vm_report));
    message.table.vms_count = 1;
    const void *moved = message.table.vms;
    session_send(&session, &peer, &message, &effects);
    assert_null(message.table.vms);
    message.kind = MESSAGE_SYNC;
    session_send(&session, &peer, &message, &effects);
    assert_int_equal(effects.count, 2);
    const struct effect_send *send = &effects.items[0].send;
    assert_int_equal(effects.items[0].kind, EFFECT_SEND);
    assert_ptr_equal(send->message.table.vms, moved);
    assert_string_equal(send->address, "a@b/c");
    assert_int_equal(send->link, 3);
    assert_int_equal(send->header.from, 10);
    assert_int_equal(send->header.to, 20);
    assert_int_equal(send->header.sequence, 1);
    assert_int_equal(effects.items[1].send.header.sequence, 2);
    effects_deinit(&effects);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_frame_is_accepted_and_all_its_messages_counted),
        cmocka_unit_test(a_repeat_is_dropped),
        cmocka_unit_test(a_gap_is_told_and_nothing_behind_it_applied),
        cmocka_unit_test(frames_of_other_sessions_are_strangers),
        cmocka_unit_test(while_opening_the_peers_number_is_not_known_yet),
        cmocka_unit_test(a_sent_message_moves_and_takes_the_next_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
