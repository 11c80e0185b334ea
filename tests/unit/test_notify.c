/* Contacts and what they are told: who is told what, that nothing is sent before it is on disk or
 * changes once it may have been sent, when it is tried again and given up, and what is gathered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/effect.h"
#include "message/records/contact.h"

static struct cloud cloud;

static struct request wish_for(enum cloud_user user, const char *name, const char *events) {
    static char address[] = "https://example.com/hook";
    struct request request = cloud_request(&cloud, user, REQUEST_CONTACT_ADD);
    text_format(request.contact.name, sizeof(request.contact.name), "%s", name);
    request.contact.address = address;
    request.contact.events = (char *)events;
    text_format(request.contact.secret, sizeof(request.contact.secret), "whsec_AAAA");
    text_format(request.contact.challenge, sizeof(request.contact.challenge), "echo-me");
    return request;
}

/* The delivery that was handed out last, a copy; its contact's name in `out_to`. */
static bool handed_out(struct delivery *out_delivery, char out_to[limit_name_size]) {
    const struct effect *effect = bench_last(&cloud.bench, EFFECT_DELIVER);
    if (!effect)
        return false;
    *out_delivery = *(const struct delivery *)effect->deliver.delivery.data;
    record_clone(&delivery_table, effect->deliver.delivery.data, out_delivery);
    text_set_sized(out_to, limit_name_size,
                   ((const struct contact *)effect->deliver.contact.data)->name);
    return true;
}

static void answer(const char *delivery, enum delivered outcome, const char *why) {
    bench_pass(&cloud.bench, 0); /* what was handed out before is not looked at any more */
    struct event event = {.kind = EVENT_DELIVERED, .delivered = {.outcome = outcome}};
    text_format(event.delivered.delivery, limit_id_size, "%s", delivery);
    text_format(event.delivered.why, limit_text_size, "%s", why);
    bench_step(&cloud.bench, event);
}

/* Adds it, and has it send back its challenge. */
static void prove(const struct request *wish) {
    struct delivery challenge;
    char to[limit_name_size];
    const struct reply *reply = bench_ask(&cloud.bench, wish);
    if (reply->kind != REPLY_CREATED)
        fail_msg("%s: %s", reply->field, reply->text);
    assert_true(handed_out(&challenge, to));
    assert_string_equal(to, wish->contact.name);
    assert_int_equal(challenge.notices_count, 0);
    answer(challenge.id, DELIVERED_DONE, "");
}

static void add_proven(enum cloud_user user, const char *name, const char *events) {
    struct request wish = wish_for(user, name, events);
    prove(&wish);
}

static struct request mail_for(enum cloud_user user, const char *name) {
    static char address[] = "anna@example.org";
    struct request request = wish_for(user, name, NULL);
    request.contact.kind = CONTACT_MAIL;
    request.contact.address = address;
    return request;
}

static struct request proof(enum cloud_user user, const char *name, const char *code) {
    struct request request = cloud_request(&cloud, user, REQUEST_CONTACT_PROVE);
    text_format(request.key, sizeof(request.key), "%s", name);
    text_format(request.contact.challenge, sizeof(request.contact.challenge), "%s", code);
    return request;
}

/* Adds one by mail; the delivery of its code, which is under way. */
static struct delivery add_mail(void) {
    struct request wish = mail_for(cloud_alice, "mail");
    struct delivery code;
    char to[limit_name_size];
    assert_int_equal(bench_ask(&cloud.bench, &wish)->kind, REPLY_CREATED);
    assert_true(handed_out(&code, to));
    return code;
}

static void assert_proven(const char *code) {
    struct request prove = proof(cloud_alice, "mail", code);
    assert_int_equal(bench_ask(&cloud.bench, &prove)->kind, REPLY_RECORD);
}

static const struct contact *stored_contact(void) {
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        if (cloud.bench.stored[i].table == &contact_table)
            return cloud.bench.stored[i].data;
    return NULL;
}

static size_t stored_deliveries(void) {
    size_t count = 0;
    for (size_t i = 0; i < cloud.bench.stored_count; i++)
        count += cloud.bench.stored[i].table == &delivery_table;
    return count;
}

