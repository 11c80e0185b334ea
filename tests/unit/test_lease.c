/* Leases: what a holder counts from, and what an agent makes of one with its host's warden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/link/lease.h"
#include "host.h"

static void a_lease_counts_from_the_first_sending_of_what_is_acknowledged(void **state) {
    (void)state;
    struct lease lease = {0};
    lease_note(&lease, 1, 1000);
    lease_note(&lease, 4, 6000);
    lease_hear(&lease, LEASE_CLUSTER, 3, 20000); /* 4 has not come */
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 21000);
    lease_hear(&lease, LEASE_CLUSTER, 7, 20000);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 26000);
}

static void a_frame_that_comes_late_or_again_makes_no_lease_longer(void **state) {
    (void)state;
    struct lease lease = {0};
    lease_note(&lease, 1, 1000);
    lease_note(&lease, 4, 6000);
    lease_hear(&lease, LEASE_CLUSTER, 4, 20000);
    lease_hear(&lease, LEASE_CLUSTER, 1, 20000);
    lease_hear(&lease, LEASE_CLUSTER, 4, 20000);
    lease_hear(&lease, LEASE_CLUSTER, 4, 19000);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 26000);
}

static void what_was_sent_in_another_session_or_long_ago_does_not_count(void **state) {
    (void)state;
    struct lease lease = {0};
    lease_note(&lease, 1, 1000);
    lease_hear(&lease, LEASE_CLUSTER, 1, 20000);
    lease_forget(&lease);
    lease_hear(&lease, LEASE_CLUSTER, 9, 90000);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 21000); /* what is held goes on */
    for (uint64_t i = 1; i <= 20; i++)
        lease_note(&lease, i, 1000 * i);
    lease_hear(&lease, LEASE_CLUSTER, 12, 20000); /* of the newest eight alone */
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 21000);
    lease_hear(&lease, LEASE_CLUSTER, 13, 20000);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 33000);
}

/* The slowest holder and the fastest granter, each by a hundredth. */
static void the_margin_is_enough_for_two_clocks(void **state) {
    (void)state;
    for (uint64_t ms = 1000; ms <= 3600000; ms += 7919) {
        uint64_t granter = ms * 101 / 99 + 1; /* what it counts while the holder counts `ms` */
        assert_true(ms + lease_margin_ms(ms) - lease_stop_ms > granter);
    }
}

/* The slowest clock of who passes it on, and the fastest of its own manager: here in its ms. */
static void what_is_passed_on_ends_no_later(void **state) {
    (void)state;
    for (uint64_t ms = 1; ms <= 3600000; ms += 7919) {
        uint64_t rest = lease_rest_ms(5000 + ms, 5000, UINT64_MAX / 4);
        assert_true(rest * 101 <= ms * 99);
        assert_true(rest + 1 + ms / 49 >= ms);
    }
    assert_int_equal(lease_rest_ms(5000, 5000, 60000), 0);
    assert_int_equal(lease_rest_ms(4000, 5000, 60000), 0);
    assert_int_equal(lease_rest_ms(500000, 5000, 60000), 60000);
    assert_int_equal(lease_rest_ms(UINT64_MAX, 5000, 60000), 60000);
}

static void each_reach_has_a_lease_of_its_own(void **state) {
    (void)state;
    struct lease lease = {0};
    lease_note(&lease, 1, 1000);
    lease_hear(&lease, LEASE_CLUSTER, 1, 20000);
    lease_hear(&lease, LEASE_ANYWHERE, 1, 0);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 21000);
    assert_int_equal(lease.until_ms[LEASE_ANYWHERE], 0);
    lease_hear(&lease, LEASE_ANYWHERE, 1, 5000);
    assert_int_equal(lease.until_ms[LEASE_CLUSTER], 21000);
    assert_int_equal(lease.until_ms[LEASE_ANYWHERE], 6000);
}

/* ---- the agent ---- */

static int set_up(void **state) {
    (void)state;
    host_open(NULL);
    return 0;
}

