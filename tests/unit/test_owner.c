/* What a cluster's owner sees and decides by the owner's API, and what the upstream managers get to
 * know of it: their aggregate, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cluster.h"
#include "message/owner.h"

static int set_up(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3, 2, 1}, 3, (struct amounts){.cpus = 20});
    return 0;
}

static struct request about(enum request_kind kind, const char *key) {
    static uint64_t handle;
    struct request request = {.kind = kind, .handle = ++handle};
    text_set(request.key, key);
    return request;
}

/* The record that answers the request. */
static const void *ask(const struct request *request, const struct table *table) {
    const struct reply *reply = bench_ask(&bench, request);
    assert_non_null(reply);
    assert_int_equal(reply->kind, REPLY_RECORD);
    assert_ptr_equal(reply->record.table, table);
    return reply->record.data;
}

static const struct owned_host *host(enum request_kind kind, const char *name) {
    struct request request = about(kind, name);
    return ask(&request, &host_table);
}

static const struct owned_lending *lending(enum request_kind kind, const char *name,
                                           struct amounts limits) {
    struct request request = about(kind, name);
    request.limits = limits;
    return ask(&request, &owned_lending_table);
}

static void refused(enum request_kind kind, const char *name, enum code code) {
    struct request request = about(kind, name);
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->kind, REPLY_PROBLEM);
    assert_int_equal(reply->code, code);
    assert_int_equal(bench_count(&bench, EFFECT_SAVE) + bench_count(&bench, EFFECT_SEND), 0);
}

static void an_owner_is_answered_what_owners_may_ask_and_nothing_else(void **state) {
    (void)state;
    for (enum request_kind kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        struct request request = about(kind, "none");
        const struct reply *reply = bench_ask(&bench, &request);
        bool unsupported = reply->kind == REPLY_PROBLEM && reply->code == CODE_UNSUPPORTED;
        assert_int_equal(unsupported, !(request_rules[kind].asks & ASKS_OWNER));
    }
}

static const struct reply *list(enum request_kind kind, struct list_query query) {
    struct request request = about(kind, "");
    request.list = query;
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->kind, REPLY_LIST);
    return reply;
}

static void the_owner_sees_each_host(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    const struct reply *reply = list(REQUEST_HOST_LIST, (struct list_query){.limit = 2});
    assert_int_equal(reply->list_count, 2);
    assert_string_equal(reply->next, "agent-1");
    const struct owned_host *first = reply->list[0].data;
    assert_string_equal(first->name, "agent-0");
    assert_int_equal(first->state, PEER_UP);
    assert_int_equal(first->vms, 1);
    assert_int_equal(first->cordoned_ms, 0);
    assert_int_equal(first->capacity.cpus_total, 12);
    assert_true(first->seen_ms > 0);
    reply = list(REQUEST_HOST_LIST, (struct list_query){.after = "agent-1"});
    assert_int_equal(reply->list_count, 1);
    assert_string_equal(reply->next, "");
    bench_cut(&bench, bench_agent(&bench, 0));
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-2")->state, PEER_SUSPECT);
}

static void the_owner_sees_vms_with_their_host_and_upstream(void **state) {
    (void)state;
    cluster_run_vm(cloud, "1", "1");
    cluster_run_vm(other, "2", "2");
    const struct reply *reply = list(REQUEST_VM_LIST, (struct list_query){.limit = 1});
    assert_int_equal(reply->list_count, 1);
    assert_ptr_equal(reply->list[0].table, &hosted_vm_table);
    assert_string_equal(((const struct hosted_vm *)reply->list[0].data)->host, "agent-0");
    struct list_query query = {.upstream = "manager-1"};
    reply = list(REQUEST_VM_LIST, query);
    assert_int_equal(reply->list_count, 1);
    assert_string_equal(((const struct hosted_vm *)reply->list[0].data)->upstream, "manager-1");
    assert_int_equal(list(REQUEST_VM_LIST, (struct list_query){.host = "agent-2"})->list_count,
                     0);
    refused(REQUEST_VM_SHOW, "vm-none", CODE_NOT_FOUND);
    refused(REQUEST_VM_CREATE, "", CODE_UNSUPPORTED);
}