static void an_operation_that_ended_is_told_once_it_is_on_disk(void **state) {
    (void)state;
    struct delivery delivery;
    char to[limit_name_size];
    add_proven(cloud_alice, "hook", NULL);
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(stored_deliveries(), 1); /* with the operation's end */
    assert_true(handed_out(&delivery, to));
    assert_int_equal(delivery.notices_count, 1);
    assert_int_equal(delivery.notices[0].event, NOTICE_OPERATION_ENDED);
    assert_int_equal(delivery.notices[0].verb, VERB_DEFINE);
    assert_string_equal(delivery.notices[0].vm, vm.text);
    assert_string_equal(delivery.notices[0].vm_name, "web");
    answer(delivery.id, DELIVERED_DONE, "");
    assert_int_equal(stored_deliveries(), 0);
    record_clear(&delivery_table, &delivery);
}

static void nobody_is_told_before_it_is_proven(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_alice, "hook", NULL);
    struct delivery challenge;
    char to[limit_name_size];
    assert_int_equal(bench_ask(&cloud.bench, &wish)->kind, REPLY_CREATED);
    assert_true(handed_out(&challenge, to));
    answer(challenge.id, DELIVERED_FAILED, "it did not send back the challenge");
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(stored_deliveries(), 1); /* the challenge alone, which is tried again */
    assert_int_equal(stored_contact()->proven_ms, 0);
    assert_string_equal(stored_contact()->why, "it did not send back the challenge");
    bench_pass(&cloud.bench, 13000);
    assert_true(stored_contact()->challenge[0]);
}

/* It is told what happens next, and nothing else waits. */
static void assert_told(void) {
    struct delivery told;
    char to[limit_name_size];
    assert_int_equal(stored_deliveries(), 0);
    assert_int_equal(stored_contact()->failed_ms, 0);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_true(handed_out(&told, to));
    assert_int_equal(told.notices_count, 1);
    answer(told.id, DELIVERED_DONE, "");
    assert_int_equal(stored_deliveries(), 0);
    record_clear(&delivery_table, &told);
}

static void mail_that_arrived_proves_nothing_until_its_code_comes_back(void **state) {
    (void)state;
    struct delivery code = add_mail();
    answer(code.id, DELIVERED_DONE, "");
    assert_int_equal(stored_deliveries(), 0);
    cloud_run_vm(&cloud, cloud_alice, "early");
    assert_int_equal(stored_deliveries(), 0);
    static const char *const wrong[] = {"", "echo", "echo-mo", "echo-me-too", "fcho-me"};
    for (size_t i = 0; i < array_size(wrong); i++) {
        struct request prove = proof(cloud_alice, "mail", wrong[i]);
        cloud_assert_refused(&cloud, &prove, CODE_INVALID, "code");
    }
    struct request others = proof(cloud_bob, "mail", "echo-me");
    cloud_assert_refused(&cloud, &others, CODE_NOT_FOUND, "contact");
    assert_int_equal(stored_contact()->proven_ms, 0);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    assert_proven("echo-me");
    uint64_t proven_ms = stored_contact()->proven_ms;
    assert_true(proven_ms);
    assert_int_equal(stored_contact()->challenge[0], 0);
    bench_pass(&cloud.bench, 1000);
    assert_proven("echo-me"); /* asked again, since the answer was lost */
    assert_int_equal(stored_contact()->proven_ms, proven_ms);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(stored_deliveries(), 1);
}

static void a_code_that_came_back_is_not_mailed_again(void **state) {
    (void)state;
    struct delivery code = add_mail();
    answer(code.id, DELIVERED_FAILED, "the mail server answered 451"); /* though it has it */
    assert_proven("echo-me");
    assert_int_equal(stored_deliveries(), 0);
    assert_int_equal(stored_contact()->failed_ms, 0);
    bench_pass(&cloud.bench, 13000);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0);
    assert_told();
}

/* The mail is read before the server's answer is. */
static void a_code_may_come_back_while_it_is_under_way(void **state) {
    (void)state;
    struct delivery code = add_mail();
    assert_proven("echo-me");
    answer(code.id, DELIVERED_FAILED, "the mail server: it did not answer in time");
    assert_told();
}

static void a_code_that_came_back_before_a_crash_is_not_mailed_empty(void **state) {
    (void)state;
    (void)add_mail();
    assert_proven("echo-me");
    bench_restart(&cloud.bench);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0);
    bench_hello(&cloud.bench, cloud.north, 2);
    assert_told();
}