static void warden(enum guard_news news, const char *vm) {
    struct event event = {.kind = EVENT_GUARD, .guard.news = news};
    if (vm)
        text_set(event.guard.vm, bench_instruct("1", vm, 1, VERB_START).instruct.vm);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

static const struct effect_guard *told(enum guard_order order) {
    for (size_t i = 0; i < bench.effects.count; i++) {
        const struct effect *effect = &bench.effects.items[i];
        if (effect->kind == EFFECT_GUARD && effect->guard.order == order)
            return &effect->guard;
    }
    return NULL;
}

/* A beat goes out at once, and is acknowledged with a lease. */
static void lend(uint64_t lease_ms) {
    warden(GUARD_THERE, NULL);
    assert_true(bench_told(&bench, manager, MESSAGE_BEAT)->beat.guarded);
    manager->lease_ms = lease_ms;
}

static struct message define_leased(const char *op, const char *vm) {
    struct message define = bench_define(op, vm, 1, &bench_shapes[0]);
    define.instruct.definition.on_loss = ON_LOSS_RESTART;
    return define;
}

static void without_a_warden_or_a_lease_nothing_leased_is_begun(void **state) {
    (void)state;
    bench_say(&bench, manager, define_leased("1", "1"));
    (void)host_assert_result(CODE_NO_LEASE, VM_FAILED);
    assert_null(told(GUARD_TAKE));
    lend(lease_stop_ms); /* too near its end */
    bench_say(&bench, manager, define_leased("2", "2"));
    (void)host_assert_result(CODE_NO_LEASE, VM_FAILED);
}

static void run_leased(void) {
    lend(20000);
    bench_say(&bench, manager, define_leased("1", "1"));
    host_assert_job(JOB_FETCH);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_RUNNING);
}

static void a_leased_vm_is_guarded_before_it_is_made_and_until_it_has_gone(void **state) {
    (void)state;
    lend(20000);
    uint64_t sent_ms = bench.now_ms;
    bench_say(&bench, manager, define_leased("1", "1"));
    assert_int_equal(told(GUARD_RENEW)->until_ms, sent_ms + 20000);
    assert_non_null(told(GUARD_TAKE));
    assert_true(bench_last(&bench, EFFECT_GUARD) < bench_last(&bench, EFFECT_JOB));
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    host_end_job(CODE_OK);
    bench_pass(&bench, 10000);
    assert_true(bench_told(&bench, manager, MESSAGE_BEAT)->beat.leased);
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_DELETE));
    assert_non_null(told(GUARD_END));
    host_end_job(CODE_OK);
    assert_non_null(told(GUARD_DROP));
}

static void what_stands_still_waits_and_goes_on_when_it_does(void **state) {
    (void)state;
    run_leased();
    warden(GUARD_FROZEN, "1");
    bench_say(&bench, manager, bench_instruct("2", "1", 2, VERB_STOP));
    assert_null(host_job());
    warden(GUARD_THAWED, "1");
    host_assert_job(JOB_STOP);
    host_end_job(CODE_OK);
    (void)host_assert_result(CODE_OK, VM_STOPPED);
}

static void while_the_warden_is_away_no_lease_is_asked_for_nor_passed_on(void **state) {
    (void)state;
    run_leased();
    warden(GUARD_AWAY, NULL);
    assert_false(bench_told(&bench, manager, MESSAGE_BEAT)->beat.guarded);
    bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    assert_null(told(GUARD_RENEW));
    warden(GUARD_THERE, NULL); /* another one, for all that is known */
    assert_non_null(told(GUARD_TAKE));
    assert_non_null(told(GUARD_RENEW));
}

static void after_a_loss_of_power_a_leased_vm_waits_for_a_lease(void **state) {
    (void)state;
    run_leased();
    bench_restart(&bench);
    warden(GUARD_THERE, NULL);
    host_domain_is("1", 1, VM_STOPPED, DOMAIN_CUT);
    manager->lease_ms = 0;
    effects_clear(&bench.effects);
    host_connect();
    assert_null(host_job());
    manager->lease_ms = 20000;
    bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    host_assert_job(JOB_START);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_counts_from_the_first_sending_of_what_is_acknowledged),
        cmocka_unit_test(a_frame_that_comes_late_or_again_makes_no_lease_longer),
        cmocka_unit_test(what_was_sent_in_another_session_or_long_ago_does_not_count),
        cmocka_unit_test(the_margin_is_enough_for_two_clocks),
        cmocka_unit_test(what_is_passed_on_ends_no_later),
        cmocka_unit_test(each_reach_has_a_lease_of_its_own),
        cmocka_unit_test_setup_teardown(without_a_warden_or_a_lease_nothing_leased_is_begun,
                                        set_up, cluster_tear_down),
        cmocka_unit_test_setup_teardown(
            a_leased_vm_is_guarded_before_it_is_made_and_until_it_has_gone, set_up,
            cluster_tear_down),
        cmocka_unit_test_setup_teardown(what_stands_still_waits_and_goes_on_when_it_does, set_up,
                                        cluster_tear_down),
        cmocka_unit_test_setup_teardown(
            while_the_warden_is_away_no_lease_is_asked_for_nor_passed_on, set_up,
            cluster_tear_down),
        cmocka_unit_test_setup_teardown(after_a_loss_of_power_a_leased_vm_waits_for_a_lease,
                                        set_up, cluster_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
