/* What a cluster's owner is told: hosts and upstream managers that go away and come back, and that
 * nothing of it is the upstream managers' to know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "message/records/contact.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3}, 1, (struct amounts){.cpus = 20});
    return 0;
}

static struct request contact_of(enum contact_kind kind, const char *events) {
    static uint64_t handle = 1000;
    static char address[] = "https://example.com/hook";
    struct request request = {.kind = REQUEST_CONTACT_ADD, .handle = ++handle};
    text_set(request.contact.name, "desk");
    request.contact.kind = kind;
    request.contact.address = kind == CONTACT_JOURNAL ? NULL : address;
    request.contact.events = (char *)events;
    text_set(request.contact.challenge, "echo-me");
    return request;
}

static const struct reply *add(enum contact_kind kind, const char *events) {
    struct request request = contact_of(kind, events);
    return bench_ask(&bench, &request);
}

/* The notice that is on its way, which arrives. NULL: none is. */
static const struct notice *told(void) {
    static struct notice notice;
    struct event event = {.kind = EVENT_DELIVERED, .delivered = {.outcome = DELIVERED_DONE}};
    for (size_t i = 0; i < bench.stored_count; i++) {
        const struct delivery *delivery = bench.stored[i].data;
        if (bench.stored[i].table != &delivery_table)
            continue;
        assert_true(delivery->is_sealed); /* it was handed out */
        assert_int_equal(delivery->notices_count, 1);
        notice = delivery->notices[0];
        text_set(event.delivered.delivery, delivery->id);
        bench_step(&bench, event);
        return &notice;
    }
    return NULL;
}

static size_t stored(const struct table *table) {
    size_t count = 0;
    for (size_t i = 0; i < bench.stored_count; i++)
        count += bench.stored[i].table == table;
    return count;
}

static void a_host_that_goes_away_and_comes_back_is_told(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    assert_int_equal(add(CONTACT_JOURNAL, "host-away host-back")->kind, REPLY_CREATED);
    bench_cut(&bench, host);
    assert_null(told());
    bench_pass(&bench, 40000);
    const struct notice *notice = told();
    assert_non_null(notice);
    assert_int_equal(notice->event, NOTICE_HOST_AWAY);
    assert_string_equal(notice->host, "agent-0");
    bench_pass(&bench, 100000);
    assert_null(told()); /* once */
    bench_hello(&bench, host, 3);
    notice = told();
    assert_non_null(notice);
    assert_int_equal(notice->event, NOTICE_HOST_BACK);
    assert_string_equal(notice->host, "agent-0");
    assert_int_equal(stored(&delivery_table), 0);
}

static void an_upstream_manager_is_away_when_it_stays_away(void **state) {
    (void)state;
    assert_int_equal(add(CONTACT_JOURNAL, "upstream-away upstream-back")->kind, REPLY_CREATED);
    bench_cut(&bench, cloud);
    bench_pass(&bench, 29000);
    assert_null(told());
    bench_welcome(&bench, cloud);
    bench_pass(&bench, 60000);
    assert_null(told()); /* it was connected again in time */
    bench_cut(&bench, cloud);
    bench_pass(&bench, 31000);
    const struct notice *notice = told();
    assert_non_null(notice);
    assert_int_equal(notice->event, NOTICE_UPSTREAM_AWAY);
    assert_string_equal(notice->upstream, "manager-0");
    bench_pass(&bench, 100000);
    assert_null(told());
    bench_welcome(&bench, cloud);
    notice = told();
    assert_non_null(notice);
    assert_int_equal(notice->event, NOTICE_UPSTREAM_BACK);
    assert_string_equal(notice->upstream, "manager-0");
}

static void a_certificate_that_runs_out_is_told(void **state) {
    (void)state;
    struct event event = {.kind = EVENT_CERTIFICATE, .certificate = {.expires_ms = 5}};
    text_set(event.certificate.name, "[uplink cloud] certificate_file");
    assert_int_equal(add(CONTACT_JOURNAL, NULL)->kind, REPLY_CREATED);
    bench_step(&bench, event);
    assert_int_equal(bench_count(&bench, EFFECT_DELIVER), 1);
    const struct notice *notice = told();
    assert_non_null(notice);
    assert_int_equal(notice->event, NOTICE_CERTIFICATE);
    assert_string_equal(notice->certificate, "[uplink cloud] certificate_file");
}

static void a_contact_outlives_a_restart_and_is_told_nothing_before_its_proof(void **state) {
    (void)state;
    assert_int_equal(add(CONTACT_WEBHOOK, NULL)->kind, REPLY_CREATED);
    assert_int_equal(stored(&delivery_table), 1); /* the challenge */
    bench_restart(&bench);
    assert_int_equal(stored(&contact_table), 1);
    assert_int_equal(bench_count(&bench, EFFECT_DELIVER), 1);
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_pass(&bench, 60000);
    assert_int_equal(stored(&delivery_table), 1);
}

/* What tenants and operators are told is not known here, or not the owner's. */
static void what_an_owner_cannot_be_told_is_refused(void **state) {
    (void)state;
    static const char *const events[] = {"operation-ended", "vm-died", "cluster-away",
                                         "host-away quota-nearly-full"};
    for (size_t i = 0; i < array_size(events); i++) {
        const struct reply *reply = add(CONTACT_JOURNAL, events[i]);
        assert_int_equal(reply->code, CODE_UNSUPPORTED);
        assert_string_equal(reply->field, "events");
    }
    assert_int_equal(add(CONTACT_JOURNAL, "host-gone")->code, CODE_INVALID);
    assert_int_equal(add(CONTACT_MAIL, NULL)->code, CODE_UNSUPPORTED); /* without a server */
    assert_int_equal(add(CONTACT_XMPP, NULL)->code, CODE_UNSUPPORTED);
    assert_int_equal(stored(&contact_table), 0);
}

#define cluster_test(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cluster_test(a_host_that_goes_away_and_comes_back_is_told),
        cluster_test(an_upstream_manager_is_away_when_it_stays_away),
        cluster_test(a_certificate_that_runs_out_is_told),
        cluster_test(a_contact_outlives_a_restart_and_is_told_nothing_before_its_proof),
        cluster_test(what_an_owner_cannot_be_told_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