static void what_was_under_way_is_sent_again_the_same_after_a_restart(void **state) {
    (void)state;
    struct delivery before, after;
    char to[limit_name_size];
    auto_clean(text_deinit) struct text first = {0}, second = {0};
    add_proven(cloud_alice, "hook", NULL);
    cloud_run_vm(&cloud, cloud_alice, "web");
    for (int i = 0; i < 3; i++) { /* killed before it was handed out, and after */
        bench_restart(&cloud.bench);
        assert_true(handed_out(&before, to));
        text_clear(&first);
        codec_encode(&delivery_table, &before, 0, &first);
        bench_restart(&cloud.bench);
        assert_true(handed_out(&after, to));
        text_clear(&second);
        codec_encode(&delivery_table, &after, 0, &second);
        assert_string_equal(text_data(&first), text_data(&second));
        record_clear(&delivery_table, &before);
        record_clear(&delivery_table, &after);
    }
}

static void one_that_fails_is_tried_later_and_later_and_then_given_up(void **state) {
    (void)state;
    struct delivery delivery;
    char id[limit_id_size] = "", to[limit_name_size];
    unsigned times = 0;
    static const uint64_t pauses_ms[] = {0, 10000, 60000, 300000, 1800000, 7200000, 28800000,
                                         86400000};
    add_proven(cloud_alice, "hook", NULL);
    cloud_run_vm(&cloud, cloud_alice, "web");
    while (stored_deliveries() && times < 20) {
        assert_true(handed_out(&delivery, to));
        if (*id)
            assert_string_equal(delivery.id, id);
        text_set(id, delivery.id);
        record_clear(&delivery_table, &delivery);
        times++;
        answer(id, DELIVERED_FAILED, "it answered 503");
        assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0); /* not at once */
        uint64_t pause_ms = pauses_ms[times < array_size(pauses_ms) ? times : 0];
        bench_pass(&cloud.bench, pause_ms - 1000);
        assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0);
        bench_pass(&cloud.bench, pause_ms / 4 + 1000);
    }
    assert_int_equal(times, 8);
    assert_int_equal(stored_contact()->lost, 1);
    assert_true(stored_contact()->failed_ms);
}

static void who_says_that_it_is_gone_is_told_nothing_more(void **state) {
    (void)state;
    struct delivery delivery;
    char to[limit_name_size];
    add_proven(cloud_alice, "hook", NULL);
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_true(handed_out(&delivery, to));
    answer(delivery.id, DELIVERED_GONE, "it answered 410");
    assert_int_equal(stored_deliveries(), 0);
    assert_true(stored_contact()->off_ms);
    cloud_run_vm(&cloud, cloud_alice, "db");
    assert_int_equal(stored_deliveries(), 0);
    record_clear(&delivery_table, &delivery);
}

static uint32_t told, deliveries;

/* Takes what is handed out. */
static void take_all(void) {
    struct delivery delivery;
    char to[limit_name_size];
    while (handed_out(&delivery, to)) {
        told += delivery.notices_count;
        deliveries++;
        answer(delivery.id, DELIVERED_DONE, "");
        record_clear(&delivery_table, &delivery);
    }
}

static void stop_and_start(const char *vm, unsigned times, void (*then)(void)) {
    for (unsigned i = 0; i < times; i++) {
        struct request act = cloud_act(&cloud, cloud_alice, i % 2 ? VERB_START : VERB_STOP, vm);
        (void)cloud_begin(&cloud, &act);
        cloud_answer(&cloud, CODE_OK, i % 2 ? VM_RUNNING : VM_STOPPED);
        if (then)
            then();
    }
}

static void what_comes_thick_and_fast_is_told_together(void **state) {
    (void)state;
    told = deliveries = 0;
    add_proven(cloud_alice, "hook", NULL);
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    take_all();
    stop_and_start(vm.text, 30, take_all);
    assert_int_equal(told, 5);
    bench_pass(&cloud.bench, 61000);
    take_all();
    assert_int_equal(told, 31);
    assert_int_equal(deliveries, 5 + 1);
    assert_int_equal(stored_deliveries(), 0);
}

