/* Networks: a host tells what it has and refuses what it has not, a manager asks only hosts that
 * have all, an owner permits, an upstream manager knows the names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cloud.h"
#include "host.h"
#include "message/codec/allow.h"

static struct message define(const char *vm, const char *networks) {
    struct message message = bench_define(vm, vm, 1, &bench_shapes[0]);
    message.instruct.definition.networks = memory_text(networks);
    return message;
}

/* What of it the manager is told to have stood in the way. */
static void assert_obstacle(const struct far *told, enum obstacle obstacle) {
    assert_int_equal(bench_told(&bench, told, MESSAGE_RESULT)->result.obstacle, obstacle);
}

/* --- the host --- */

static const char *said_hello(struct far *far) {
    struct event_presence up = {far->setting.link, NULL, PRESENCE_UP};
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_LINK, .presence = up});
    const struct message *hello = bench_told(&bench, far, MESSAGE_HELLO);
    assert_non_null(hello);
    return hello->hello.networks;
}

static void a_host_says_what_it_has_and_a_manager_that_it_is_to_be_asked(void **state) {
    (void)state;
    static const char *const networks[] = {"lan,wan", NULL};
    for (size_t i = 0; i < array_size(networks); i++) {
        host_begin(networks[i]);
        bench_step(&bench, (struct event){.kind = EVENT_SCANNED});
        const char *said = said_hello(manager);
        assert_true(said ? text_equal(said, networks[i]) : !networks[i]);
        bench_deinit(&bench);
    }
    cluster_open((const uint64_t[]){2, 2}, 2, (struct amounts){0});
    bench_agent(&bench, 0)->networks = "lan";
    bench_hello(&bench, bench_agent(&bench, 0), 2);
    bench_cut(&bench, cloud);
    assert_string_equal(said_hello(cloud), "*");
    bench_deinit(&bench);
}

static void a_host_makes_nothing_without_what_was_asked_for(void **state) {
    (void)state;
    host_open("lan,wan");
    static const char *const lacking[] = {"dmz", "lan,dmz", "la", "lan,wan,lan,lan-2"};
    static const char *const vms[] = {"1", "2", "3", "4"};
    for (size_t i = 0; i < array_size(lacking); i++) {
        bench_say(&bench, manager, define(vms[i], lacking[i]));
        assert_null(host_job());
        cluster_assert_result(manager, CODE_NO_CAPACITY, VM_FAILED);
        assert_obstacle(manager, OBSTACLE_NETWORKS);
    }
    bench_say(&bench, manager, define("5", "wan,lan,wan"));
    assert_non_null(host_job());
    assert_string_equal(host_job()->definition.networks, "wan,lan,wan");
    bench_deinit(&bench);
}

static struct message reshape(const char *op, uint64_t generation, enum verb verb,
                              const char *networks) {
    struct message message = bench_instruct(op, "1", generation, verb);
    struct definition *definition = &message.instruct.definition;
    struct message as = define("1", networks);
    *definition = as.instruct.definition;
    return message;
}

static void a_vm_keeps_its_networks_whatever_is_said_of_it_later(void **state) {
    (void)state;
    host_open("lan,wan");
    bench_say(&bench, manager, define("1", "lan"));
    for (int i = 0; i < 3; i++)
        host_end_job(CODE_OK);
    cluster_assert_result(manager, CODE_OK, VM_RUNNING);
    bench_say(&bench, manager, reshape("2", 2, VERB_RESIZE, NULL));
    assert_string_equal(host_job()->definition.networks, "lan");
    host_end_job(CODE_OK);
    bench_say(&bench, manager, reshape("3", 3, VERB_REBUILD, "wan"));
    assert_string_equal(host_job()->definition.networks, "lan");
    bench_deinit(&bench);
}

static void a_host_that_lost_a_network_runs_what_is_in_it_and_defines_nothing_there(void **state) {
    (void)state;
    host_open("lan,wan");
    bench_say(&bench, manager, define("1", "lan"));
    for (int i = 0; i < 3; i++)
        host_end_job(CODE_OK);
    bench.settings.host_networks = "wan";
    bench_restart(&bench);
    manager->peer_number = 0;
    effects_clear(&bench.effects);
    host_domain_is("1", 1, VM_RUNNING, DOMAIN_FOUND);
    host_tell(NULL);
    host_connect();
    bench_say(&bench, manager, reshape("2", 2, VERB_REBUILD, NULL));
    cluster_assert_result(manager, CODE_NO_CAPACITY, VM_RUNNING);
    bench_say(&bench, manager, bench_instruct("3", "1", 3, VERB_STOP));
    assert_int_equal(host_job()->kind, JOB_STOP);
    bench_deinit(&bench);
}

