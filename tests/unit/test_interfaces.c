/* Network interfaces come and go: they keep their numbers, a host adds what it has, an owner
 * permits what is new, an upstream manager knows which is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "host.h"
#include "message/labels.h"
#include "message/records/interface.h"

/* What of it the manager is told to have stood in the way. */
static void assert_obstacle(const struct far *told, enum obstacle obstacle) {
    assert_int_equal(bench_told(&bench, told, MESSAGE_RESULT)->result.obstacle, obstacle);
}

static struct message define(const char *vm, const char *networks) {
    struct message message = bench_define(vm, vm, 1, &bench_shapes[0]);
    message.instruct.definition.networks = memory_text(networks);
    return message;
}

static struct message connect(const char *op, uint64_t generation, enum verb verb,
                              const char *networks) {
    struct message message = bench_instruct(op, "1", generation, verb);
    struct message as = define("1", networks);
    message.instruct.definition = as.instruct.definition;
    return message;
}

static char *with(const char *networks, const char *name) {
    static char out[interfaces_size];
    return interfaces_with(networks, name, out);
}

static char *without(const char *networks, unsigned number) {
    static char out[interfaces_size];
    return interfaces_without(networks, number, out);
}

static void interfaces_keep_their_numbers_as_others_come_and_go(void **state) {
    (void)state;
    struct interface shown[limit_vm_networks];
    char out[interfaces_size];
    assert_string_equal(with(NULL, "lan"), "lan");
    assert_string_equal(with("lan", "lan"), "lan,lan");
    assert_string_equal(without("lan,wan,dmz", 1), "lan,-,dmz");
    assert_string_equal(without("lan,-,dmz", 0), "-,-,dmz");
    assert_string_equal(without("lan,-,dmz", 2), "lan");
    assert_null(without("-,-,dmz", 2));
    assert_string_equal(with("lan,-,dmz", "wan"), "lan,wan,dmz");
    assert_string_equal(with("-,-,dmz", "wan"), "wan,-,dmz");
    assert_int_equal(interfaces_count("-,-,dmz"), 1);
    assert_int_equal(interfaces_of(NULL, "vm", "-,lan,-,wan", shown), 2);
    assert_int_equal(shown[0].number, 1);
    assert_int_equal(shown[1].number, 3);
    assert_string_equal(interfaces_show("-,lan,-,wan", out), "lan,wan");
    assert_null(interfaces_show(slot_free, out));
    assert_null(interfaces_added("lan,wan", "lan,-", out));
    assert_string_equal(interfaces_added("lan,-,dmz", "lan,wan,lan", out), "-,wan,lan");
    static const char *const wrong[] = {"", ",", "lan,", "-,", "--", "lan,-,-,-,-", "-lan"};
    for (size_t i = 0; i < array_size(wrong); i++)
        assert_false(slots_are_valid(wrong[i], limit_vm_networks));
}

/* --- the host --- */

static const struct facts *told_facts(struct far *far) {
    return &bench_told(&bench, far, MESSAGE_RESULT)->result.facts;
}

static void run_in(const char *networks, const char *allow) {
    struct message message = define("1", networks);
    message.instruct.definition.allow = memory_text(allow);
    bench_say(&bench, manager, message);
    for (int i = 0; i < 3; i++)
        host_end_job(CODE_OK);
    cluster_assert_result(manager, CODE_OK, VM_RUNNING);
}