static void quiet_hours_are_read_and_end_when_they_say(void **state) {
    static const char *const wrong[] = {"", "22:00", "22:00-7:00", "24:00-07:00", "22:60-07:00",
                                        "22:00-22:00", "22:00 07:00", "2a:00-07:00", "22:00-07:0x",
                                        "-1:00-07:00", "22:00-29:00"};
    const uint64_t minute_ms = 60000, day_ms = 1440 * minute_ms, today_ms = 20000 * day_ms;
    struct quiet_hours night, noon;
    (void)state;
    for (size_t i = 0; i < array_size(wrong); i++)
        if (contact_quiet_read(wrong[i], &night))
            fail_msg("'%s' is read", wrong[i]);
    assert_true(contact_quiet_read("22:30-07:00", &night));
    assert_true(contact_quiet_read("12:00-12:01", &noon));
    for (uint64_t minute = 0; minute < 1440; minute++) {
        uint64_t wall_ms = today_ms + minute * minute_ms + 59999; /* the last of the minute */
        uint64_t over_ms = today_ms + 7 * 60 * minute_ms + (minute < 420 ? 0 : day_ms);
        bool is_night = minute < 420 || minute >= 1350;
        assert_int_equal(quiet_hours_after_ms(&night, wall_ms), is_night ? over_ms : wall_ms);
        assert_int_equal(quiet_hours_after_ms(&noon, wall_ms), wall_ms + (minute == 720));
    }
    assert_int_equal(quiet_hours_after_ms(&(struct quiet_hours){0}, today_ms), today_ms);
}

static void what_happens_in_quiet_hours_is_told_together_at_their_end(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_alice, "hook", NULL);
    told = deliveries = 0;
    text_set(wish.contact.quiet, "23:00-01:00"); /* it is half past midnight */
    prove(&wish); /* that goes at any hour */
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    stop_and_start(vm.text, 10, take_all);
    bench_pass(&cloud.bench, 1700000);
    take_all();
    assert_int_equal(told, 0);
    bench_restart(&cloud.bench);
    bench_hello(&cloud.bench, cloud.north, 2);
    take_all();
    assert_int_equal(told, 0);
    bench_pass(&cloud.bench, 110000);
    take_all();
    assert_int_equal(told, 11);
    assert_int_equal(deliveries, 1);
}

static void fail_what_is_handed_out(void) {
    struct delivery delivery;
    char to[limit_name_size];
    assert_true(handed_out(&delivery, to));
    answer(delivery.id, DELIVERED_FAILED, "it answered 503");
    record_clear(&delivery_table, &delivery);
}

static void what_failed_is_not_tried_again_in_quiet_hours(void **state) {
    (void)state;
    struct request wish = wish_for(cloud_alice, "hook", NULL);
    text_set(wish.contact.quiet, "01:00-02:00"); /* it is half past midnight */
    prove(&wish);
    cloud_run_vm(&cloud, cloud_alice, "web");
    fail_what_is_handed_out();
    for (uint64_t pause_ms = 15000; pause_ms <= 375000; pause_ms *= 5) {
        bench_pass(&cloud.bench, pause_ms);
        fail_what_is_handed_out();
    }
    bench_pass(&cloud.bench, 4800000); /* half an hour or so was due: it is almost two */
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 0);
    bench_pass(&cloud.bench, 300000);
    assert_int_equal(bench_count(&cloud.bench, EFFECT_DELIVER), 1);
}

static void there_is_an_end_to_what_waits_for_one_that_is_not_there(void **state) {
    (void)state;
    struct delivery delivery;
    char to[limit_name_size];
    add_proven(cloud_alice, "hook", NULL);
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    assert_true(handed_out(&delivery, to)); /* and it never answers */
    record_clear(&delivery_table, &delivery);
    stop_and_start(vm.text, 100, NULL);
    assert_int_equal(stored_deliveries(), 5 + 1);
    uint32_t left_out = 0, kept = 0;
    for (size_t i = 0; i < cloud.bench.stored_count; i++) {
        const struct delivery *row = cloud.bench.stored[i].data;
        if (cloud.bench.stored[i].table != &delivery_table)
            continue;
        left_out += row->left_out;
        kept += row->notices_count;
        assert_true(row->notices_count <= limit_delivery_notices);
    }
    assert_int_equal(kept + left_out, 101); /* what is not told is counted */
}

static void each_is_told_its_own_alone(void **state) {
    (void)state;
    add_proven(cloud_bob, "bobs", NULL);
    add_proven(cloud_operator, "desk", NULL); /* who is usually not told of operations */
    cloud_run_vm(&cloud, cloud_alice, "web");
    assert_int_equal(stored_deliveries(), 0);
    add_proven(cloud_operator, "all", "operation-ended vm-died");
    struct id vm = cloud_run_vm(&cloud, cloud_bob, "web");
    assert_int_equal(stored_deliveries(), 2); /* bobs, all */
    struct request list = cloud_request(&cloud, cloud_bob, REQUEST_CONTACT_LIST);
    const struct reply *reply = bench_ask(&cloud.bench, &list);
    assert_int_equal(reply->list_count, 1);
    struct request remove = cloud_request(&cloud, cloud_alice, REQUEST_CONTACT_REMOVE);
    text_set(remove.key, "bobs");
    cloud_assert_refused(&cloud, &remove, CODE_NOT_FOUND, "contact");
    (void)vm;
}