static struct message define_with(const char *vm, const char *networks, const char *allow) {
    struct message message = define(vm, networks);
    message.instruct.definition.allow = memory_text(allow);
    return message;
}

static void rules_are_kept_where_the_host_can_or_the_vm_is_not_made(void **state) {
    (void)state;
    host_begin("lan,wan");
    bench.settings.host_filtered = "lan";
    bench_restart(&bench);
    host_tell(NULL);
    host_connect();
    bench_say(&bench, manager, define_with("1", "lan,wan", "none"));
    assert_null(host_job());
    cluster_assert_result(manager, CODE_NO_CAPACITY, VM_FAILED);
    assert_obstacle(manager, OBSTACLE_NETWORKS);
    bench_say(&bench, manager, define_with("2", "lan", "tcp:22"));
    assert_string_equal(host_job()->definition.allow, "tcp:22");
    for (int i = 0; i < 3; i++)
        host_end_job(CODE_OK);
    struct message again = bench_instruct("3", "2", 2, VERB_REBUILD);
    struct message as = define_with("2", "lan", "none");
    again.instruct.definition = as.instruct.definition;
    bench_say(&bench, manager, again);
    assert_string_equal(host_job()->definition.allow, "tcp:22");
    bench_deinit(&bench);
}

static void a_port_is_let_in_where_a_rule_has_it(void **state) {
    (void)state;
    static const struct {
        const char *allow;
        uint32_t port;
        bool is_let_in;
    } rows[] = {{NULL, 22, true},
                {"", 22, true},
                {"none", 22, false},
                {"udp:22,icmp", 22, false},
                {"icmp,tcp:22@192.0.2.0/24", 22, true},
                {"tcp:23-80", 22, false},
                {"tcp:23-80", 23, true},
                {"tcp:23-80", 80, true},
                {"tcp:23-80", 81, false}};
    for (size_t i = 0; i < array_size(rows); i++)
        assert_int_equal(allow_has_port(rows[i].allow, rows[i].port), rows[i].is_let_in);
}

/* --- the cluster --- */

static int set_up_cluster(void **state) {
    (void)state;
    static const char *const networks[] = {NULL, "lan", "lan,wan", "*"};
    cluster_open((const uint64_t[]){9, 9, 5, 1}, 4, (struct amounts){0});
    for (size_t i = 0; i < array_size(networks); i++) {
        bench_agent(&bench, i)->networks = networks[i];
        bench_hello(&bench, bench_agent(&bench, i), (const uint64_t[]){9, 9, 5, 1}[i]);
    }
    bench_pass(&bench, 200);
    return 0;
}

static void only_who_has_all_the_networks_is_asked_and_a_manager_below_always(void **state) {
    (void)state;
    struct message instruct;
    bench_say(&bench, cloud, define("1", "wan,lan"));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 2));
    assert_string_equal(instruct.instruct.definition.networks, "wan,lan");
    cluster_answer(CODE_NO_CAPACITY, VM_FAILED);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 3));
    cluster_answer(CODE_NO_CAPACITY, VM_FAILED);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    bench_say(&bench, cloud, define("2", "dmz"));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 3));
    bench_say(&bench, cloud, define("3", "lan"));
    cluster_image(CODE_OK);
    assert_ptr_equal(cluster_instructed(&instruct), bench_agent(&bench, 1));
}

static void a_network_that_is_not_permitted_is_not_given(void **state) {
    (void)state;
    struct request request = {.kind = REQUEST_PERMISSIONS_SET,
                              .permissions.networks = (char *)(uintptr_t)"dmz lan"};
    text_set(request.key, cloud->setting.name);
    assert_int_equal(bench_ask(&bench, &request)->kind, REPLY_RECORD);
    static const char *const refused[] = {"wan", "lan,wan", "la"};
    static const char *const vms[] = {"1", "2", "3"};
    for (size_t i = 0; i < array_size(refused); i++) {
        bench_say(&bench, cloud, define(vms[i], refused[i]));
        cluster_assert_result(cloud, CODE_NOT_ALLOWED, VM_FAILED);
        assert_obstacle(cloud, OBSTACLE_NETWORKS);
    }
    static const char *const taken[] = {NULL, "lan", "lan,lan"};
    static const char *const more[] = {"4", "5", "6"};
    for (size_t i = 0; i < array_size(taken); i++) {
        bench_say(&bench, cloud, define(more[i], taken[i]));
        cluster_image(CODE_OK);
        cluster_answer(CODE_OK, VM_RUNNING);
        cluster_assert_result(cloud, CODE_OK, VM_RUNNING);
    }
    bench_say(&bench, other, define("7", "wan"));
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
}