static void a_host_adds_and_removes_and_says_what_there_is(void **state) {
    (void)state;
    host_open("lan,wan");
    run_in("lan,wan", NULL);
    bench_say(&bench, manager, connect("2", 2, VERB_INTERFACE_REMOVE, "-,wan"));
    assert_int_equal(host_job()->kind, JOB_CONNECT);
    assert_string_equal(host_job()->definition.networks, "-,wan");
    host_end_job(CODE_OK);
    cluster_assert_result(manager, CODE_OK, VM_RUNNING);
    assert_string_equal(told_facts(manager)->networks, "-,wan");
    bench_say(&bench, manager, connect("3", 3, VERB_INTERFACE_ADD, "lan,wan"));
    host_end_job(CODE_GUEST_IGNORED); /* and nothing is known of what it has */
    cluster_assert_result(manager, CODE_GUEST_IGNORED, VM_RUNNING);
    assert_string_equal(told_facts(manager)->networks, "-,wan");
    bench_say(&bench, manager, connect("4", 4, VERB_INTERFACE_ADD, "lan,wan"));
    struct vm found = {.networks = (char *)(uintptr_t)"lan,wan"};
    host_end((struct event_job){.code = CODE_HOST_FAILED, .found = &found});
    cluster_assert_result(manager, CODE_HOST_FAILED, VM_RUNNING);
    assert_string_equal(told_facts(manager)->networks, "lan,wan");
    bench_say(&bench, manager, connect("5", 5, VERB_INTERFACE_REMOVE, NULL));
    host_end_job(CODE_OK);
    assert_string_equal(told_facts(manager)->networks, slot_free);
    bench_say(&bench, manager, connect("6", 6, VERB_REBUILD, "lan"));
    assert_null(host_job()->definition.networks);
    bench_deinit(&bench);
}

static void a_host_refuses_what_it_has_not_and_what_it_was_not_asked_by_who_knows(void **state) {
    (void)state;
    host_begin("lan,wan");
    bench.settings.host_filtered = "lan";
    bench_restart(&bench);
    host_tell(NULL);
    host_connect();
    run_in("lan", "tcp:22");
    static const struct {
        const char *networks;
        enum verb verb;
        enum code code;
    } rows[] = {{"lan,dmz", VERB_INTERFACE_ADD, CODE_NO_CAPACITY},
                {"lan,wan", VERB_INTERFACE_ADD, CODE_NO_CAPACITY}, /* it keeps no rules there */
                {"wan,lan", VERB_INTERFACE_ADD, CODE_CONFLICT},
                {NULL, VERB_INTERFACE_ADD, CODE_CONFLICT},
                {"lan,lan", VERB_INTERFACE_REMOVE, CODE_CONFLICT},
                {"wan", VERB_INTERFACE_REMOVE, CODE_CONFLICT}};
    for (uint64_t i = 0; i < array_size(rows); i++) {
        char op[8];
        text_format(op, sizeof(op), "%u", (unsigned)i + 2);
        bench_say(&bench, manager, connect(op, i + 2, rows[i].verb, rows[i].networks));
        assert_null(host_job());
        cluster_assert_result(manager, rows[i].code, VM_RUNNING);
        assert_obstacle(manager, rows[i].code == CODE_NO_CAPACITY ? OBSTACLE_NETWORKS
                                                                  : OBSTACLE_NONE);
        assert_string_equal(told_facts(manager)->networks, "lan");
    }
    bench_say(&bench, manager, connect("9", 9, VERB_INTERFACE_ADD, "lan,lan"));
    assert_int_equal(host_job()->kind, JOB_CONNECT);
    bench_deinit(&bench);
}

/* --- the cluster --- */

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){9}, 1, (struct amounts){0});
    bench_agent(&bench, 0)->networks = "lan,wan";
    bench_hello(&bench, bench_agent(&bench, 0), 9);
    bench_say(&bench, cloud, define("1", "lan"));
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    return 0;
}

static void permit(const char *networks) {
    struct request request = {.kind = REQUEST_PERMISSIONS_SET,
                              .permissions.networks = (char *)(uintptr_t)networks};
    text_set(request.key, cloud->setting.name);
    assert_int_equal(bench_ask(&bench, &request)->kind, REPLY_RECORD);
}