static void wishes_that_cannot_be_are_refused(void **state) {
    (void)state;
    static char plain[] = "ftp://example.com";
    struct request wish = wish_for(cloud_alice, "hook", "operation-ended fire");
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "events");
    wish = wish_for(cloud_alice, "hook", "cluster-away");
    cloud_assert_refused(&cloud, &wish, CODE_FORBIDDEN, "events");
    wish = wish_for(cloud_alice, "hook", NULL);
    text_set(wish.contact.quiet, "22:00-24:00");
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "quiet");
    wish = wish_for(cloud_alice, "hook", NULL);
    wish.contact.address = plain;
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "address");
    wish.contact.kind = CONTACT_MAIL;
    cloud_assert_refused(&cloud, &wish, CODE_INVALID, "address");
    wish.contact.kind = CONTACT_JOURNAL;
    cloud_assert_refused(&cloud, &wish, CODE_FORBIDDEN, "kind");
    for (unsigned i = 0; i < limit_contacts; i++) {
        char name[8];
        text_format(name, sizeof(name), "c%u", i);
        add_proven(cloud_alice, name, NULL);
    }
    wish = wish_for(cloud_alice, "hook", NULL);
    cloud_assert_refused(&cloud, &wish, CODE_FULL, "");
    wish = wish_for(cloud_bob, "c1", NULL);
    assert_int_equal(bench_ask(&cloud.bench, &wish)->kind, REPLY_CREATED);
}

/* What the newest delivery tells of first. */
static enum notice_event told_event(void) {
    struct delivery delivery;
    char to[limit_name_size];
    if (!handed_out(&delivery, to))
        return NOTICE_EVENT_COUNT;
    enum notice_event event = delivery.notices[0].event;
    answer(delivery.id, DELIVERED_DONE, "");
    record_clear(&delivery_table, &delivery);
    return event;
}

/* Is it on its way? */
static bool is_stored(enum notice_event event) {
    for (size_t i = 0; i < cloud.bench.stored_count; i++) {
        const struct delivery *row = cloud.bench.stored[i].data;
        if (cloud.bench.stored[i].table == &delivery_table && row->notices[0].event == event)
            return true;
    }
    return false;
}

static void report(const char *vm, enum vm_state state) {
    struct message message = {.kind = MESSAGE_VM, .vm = {.epoch = 1, .state = state}};
    text_format(message.vm.vm, sizeof(message.vm.vm), "%s", vm);
    message.vm.generation = 1;
    bench_say(&cloud.bench, cloud.north, message);
}

static void a_vm_that_dies_and_recovers_is_told(void **state) {
    (void)state;
    add_proven(cloud_alice, "hook", "vm-died vm-recovered");
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    report(vm.text, VM_CRASHED);
    assert_int_equal(told_event(), NOTICE_VM_DIED);
    report(vm.text, VM_RUNNING);
    assert_int_equal(told_event(), NOTICE_VM_RECOVERED);
    report(vm.text, VM_PAUSED);
    assert_int_equal(told_event(), NOTICE_EVENT_COUNT);
    report(vm.text, VM_LOST);
    assert_int_equal(told_event(), NOTICE_VM_DIED);
    bench_restart(&cloud.bench);
    assert_int_equal(told_event(), NOTICE_EVENT_COUNT); /* once */
}

/* Of a VM of shape small whose host was lost: the age of the copy that it came back from. */
static void report_restart(const char *vm, uint64_t restored_ago_ms) {
    struct facts facts = {.size = {1, 128, 1}, .restarts = 1, .restarted_ago_ms = 1000,
                          .restored_ago_ms = restored_ago_ms};
    struct message message = {.kind = MESSAGE_VM,
                              .vm = {.epoch = 1, .generation = 1, .state = VM_RUNNING,
                                     .facts = facts}};
    text_format(message.vm.vm, sizeof(message.vm.vm), "%s", vm);
    bench_say(&cloud.bench, cloud.north, message);
}

static void a_vm_that_is_made_anew_is_told_with_the_age_of_its_disk(void **state) {
    (void)state;
    add_proven(cloud_alice, "hook", "vm-restarted");
    struct id vm = cloud_run_vm(&cloud, cloud_alice, "web");
    report_restart(vm.text, 600000);
    assert_int_equal(told_event(), NOTICE_VM_RESTARTED);
    report_restart(vm.text, 630000); /* that old all the same: ages are told, and links are slow */
    assert_int_equal(told_event(), NOTICE_EVENT_COUNT);
    report_restart(vm.text, 900000); /* an older copy was taken */
    assert_int_equal(told_event(), NOTICE_VM_RESTARTED);
    bench_restart(&cloud.bench);
    assert_int_equal(told_event(), NOTICE_EVENT_COUNT); /* once */
}