/* As the owner sees it. */
static const struct operation *ended(const char *op) {
    const struct message named = bench_define(op, op, 1, &bench_shapes[0]);
    struct request request = {.kind = REQUEST_OP_SHOW};
    text_set(request.key, named.instruct.op);
    return bench_ask(&bench, &request)->record.data;
}

static void assert_hindered(const struct operation *op, enum hindrance why, uint64_t hosts,
                            const char *names) {
    for (uint32_t i = 0; i < op->hindered_count; i++) {
        if (op->hindered[i].why != why)
            continue;
        assert_int_equal(op->hindered[i].hosts, hosts);
        assert_string_equal(op->hindered[i].names, names);
        return;
    }
    fail_msg("%s is no reason", hindrance_names[why]);
}

static void a_missing_network_goes_up_and_what_is_inside_stays_with_the_owner(void **state) {
    (void)state;
    struct request cordon = {.kind = REQUEST_HOST_CORDON};
    cluster_reopen((const uint64_t[]){9, 9, 0}, 3, (struct amounts){0});
    for (size_t i = 1; i < 3; i++) {
        bench_agent(&bench, i)->networks = "lan";
        bench_hello(&bench, bench_agent(&bench, i), i == 1 ? 9 : 0);
    }
    bench_say(&bench, cloud, define("1", "lan,wan"));
    cluster_image(CODE_OK);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    assert_obstacle(cloud, OBSTACLE_NETWORKS);
    assert_hindered(ended("1"), HINDRANCE_NETWORKS, 3, "agent-0,agent-1,agent-2");
    text_set(cordon.key, "agent-1");
    assert_int_equal(bench_ask(&bench, &cordon)->kind, REPLY_RECORD);
    bench_say(&bench, cloud, define("2", "lan"));
    cluster_image(CODE_OK);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    assert_obstacle(cloud, OBSTACLE_NONE); /* that a host is cordoned, or full, is the owner's */
    const struct operation *op = ended("2");
    assert_hindered(op, HINDRANCE_NETWORKS, 1, "agent-0");
    assert_hindered(op, HINDRANCE_CORDON, 1, "agent-1");
    assert_int_equal(op->hindered_count, 3);
}

/* --- the cloud --- */

static struct cloud above;

static void ask_for(struct request *wish, const char *networks) {
    *wish = cloud_wish(&above, cloud_alice, "web");
    wish->vm_create.networks = (char *)(uintptr_t)networks;
}

/* As all levels know it, since it follows from the VM's id alone. */
static void assert_interface(const struct interface *interface, const char *vm, unsigned at,
                             const char *network) {
    char mac[limit_mac_size];
    interface_mac(bench_hash, vm, at, mac);
    assert_string_equal(interface->mac, mac);
    assert_string_equal(interface->network, network);
}

static void each_level_shows_the_same_interfaces(void **state) {
    (void)state;
    struct request wish, show, list;
    above.south->networks = "*";
    bench_hello(&above.bench, above.south, 1);
    ask_for(&wish, "lan,wan");
    struct id op = cloud_begin(&above, &wish), vm;
    text_set(vm.text, cloud_op(&above, op.text)->vm);
    cloud_answer(&above, CODE_OK, VM_RUNNING);
    show = cloud_request(&above, cloud_alice, REQUEST_VM_SHOW);
    list = cloud_request(&above, cloud_alice, REQUEST_VM_LIST);
    text_set(show.key, "web");
    const struct request *const ways[] = {&show, &list};
    for (size_t i = 0; i < array_size(ways); i++) {
        const struct reply *reply = bench_ask(&above.bench, ways[i]);
        const struct vm *shown = ways[i] == &show ? reply->record.data : reply->list[0].data;
        assert_int_equal(shown->interfaces_count, 2);
        assert_interface(&shown->interfaces[0], vm.text, 0, "lan");
        assert_interface(&shown->interfaces[1], vm.text, 1, "wan");
        assert_string_not_equal(shown->interfaces[0].mac, shown->interfaces[1].mac);
    }
    assert_null(cloud_vm(&above, vm.text)->interfaces); /* nothing of it is kept */
}

