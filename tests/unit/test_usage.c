/* What VMs use: when hosts are asked, what goes up and when, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "core/upstream/upstream.h"
#include "host.h"

enum { every_ms = 60000 };

static const struct usage some = {1500, 256, 1, 2, 3, 4}, more = {500, 512, 3, 4, 5, 6};

static struct vm_usage usage_of(const char *vm, uint32_t epoch, const struct usage *usage) {
    struct vm_usage of = {.epoch = epoch, .usage = *usage};
    text_set(of.vm, bench_instruct("9", vm, 1, VERB_START).instruct.vm);
    return of;
}

static struct message usages(const struct vm_usage *vms, uint32_t count) {
    return (struct message){.kind = MESSAGE_USAGES,
                            .usages = {memory_copy(vms, count * sizeof(*vms)), count}};
}

/* --- hosts --- */

static int set_up_host(void **state) {
    (void)state;
    host_open(NULL);
    host_run_vm();
    bench.usage_ms = every_ms;
    bench_cut(&bench, manager);
    bench_welcome(&bench, manager);
    return 0;
}

static void host_says(const struct vm_usage *vms, uint32_t count) {
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_USAGE, .usage = {count, vms}});
}

static void a_host_is_asked_as_often_as_its_manager_wants_to_hear_it(void **state) {
    (void)state;
    size_t asked = 0;
    for (int i = 0; i < 10; i++) {
        effects_clear(&bench.effects);
        bench_pass(&bench, every_ms / 2);
        asked += bench_count(&bench, EFFECT_USAGE);
        bench_say(&bench, manager, (struct message){.kind = MESSAGE_SYNC});
    }
    assert_int_equal(asked, 5);
}

static void a_manager_that_does_not_ask_is_told_nothing(void **state) {
    (void)state;
    const struct vm_usage told = usage_of("1", 1, &some);
    bench.usage_ms = 0;
    bench_cut(&bench, manager);
    bench_welcome(&bench, manager);
    effects_clear(&bench.effects);
    bench_pass(&bench, 2 * every_ms);
    assert_int_equal(bench_count(&bench, EFFECT_USAGE), 0);
    host_says(&told, 1);
    assert_null(bench_told(&bench, manager, MESSAGE_USAGES));
}

static void a_host_tells_of_vms_that_run_as_it_has_them(void **state) {
    (void)state;
    const struct vm_usage told[] = {usage_of("1", 1, &some), usage_of("2", 1, &some),
                                    usage_of("1", 2, &more)}; /* not here; of another making */
    host_says(told, 3);
    const struct usages *said = &bench_told(&bench, manager, MESSAGE_USAGES)->usages;
    assert_int_equal(said->vms_count, 1);
    assert_memory_equal(&said->vms[0].usage, &some, sizeof(some));
    host_domain_is(told[0].vm, 1, VM_STOPPED, DOMAIN_CHANGED);
    host_says(told, 1);
    assert_null(bench_told(&bench, manager, MESSAGE_USAGES));
}

/* --- clusters --- */

static int set_up_cluster(void **state) {
    const struct role_settings settings = {.kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000,
                                           .hold_down_ms = 30000, .agents_count = 1,
                                           .managers_count = 2, .hash = bench_hash,
                                           .usage_ms = every_ms};
    (void)state;
    bench_init(&bench, &settings);
    bench.usage_ms = every_ms;
    cloud = bench_manager(&bench, 0);
    other = bench_manager(&bench, 1);
    bench_welcome(&bench, cloud);
    bench_welcome(&bench, other);
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_pass(&bench, 200);
    cluster_run_vm(cloud, "1", "1");
    return 0;
}

/* Lets time pass, all others being there, and the host saying this four times in each turn: what
 * was told in the last turn; NULL: nothing. */
static const struct usages *after_turns(struct far *to, int turns, const struct vm_usage *told) {
    const struct usages *said = NULL;
    for (int i = 0; i < 4 * turns; i++) {
        bench_say(&bench, cloud, (struct message){.kind = MESSAGE_SYNC});
        bench_say(&bench, other, (struct message){.kind = MESSAGE_SYNC});
        if (told)
            bench_say(&bench, bench_agent(&bench, 0), usages(told, 1));
        for (int k = 0; k < 2; k++) { /* in less than three beats */
            bench_say(&bench, bench_agent(&bench, 0), (struct message){.kind = MESSAGE_BEAT});
            effects_clear(&bench.effects);
            bench_pass(&bench, every_ms / 8);
            const struct message *message = bench_told(&bench, to, MESSAGE_USAGES);
            said = message ? &message->usages : i % 4 == 0 && k == 0 ? NULL : said;
            if (message && i >= 4 * (turns - 1))
                return said;
        }
    }
    return NULL;
}