static void a_cluster_that_goes_away_and_comes_back_is_told_to_operators(void **state) {
    (void)state;
    add_proven(cloud_alice, "hook", NULL);
    add_proven(cloud_operator, "desk", NULL);
    cloud.north->silent = true;
    bench_cut(&cloud.bench, cloud.north);
    bench_pass(&cloud.bench, 41000);
    assert_int_equal(told_event(), NOTICE_CLUSTER_AWAY);
    take_all(); /* the other one is on the same link */
    bench_restart(&cloud.bench);
    cloud.north->silent = false;
    bench_hello(&cloud.bench, cloud.north, 2);
    assert_true(is_stored(NOTICE_CLUSTER_BACK));
}

static void a_quota_that_is_nearly_full_is_told_when_it_becomes_so(void **state) {
    (void)state;
    add_proven(cloud_alice, "hook", "quota-nearly-full");
    add_proven(cloud_operator, "desk", NULL);
    struct request quota = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_QUOTA);
    text_set(quota.key, "alice");
    quota.limits = (struct amounts){.cpus = 2};
    bench_ask(&cloud.bench, &quota);
    cloud_run_vm(&cloud, cloud_alice, "a");
    assert_int_equal(stored_deliveries(), 0);
    cloud_run_vm(&cloud, cloud_alice, "b");
    assert_int_equal(stored_deliveries(), 2);
    for (size_t i = 0; i < cloud.bench.stored_count; i++) {
        const struct delivery *row = cloud.bench.stored[i].data;
        if (cloud.bench.stored[i].table != &delivery_table)
            continue;
        assert_int_equal(row->notices[0].event, NOTICE_QUOTA);
        assert_string_equal(row->notices[0].quota, "cpus");
        assert_int_equal(row->notices[0].percent, 100);
    }
}

static void contacts_go_with_their_tenant(void **state) {
    (void)state;
    add_proven(cloud_alice, "hook", NULL);
    struct request delete = cloud_request(&cloud, cloud_operator, REQUEST_TENANT_DELETE);
    text_set(delete.key, "alice");
    assert_int_equal(bench_ask(&cloud.bench, &delete)->kind, REPLY_GONE);
    assert_null(stored_contact());
    bench_restart(&cloud.bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cloud_test(an_operation_that_ended_is_told_once_it_is_on_disk, &cloud),
        cloud_test(nobody_is_told_before_it_is_proven, &cloud),
        cloud_test(mail_that_arrived_proves_nothing_until_its_code_comes_back, &cloud),
        cloud_test(a_code_that_came_back_is_not_mailed_again, &cloud),
        cloud_test(a_code_may_come_back_while_it_is_under_way, &cloud),
        cloud_test(a_code_that_came_back_before_a_crash_is_not_mailed_empty, &cloud),
        cloud_test(what_was_under_way_is_sent_again_the_same_after_a_restart, &cloud),
        cloud_test(one_that_fails_is_tried_later_and_later_and_then_given_up, &cloud),
        cloud_test(who_says_that_it_is_gone_is_told_nothing_more, &cloud),
        cloud_test(what_comes_thick_and_fast_is_told_together, &cloud),
        cmocka_unit_test(quiet_hours_are_read_and_end_when_they_say),
        cloud_test(what_happens_in_quiet_hours_is_told_together_at_their_end, &cloud),
        cloud_test(what_failed_is_not_tried_again_in_quiet_hours, &cloud),
        cloud_test(there_is_an_end_to_what_waits_for_one_that_is_not_there, &cloud),
        cloud_test(each_is_told_its_own_alone, &cloud),
        cloud_test(wishes_that_cannot_be_are_refused, &cloud),
        cloud_test(a_vm_that_dies_and_recovers_is_told, &cloud),
        cloud_test(a_vm_that_is_made_anew_is_told_with_the_age_of_its_disk, &cloud),
        cloud_test(a_cluster_that_goes_away_and_comes_back_is_told_to_operators, &cloud),
        cloud_test(a_quota_that_is_nearly_full_is_told_when_it_becomes_so, &cloud),
        cloud_test(contacts_go_with_their_tenant, &cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