static void what_is_new_has_to_be_permitted_and_what_is_there_stays(void **state) {
    (void)state;
    struct message instruct;
    permit("wan");
    bench_say(&bench, cloud, connect("2", 2, VERB_INTERFACE_ADD, "lan,lan"));
    cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_RUNNING);
    assert_obstacle(cloud, OBSTACLE_NETWORKS);
    bench_say(&bench, cloud, connect("3", 2, VERB_INTERFACE_ADD, "lan,wan"));
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
    assert_string_equal(instruct.instruct.definition.networks, "lan,wan");
    cluster_answer(CODE_OK, VM_RUNNING);
    cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    assert_string_equal(told_facts(cloud)->networks, "lan,wan");
    permit("none");
    bench_say(&bench, cloud, connect("4", 3, VERB_INTERFACE_REMOVE, "-,wan"));
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 0));
    cluster_answer(CODE_GUEST_IGNORED, VM_RUNNING);
    cluster_assert_result(cloud, CODE_GUEST_IGNORED, VM_RUNNING);
    assert_string_equal(told_facts(cloud)->networks, "lan,wan");
}

static void an_older_host_is_not_asked(void **state) {
    (void)state;
    struct message instruct;
    bench_agent(&bench, 0)->speaks = protocol_version_interfaces - 1;
    bench_hello(&bench, bench_agent(&bench, 0), 9);
    bench_say(&bench, cloud, connect("2", 2, VERB_INTERFACE_ADD, "lan,wan"));
    assert_null(cluster_instructed(&instruct));
    cluster_assert_result(cloud, CODE_UNSUPPORTED, VM_RUNNING);
    assert_string_equal(told_facts(cloud)->networks, "lan");
}

/* --- the cloud --- */

static struct cloud above;

static void run_vm(const char *networks) {
    struct request wish = cloud_wish(&above, cloud_alice, "web");
    above.south->networks = "*";
    bench_hello(&above.bench, above.south, 1);
    wish.vm_create.networks = (char *)(uintptr_t)networks;
    (void)cloud_begin(&above, &wish);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
}

static const struct vm *shown(void) {
    struct request show = cloud_request(&above, cloud_alice, REQUEST_VM_SHOW);
    text_set(show.key, "web");
    return bench_ask(&above.bench, &show)->record.data;
}

static struct request add(const char *network) {
    struct request act = cloud_act(&above, cloud_alice, VERB_INTERFACE_ADD, "web");
    text_set(act.reshape.network, network);
    return act;
}

static struct request remove_it(const char *interface) {
    struct request act = cloud_act(&above, cloud_alice, VERB_INTERFACE_REMOVE, "web");
    text_set(act.reshape.interface, interface);
    return act;
}

static void do_it(struct request act, const char *networks) {
    struct message instruct;
    (void)cloud_begin(&above, &act);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.south);
    const char *said = instruct.instruct.definition.networks;
    assert_true(said ? networks && text_equal(said, networks) : !networks);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
}

static void a_tenant_adds_and_removes_by_network_or_by_mac(void **state) {
    (void)state;
    run_vm("lan");
    do_it(add("wan"), "lan,wan");
    do_it(add("lan"), "lan,wan,lan");
    struct request act = remove_it("lan");
    cloud_assert_refused(&above, &act, CODE_CONFLICT, "interface");
    act = remove_it("dmz");
    cloud_assert_refused(&above, &act, CODE_NOT_FOUND, "interface");
    char mac[limit_mac_size];
    text_set(mac, shown()->interfaces[0].mac);
    do_it(remove_it(mac), "-,wan,lan");
    assert_string_equal(shown()->networks, "wan,lan");
    assert_int_equal(shown()->interfaces_count, 2);
    assert_int_equal(shown()->interfaces[1].number, 2);
    do_it(add("wan"), "wan,wan,lan");
    assert_string_equal(shown()->interfaces[0].mac, mac);
    do_it(add("wan"), "wan,wan,lan,wan");
    act = add("wan");
    cloud_assert_refused(&above, &act, CODE_FULL, "network");
    act = add("dmz");
    cloud_assert_refused(&above, &act, CODE_UNKNOWN_NETWORK, "network");
    do_it(remove_it("lan"), "wan,wan,-,wan");
}