static void hosts_are_asked_four_times_as_often_as_is_told(void **state) {
    (void)state;
    bench_cut(&bench, bench_agent(&bench, 0));
    bench_hello_first(&bench, bench_agent(&bench, 0));
    const struct message *welcome =
        bench_told(&bench, bench_agent(&bench, 0), MESSAGE_WELCOME);
    assert_int_equal(welcome->welcome.usage_ms, every_ms / 4);
}

static void a_new_vm_is_told_of_after_two_turns_and_to_whose_it_is(void **state) {
    (void)state;
    const struct vm_usage told = usage_of("1", 1, &some);
    assert_null(after_turns(cloud, 1, &told));
    assert_null(after_turns(cloud, 1, &told));
    const struct usages *said = after_turns(cloud, 2, &told);
    assert_non_null(said);
    assert_int_equal(said->vms_count, 1);
    assert_string_equal(said->vms[0].vm, told.vm);
    assert_memory_equal(&said->vms[0].usage, &some, sizeof(some));
    assert_null(after_turns(other, 2, &told));
}

static void of_what_hosts_say_the_mean_is_told_once(void **state) {
    (void)state;
    const struct vm_usage told[] = {usage_of("1", 1, &some), usage_of("1", 1, &more)};
    const struct usage mean = {1000, 384, 2, 3, 4, 5};
    assert_non_null(after_turns(cloud, 4, told));
    bench_say(&bench, bench_agent(&bench, 0), usages(told, 2));
    const struct usages *said = after_turns(cloud, 1, NULL);
    assert_non_null(said);
    assert_memory_equal(&said->vms[0].usage, &mean, sizeof(mean));
    assert_null(after_turns(cloud, 1, NULL));
}

static void a_host_that_is_not_the_vms_is_not_believed(void **state) {
    (void)state;
    const struct vm_usage told = usage_of("1", 2, &some); /* of another making */
    assert_null(after_turns(cloud, 5, &told));
}

static void an_owner_may_forbid_it(void **state) {
    (void)state;
    const struct vm_usage told = usage_of("1", 1, &some);
    struct request request = {.kind = REQUEST_PERMISSIONS_SET, .handle = 7,
                              .permissions.views = (char *)(uintptr_t)"ips log"};
    text_set(request.key, "manager-0");
    assert_non_null(after_turns(cloud, 4, &told));
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_OK);
    assert_null(after_turns(cloud, 3, &told));
    request.permissions.views = (char *)(uintptr_t)"usage";
    assert_int_equal(bench_ask(&bench, &request)->code, CODE_OK);
    assert_non_null(after_turns(cloud, 2, &told));
}

/* --- what is kept --- */

static uint32_t kept(const struct usage_history *history) {
    uint32_t count;
    memory_free(usage_marks(history, &count));
    return count;
}

static void the_last_hour_is_kept_mark_by_mark_and_a_day_in_longer_ones(void **state) {
    struct usage_book book;
    struct usage_history *history = NULL;
    uint32_t count;
    (void)state;
    usage_book_init(&book, every_ms, 0);
    for (uint64_t i = 0; i < 48 * 60; i++) {
        const struct usage usage = {.cpu_permille = (uint32_t)(i % 10) * 100, .net_sent = 7};
        usage_add(&book, &history, (i + 1000000) * every_ms, &usage);
        usage_check(&book);
    }
    auto_clean(memory_clean) struct usage_mark *marks = usage_marks(history, &count);
    assert_in_range(count, 60 + 140, limit_usage_marks);
    const struct usage_mark *last = &marks[count - 1];
    assert_int_equal(last->at_ms, (48 * 60 - 1 + 1000000ull) * every_ms);
    assert_int_equal(last->usage.cpu_permille, 900);
    assert_int_equal(last[-60].at_ms, last->at_ms - 60 * every_ms);
    assert_int_equal(last->at_ms - marks[0].at_ms > 24 * 60 * every_ms, 1);
    assert_int_equal(marks[1].at_ms - marks[0].at_ms, 10 * every_ms);
    assert_int_equal(marks[1].usage.cpu_permille, 450);
    assert_int_equal(marks[1].usage.net_sent, 7);
    usage_drop(&history);
    assert_int_equal(book.kept + book.count, 0);
}