static void a_cordoned_host_gets_no_new_vms_and_what_is_free_there_is_not_shown(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1"); /* on the roomiest: agent-0 */
    bench_pass(&bench, 200);
    assert_true(host(REQUEST_HOST_CORDON, "agent-0")->cordoned_ms > 0);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(other)->cpus_free, 12); /* of 24 */
    assert_int_equal(cluster_shown(other)->cpus_total, 12); /* its host had told of no VM yet */
    assert_int_equal(cluster_shown(other)->fits[0].count, 3);
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
    cluster_answer(CODE_OK, VM_RUNNING);
    bench_say(&bench, cloud, bench_instruct("3", "1", 2, VERB_STOP)); /* what is there goes on */
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
    assert_int_equal(host(REQUEST_HOST_UNCORDON, "agent-0")->cordoned_ms, 0);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(other)->cpus_total, 24);
    refused(REQUEST_HOST_CORDON, "agent-9", CODE_NOT_FOUND);
}

static void a_cordon_outlives_a_restart_and_is_not_begun_twice(void **state) {
    (void)state;
    uint64_t since = host(REQUEST_HOST_CORDON, "agent-0")->cordoned_ms;
    bench_pass(&bench, 5000);
    assert_int_equal(host(REQUEST_HOST_CORDON, "agent-0")->cordoned_ms, since);
    assert_int_equal(bench_count(&bench, EFFECT_SAVE), 0);
    bench_restart(&bench);
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->cordoned_ms, since);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 3);
    bench_hello(&bench, bench_agent(&bench, 1), 2);
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 2);
    (void)host(REQUEST_HOST_UNCORDON, "agent-0");
    bench_restart(&bench);
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->cordoned_ms, 0);
}

static void when_all_hosts_are_cordoned_nothing_is_waited_for(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++)
        (void)host(REQUEST_HOST_CORDON, bench.agents[i].name);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
}

static void a_limit_set_at_run_time_holds_for_what_is_new_and_kills_nothing(void **state) {
    (void)state;
    struct message instruct;
    cluster_run_vm(cloud, "1", "1");
    cluster_run_vm(cloud, "2", "2");
    const struct owned_lending *set =
        lending(REQUEST_LIMITS_SET, "manager-0", (struct amounts){.vms = 1, .cpus = 9});
    assert_int_equal(set->from, ORIGIN_SET);
    assert_int_equal(set->limits.cpus, 9);
    assert_int_equal(set->configured.cpus, 20);
    assert_int_equal(set->used.vms, 2);
    assert_int_equal(set->over.vms, 1);
    assert_int_equal(set->over.cpus, 0);
    assert_null(cluster_instructed(&instruct));
    bench_pass(&bench, 200);
    assert_int_equal(cluster_shown(cloud)->cpus_total, 9);
    assert_int_equal(cluster_shown(cloud)->fits[0].count, 0);
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    bench_say(&bench, cloud, bench_instruct("4", "1", 2, VERB_STOP));
    assert_non_null(cluster_instructed(&instruct));
    cluster_run_vm(other, "5", "5"); /* another's limit is another's */
    refused(REQUEST_LIMITS_SET, "manager-9", CODE_NOT_FOUND);
}

static void limits_of_the_owner_outlive_a_restart_until_they_are_reset(void **state) {
    (void)state;
    static const struct amounts configured[2] = {{.cpus = 7}};
    bench.settings.limits = configured; /* somebody edits the file meanwhile */
    (void)lending(REQUEST_LIMITS_SET, "manager-0", (struct amounts){.vms = 4});
    bench_restart(&bench);
    const struct owned_lending *shown =
        lending(REQUEST_UPSTREAM_SHOW, "manager-0", (struct amounts){0});
    assert_int_equal(shown->limits.vms, 4);
    assert_int_equal(shown->limits.cpus, 0);
    assert_int_equal(shown->configured.cpus, 7);
    assert_int_equal(shown->state, PEER_AWAY);
    bench_welcome(&bench, cloud);
    assert_int_equal(
        lending(REQUEST_LIMITS_RESET, "manager-0", (struct amounts){0})->limits.cpus, 7);
    bench_restart(&bench);
    shown = lending(REQUEST_UPSTREAM_SHOW, "manager-0", (struct amounts){0});
    assert_int_equal(shown->limits.cpus, 7);
    assert_int_equal(shown->from, ORIGIN_CONFIGURED);
}