static void an_owner_is_shown_what_its_tenants_are(void **state) {
    (void)state;
    bench_say(&bench, cloud, define("1", "wan,lan"));
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    struct request list = {.kind = REQUEST_VM_LIST}, show = {.kind = REQUEST_VM_SHOW};
    const struct hosted_vm *vm = bench_ask(&bench, &list)->list[0].data;
    text_set(show.key, vm->id);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vm->interfaces_count, 2);
        assert_interface(&vm->interfaces[0], show.key, 0, "wan");
        assert_interface(&vm->interfaces[1], show.key, 1, "lan");
        vm = bench_ask(&bench, &show)->record.data;
    }
}

static void a_cloud_knows_its_networks_and_shows_whose_vm_is_in_which(void **state) {
    (void)state;
    struct request wish;
    struct message instruct;
    static const char *const unknown[] = {"dmz", "lan,dmz", "la"};
    for (size_t i = 0; i < array_size(unknown); i++) {
        ask_for(&wish, unknown[i]);
        cloud_assert_refused(&above, &wish, CODE_UNKNOWN_NETWORK, "networks");
    }
    ask_for(&wish, "lan,wan"); /* neither has said that it has any, or that it is to be asked */
    cloud_assert_refused(&above, &wish, CODE_UNMET, "networks");
    above.south->networks = "*";
    bench_hello(&above.bench, above.south, 1);
    above.north->networks = "wan"; /* a host right under the cloud */
    bench_hello(&above.bench, above.north, 2);
    struct id op = cloud_begin(&above, &wish);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.south);
    assert_string_equal(instruct.instruct.definition.networks, "lan,wan");
    assert_string_equal(cloud_vm(&above, cloud_op(&above, op.text)->vm)->networks, "lan,wan");
    cloud_answer(&above, CODE_NOT_ALLOWED, VM_FAILED);
    assert_int_equal(cloud_op(&above, op.text)->code, CODE_NOT_ALLOWED);
    ask_for(&wish, "wan");
    (void)cloud_begin(&above, &wish);
    assert_ptr_equal(cloud_instructed(&above, &instruct), above.north);
}

static void networks_are_listed(void **state) {
    (void)state;
    struct request request = cloud_request(&above, cloud_bob, REQUEST_NETWORK_LIST);
    const struct reply *reply = bench_ask(&above.bench, &request);
    assert_int_equal(reply->list_count, 2);
    const struct network *network = reply->list[0].data;
    assert_string_equal(network->name, "lan");
    assert_string_equal(network->about, "of people");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_says_what_it_has_and_a_manager_that_it_is_to_be_asked),
        cmocka_unit_test(a_host_makes_nothing_without_what_was_asked_for),
        cmocka_unit_test(a_vm_keeps_its_networks_whatever_is_said_of_it_later),
        cmocka_unit_test(a_host_that_lost_a_network_runs_what_is_in_it_and_defines_nothing_there),
        cmocka_unit_test(a_port_is_let_in_where_a_rule_has_it),
        cmocka_unit_test(rules_are_kept_where_the_host_can_or_the_vm_is_not_made),
        cmocka_unit_test_setup_teardown(
            only_who_has_all_the_networks_is_asked_and_a_manager_below_always, set_up_cluster,
            cluster_tear_down),
        cmocka_unit_test_setup_teardown(
            a_missing_network_goes_up_and_what_is_inside_stays_with_the_owner, set_up_cluster,
            cluster_tear_down),
        cmocka_unit_test_setup_teardown(a_network_that_is_not_permitted_is_not_given,
                                        set_up_cluster, cluster_tear_down),
        cloud_test(a_cloud_knows_its_networks_and_shows_whose_vm_is_in_which, &above),
        cloud_test(each_level_shows_the_same_interfaces, &above),
        cmocka_unit_test_setup_teardown(an_owner_is_shown_what_its_tenants_are, set_up_cluster,
                                        cluster_tear_down),
        cloud_test(networks_are_listed, &above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