static void what_comes_too_soon_is_left_out_and_a_gap_is_no_mean(void **state) {
    struct usage_book book;
    struct usage_history *history = NULL;
    uint32_t count;
    (void)state;
    usage_book_init(&book, every_ms, 0);
    for (uint64_t i = 0; i < 100; i++)
        usage_add(&book, &history, 1000000ull * every_ms + i * 1000, &some);
    assert_int_equal(kept(history), 4); /* at 0, 30, 60 and 90 s */
    for (uint64_t i = 0; i < 100; i++)
        usage_add(&book, &history, (1000600 + i) * every_ms, &more);
    auto_clean(memory_clean) struct usage_mark *marks = usage_marks(history, &count);
    assert_memory_equal(&marks[0].usage, &some, sizeof(some));
    assert_memory_equal(&marks[1].usage, &more, sizeof(more));
    usage_drop(&history);
}

static void a_clock_that_is_set_back_begins_anew(void **state) {
    struct usage_book book;
    struct usage_history *history = NULL;
    (void)state;
    usage_book_init(&book, every_ms, 0);
    usage_add(&book, &history, 9000000, &some);
    usage_add(&book, &history, 9060000, &some);
    usage_add(&book, &history, 5000000, &some);
    assert_int_equal(kept(history), 1);
    usage_check(&book);
    usage_drop(&history);
}

static void all_together_have_so_many_and_who_is_heard_has_a_share(void **state) {
    enum { vms = 20, most = 400 };
    struct usage_book book;
    struct usage_history *histories[vms] = {NULL};
    (void)state;
    usage_book_init(&book, every_ms, most);
    for (uint64_t i = 0; i < 300; i++) {
        size_t heard = i < 100 ? 5 : vms; /* those that come later have as much as the others */
        for (size_t k = 0; k < heard; k++)
            usage_add(&book, &histories[k], (1000000 + i) * every_ms, &some);
        usage_check(&book);
        assert_true(book.kept <= most);
    }
    for (size_t k = 0; k < vms; k++)
        assert_in_range(kept(histories[k]), most / vms - 4, most / vms + 4);
    for (size_t k = 0; k < vms; k++)
        usage_drop(&histories[k]);
    assert_int_equal(book.kept + book.count, 0);
}

/* --- the cloud --- */

static const struct usage_graph *graph(struct cloud *all, enum cloud_user user, const char *vm) {
    struct request request = cloud_request(all, user, REQUEST_VM_USAGE);
    text_set(request.key, vm);
    const struct reply *reply = bench_ask(&all->bench, &request);
    return reply->kind == REPLY_RECORD ? reply->record.data : NULL;
}

static void a_tenant_sees_what_its_own_vms_have_used(void **state) {
    struct cloud *all = *state;
    const struct id vm = cloud_run_vm(all, cloud_alice, "web");
    struct vm_usage told = {.epoch = 1, .usage = some};
    text_set(told.vm, vm.text);
    assert_int_equal(graph(all, cloud_alice, vm.text)->marks_count, 0);
    bench_say(&all->bench, all->south, usages(&told, 1)); /* it is not there */
    assert_int_equal(graph(all, cloud_alice, vm.text)->marks_count, 0);
    bench_say(&all->bench, all->north, usages(&told, 1));
    const struct usage_graph *shown = graph(all, cloud_alice, "web");
    assert_int_equal(shown->every_seconds, 60);
    assert_int_equal(shown->marks_count, 1);
    assert_memory_equal(&shown->marks[0].usage, &some, sizeof(some));
    assert_null(graph(all, cloud_bob, vm.text));
    assert_int_equal(graph(all, cloud_operator, vm.text)->marks_count, 1);
}

#define on_host(test) cmocka_unit_test_setup_teardown(test, set_up_host, cluster_tear_down)
#define in_cluster(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, cluster_tear_down)

int main(void) {
    static struct cloud cloud_room;
    const struct CMUnitTest tests[] = {
        on_host(a_host_is_asked_as_often_as_its_manager_wants_to_hear_it),
        on_host(a_manager_that_does_not_ask_is_told_nothing),
        on_host(a_host_tells_of_vms_that_run_as_it_has_them),
        in_cluster(hosts_are_asked_four_times_as_often_as_is_told),
        in_cluster(a_new_vm_is_told_of_after_two_turns_and_to_whose_it_is),
        in_cluster(of_what_hosts_say_the_mean_is_told_once),
        in_cluster(a_host_that_is_not_the_vms_is_not_believed),
        in_cluster(an_owner_may_forbid_it),
        cmocka_unit_test(the_last_hour_is_kept_mark_by_mark_and_a_day_in_longer_ones),
        cmocka_unit_test(what_comes_too_soon_is_left_out_and_a_gap_is_no_mean),
        cmocka_unit_test(a_clock_that_is_set_back_begins_anew),
        cmocka_unit_test(all_together_have_so_many_and_who_is_heard_has_a_share),
        cloud_test(a_tenant_sees_what_its_own_vms_have_used, &cloud_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