static void the_owner_sees_whether_an_upstream_is_connected(void **state) {
    (void)state;
    const struct reply *reply = list(REQUEST_UPSTREAM_LIST, (struct list_query){0});
    assert_int_equal(reply->list_count, 2);
    assert_int_equal(((const struct owned_lending *)reply->list[1].data)->state, PEER_UP);
    bench_cut(&bench, cloud);
    const struct owned_lending *away =
        lending(REQUEST_UPSTREAM_SHOW, "manager-0", (struct amounts){0});
    assert_int_equal(away->state, PEER_AWAY);
    assert_true(away->seen_ms > 0);
}

static const struct vm *vm_of(const char *number) {
    struct message named = bench_instruct("0", number, 1, VERB_STOP);
    const struct book_vm *vm = book_vm(role_book(bench.role), named.instruct.vm);
    return vm ? &vm->record : NULL;
}

/* Its host goes, and the owner gives it up. All hosts are on one link: the others come back. */
static void lose_host(size_t lost) {
    bench_cut(&bench, bench_agent(&bench, lost));
    for (size_t i = 0; i < 3; i++)
        if (i != lost)
            bench_hello(&bench, bench_agent(&bench, i), 2);
    bench_pass(&bench, 200);
}

static void a_host_that_is_forgotten_takes_its_vms_with_it(void **state) {
    (void)state;
    (void)host(REQUEST_HOST_CORDON, "agent-1");
    (void)host(REQUEST_HOST_CORDON, "agent-2");
    cluster_run_vm(cloud, "1", "1");
    bench_say(&bench, cloud, bench_define("2", "2", 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    refused(REQUEST_HOST_FORGET, "agent-0", CODE_CONFLICT);
    lose_host(0);
    assert_int_equal(host(REQUEST_HOST_SHOW, "agent-0")->vms, 2);
    assert_int_equal(host(REQUEST_HOST_FORGET, "agent-0")->vms, 0);
    cluster_assert_result(cloud, CODE_LOST, VM_FAILED); /* of what was being made */
    assert_string_equal(vm_of("2")->place, "");
    assert_int_equal(vm_of("2")->state, VM_FAILED);
    assert_int_equal(vm_of("1")->state, VM_LOST);
    assert_int_equal(
        lending(REQUEST_UPSTREAM_SHOW, "manager-0", (struct amounts){0})->used.vms, 0);
    refused(REQUEST_HOST_FORGET, "agent-9", CODE_NOT_FOUND);
}

static void a_forgotten_hosts_vms_are_lost_and_what_was_to_be_deleted_is_gone(void **state) {
    (void)state;
    struct message instruct;
    (void)host(REQUEST_HOST_CORDON, "agent-1");
    (void)host(REQUEST_HOST_CORDON, "agent-2");
    cluster_run_vm(cloud, "1", "1");
    cluster_run_vm(cloud, "2", "2");
    lose_host(0);
    bench_say(&bench, cloud, bench_instruct("3", "2", 2, VERB_DELETE));
    assert_null(cluster_instructed(&instruct));
    (void)host(REQUEST_HOST_FORGET, "agent-0");
    assert_int_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.state, VM_LOST);
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
    assert_int_equal(vm_of("1")->state, VM_LOST);
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    assert_int_equal(vm_of("1")->state, VM_LOST);
    bench_say(&bench, cloud, bench_instruct("4", "1", 2, VERB_DELETE)); /* asks no host */
    cluster_assert_result(cloud, CODE_OK, VM_DELETED);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(the_owner_sees_each_host),
        with_cluster(the_owner_sees_vms_with_their_host_and_upstream),
        with_cluster(a_cordoned_host_gets_no_new_vms_and_what_is_free_there_is_not_shown),
        with_cluster(a_cordon_outlives_a_restart_and_is_not_begun_twice),
        with_cluster(when_all_hosts_are_cordoned_nothing_is_waited_for),
        with_cluster(a_limit_set_at_run_time_holds_for_what_is_new_and_kills_nothing),
        with_cluster(limits_of_the_owner_outlive_a_restart_until_they_are_reset),
        with_cluster(the_owner_sees_whether_an_upstream_is_connected),
        with_cluster(a_host_that_is_forgotten_takes_its_vms_with_it),
        with_cluster(an_owner_is_answered_what_owners_may_ask_and_nothing_else),
        with_cluster(a_forgotten_hosts_vms_are_lost_and_what_was_to_be_deleted_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