static void what_failed_or_ended_late_is_as_the_cluster_says(void **state) {
    (void)state;
    struct message instruct;
    run_vm("lan");
    struct request act = add("wan");
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    bench_say(&above.bench, cluster, bench_result(&instruct, CODE_NO_CAPACITY, VM_RUNNING));
    assert_string_equal(shown()->networks, "lan");
    (void)cloud_begin(&above, &act);
    cluster = cloud_instructed(&above, &instruct);
    struct message late = bench_result(&instruct, CODE_OK, VM_RUNNING);
    late.result.facts.size = instruct.instruct.definition.size;
    late.result.facts.networks = memory_text("lan,wan");
    bench_pass(&above.bench, 61000);
    assert_string_equal(shown()->networks, "lan");
    bench_hello(&above.bench, cluster, 1);
    bench_say(&above.bench, cluster, late);
    assert_string_equal(shown()->networks, "lan,wan");
}

static void nobody_says_that_a_vm_is_in_a_network_that_there_is_not(void **state) {
    (void)state;
    struct message instruct;
    run_vm("lan");
    struct request act = add("wan");
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    struct message lie = bench_result(&instruct, CODE_OK, VM_RUNNING);
    lie.result.facts.size = instruct.instruct.definition.size;
    lie.result.facts.networks = memory_text("lan,secret");
    bench_say(&above.bench, cluster, lie);
    assert_string_equal(shown()->networks, "lan");
}

static void a_snapshot_with_memory_keeps_the_interfaces(void **state) {
    (void)state;
    struct message instruct;
    run_vm("lan");
    struct request act = cloud_act(&above, cloud_alice, VERB_SNAPSHOT, "web");
    text_set(act.reshape.snapshot, "dawn");
    (void)cloud_begin(&above, &act);
    struct far *cluster = cloud_instructed(&above, &instruct);
    struct message taken = bench_result(&instruct, CODE_OK, VM_RUNNING);
    struct snapshot snapshot = {.name = "dawn", .memory = true};
    taken.result.facts.size = bench_shapes[0].size;
    taken.result.facts.snapshots = memory_copy(&snapshot, sizeof(snapshot));
    taken.result.facts.snapshots_count = 1;
    bench_say(&above.bench, cluster, taken);
    act = add("wan");
    cloud_assert_refused(&above, &act, CODE_CONFLICT, "");
}

static void an_older_cluster_is_not_asked(void **state) {
    (void)state;
    run_vm("lan");
    above.south->speaks = protocol_version_interfaces - 1;
    bench_hello(&above.bench, above.south, 1);
    struct request act = add("wan");
    cloud_assert_refused(&above, &act, CODE_UNSUPPORTED, "");
    act = remove_it("lan");
    cloud_assert_refused(&above, &act, CODE_UNSUPPORTED, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interfaces_keep_their_numbers_as_others_come_and_go),
        cmocka_unit_test(a_host_adds_and_removes_and_says_what_there_is),
        cmocka_unit_test(a_host_refuses_what_it_has_not_and_what_it_was_not_asked_by_who_knows),
        cmocka_unit_test_setup_teardown(what_is_new_has_to_be_permitted_and_what_is_there_stays,
                                        set_up_cluster, cluster_tear_down),
        cmocka_unit_test_setup_teardown(an_older_host_is_not_asked, set_up_cluster,
                                        cluster_tear_down),
        cloud_test(a_tenant_adds_and_removes_by_network_or_by_mac, &above),
        cloud_test(what_failed_or_ended_late_is_as_the_cluster_says, &above),
        cloud_test(nobody_says_that_a_vm_is_in_a_network_that_there_is_not, &above),
        cloud_test(a_snapshot_with_memory_keeps_the_interfaces, &above),
        cloud_test(an_older_cluster_is_not_asked, &above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
