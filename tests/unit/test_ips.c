/* IP addresses of VMs: which are any, whose they are, what is believed, and who is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/books/digest.h"
#include "core/books/ips.h"
#include "host.h"
#include "message/codec/ip.h"

static int set_up_host(void **state) {
    (void)state;
    host_open(NULL);
    host_run_vm();
    return 0;
}

static int set_up_cluster(void **state) {
    (void)state;
    cluster_open((const uint64_t[]){3}, 1, (struct amounts){0});
    cluster_run_vm(cloud, "1", "1");
    return 0;
}

static void an_address_is_one_that_others_reach_in_its_one_form(void **state) {
    (void)state;
    static const char *const good[] = {"192.0.2.1", "10.0.0.1", "223.255.255.255", "2001:db8::1",
                                       "fd00::1"};
    static const char *const bad[] = {
        "", "a", "192.0.2", "192.0.2.256", "192.0.2.01", " 192.0.2.1", "192.0.2.1/24", "0.0.0.0",
        "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
        "fe80::1%eth0", "ff02::1", "2001:DB8::1", "2001:0db8::1", "::ffff:192.0.2.1", "host-1"};
    for (size_t i = 0; i < array_size(good); i++)
        assert_true(ip_is_of_guest(good[i]));
    for (size_t i = 0; i < array_size(bad); i++)
        assert_false(ip_is_of_guest(bad[i]));
}

static void of_an_interface_no_more_is_kept_than_there_is_room_for(void **state) {
    (void)state;
    struct vm vm = {.state = VM_RUNNING};
    struct vm_ip told[limit_interface_ips + 3] = {{0, "192.0.2.1"}, {0, "192.0.2.1"},
                                                  {limit_vm_networks, "192.0.2.9"}};
    for (uint32_t i = 3; i < array_size(told); i++)
        text_format(told[i].ip, sizeof(told[i].ip), "192.0.2.%u", i);
    assert_true(ips_learn(&vm, told, array_size(told)));
    assert_int_equal(vm.ips_count, limit_interface_ips);
    assert_false(ips_learn(&vm, told, array_size(told))); /* nothing new */
    assert_false(ips_learn(&vm, NULL, 0));                /* none is no news */
    assert_int_equal(vm.ips_count, limit_interface_ips);
    struct interface shown[2] = {{.network = "lan"}, {.network = "wan", .number = 1}};
    ips_show(&vm, shown, 2);
    assert_string_equal(shown[0].ips, "192.0.2.1,192.0.2.3,192.0.2.4,192.0.2.5");
    assert_string_equal(shown[1].ips, "");
    ips_drop(&vm);
    vm.state = VM_STOPPED;
    assert_false(ips_learn(&vm, told, 1));
}

static void the_longest_addresses_of_an_interface_have_room_where_they_are_shown(void **state) {
    (void)state;
    struct vm vm = {.state = VM_RUNNING};
    struct interface shown = {.network = "lan"};
    struct vm_ip told[limit_interface_ips] = {0};
    for (uint32_t i = 0; i < array_size(told); i++)
        text_format(told[i].ip, sizeof(told[i].ip), "2001:1111:2222:3333:4444:5555:6666:777%u", i);
    assert_true(ips_learn(&vm, told, array_size(told)));
    ips_show(&vm, &shown, 1);
    assert_int_equal(strlen(shown.ips), array_size(told) * (strlen(told[0].ip) + 1) - 1);
    ips_drop(&vm);
}

static void see(const char *vm, uint32_t epoch, const char *ip) {
    struct vm_ip ips[1] = {{.interface = 1}};
    struct event event = {.kind = EVENT_IPS, .ips = {.epoch = epoch, .count = 1, .ips = ips}};
    text_set(event.ips.vm, bench_instruct("9", vm, 1, VERB_START).instruct.vm);
    text_set(ips[0].ip, ip);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

static void an_agent_tells_of_a_change_alone(void **state) {
    (void)state;
    see("1", 1, "192.0.2.1");
    const struct vm_report *told = &bench_told(&bench, manager, MESSAGE_VM)->vm;
    assert_int_equal(told->ips_count, 1);
    assert_int_equal(told->ips[0].interface, 1);
    assert_string_equal(told->ips[0].ip, "192.0.2.1");
    assert_int_equal(told->state, VM_RUNNING);
    see("1", 1, "192.0.2.1");
    assert_int_equal(bench_count(&bench, EFFECT_SAVE), 0);
    assert_null(bench_told(&bench, manager, MESSAGE_VM));
    see("1", 2, "192.0.2.2"); /* of another making */
    see("2", 1, "192.0.2.3");
    assert_null(bench_told(&bench, manager, MESSAGE_VM));
}

static void what_is_known_is_in_the_digest_and_ends_with_the_run(void **state) {
    (void)state;
    const char *id = bench_instruct("9", "1", 1, VERB_START).instruct.vm;
    const struct book_vm *vm = book_vm(role_book(bench.role), id);
    uint64_t before = uplink_vm_digest(&vm->record, 1, 1, 0);
    see("1", 1, "192.0.2.1");
    assert_true(before != uplink_vm_digest(&vm->record, 1, 1, 0));
    host_domain_is(id, 1, VM_STOPPED, DOMAIN_CHANGED);
    assert_int_equal(vm->record.ips_count, 0);
    assert_null(vm->record.ips);
}

static struct message report(const char *ip) {
    struct message message = {.kind = MESSAGE_VM,
                              .vm = {.epoch = 1, .generation = 1, .state = VM_RUNNING}};
    text_set(message.vm.vm, bench_instruct("9", "1", 1, VERB_START).instruct.vm);
    message.vm.ips = memory_new(1, sizeof(*message.vm.ips));
    message.vm.ips_count = 1;
    text_set(message.vm.ips->ip, ip);
    return message;
}

static const struct reply *permit(char *views) {
    struct request request = {.kind = REQUEST_PERMISSIONS_SET, .permissions.views = views};
    text_set(request.key, "manager-0");
    request.handle = 7;
    return bench_ask(&bench, &request);
}

static void a_cluster_passes_them_on_to_whom_they_are_of(void **state) {
    (void)state;
    bench_say(&bench, bench_agent(&bench, 0), report("192.0.2.1"));
    assert_string_equal(bench_told(&bench, cloud, MESSAGE_VM)->vm.ips->ip, "192.0.2.1");
    assert_null(bench_told(&bench, other, MESSAGE_VM));
    bench_say(&bench, bench_agent(&bench, 0), report("192.0.2.1"));
    assert_null(bench_told(&bench, cloud, MESSAGE_VM));
}

static void an_owner_may_forbid_it_and_what_was_told_is_taken_back(void **state) {
    (void)state;
    bench_say(&bench, bench_agent(&bench, 0), report("192.0.2.1"));
    assert_int_equal(permit((char *)(uintptr_t)"none")->code, CODE_OK);
    const struct vm_table *table = &bench_told(&bench, cloud, MESSAGE_TABLE)->table;
    assert_true(table->vms[0].no_ips);
    assert_int_equal(table->vms[0].ips_count, 0);
    bench_say(&bench, bench_agent(&bench, 0), report("192.0.2.2"));
    assert_null(bench_told(&bench, cloud, MESSAGE_VM));
    assert_int_equal(permit((char *)(uintptr_t)"ips")->code, CODE_OK);
    table = &bench_told(&bench, cloud, MESSAGE_TABLE)->table;
    assert_string_equal(table->vms[0].ips->ip, "192.0.2.2");
    const struct reply *reply = permit((char *)(uintptr_t)"ips disks");
    assert_int_equal(reply->code, CODE_INVALID);
    assert_string_equal(reply->field, "views");
}

static void what_is_hidden_below_is_forgotten_above(void **state) {
    (void)state;
    bench_say(&bench, bench_agent(&bench, 0), report("192.0.2.1"));
    struct message hidden = report("192.0.2.1");
    hidden.vm.no_ips = true;
    bench_say(&bench, bench_agent(&bench, 0), hidden);
    const struct vm_report *told = &bench_told(&bench, cloud, MESSAGE_VM)->vm;
    assert_int_equal(told->ips_count, 0);
    assert_true(told->no_ips);
}

#define on_host(test) cmocka_unit_test_setup_teardown(test, set_up_host, cluster_tear_down)
#define in_cluster(test) cmocka_unit_test_setup_teardown(test, set_up_cluster, cluster_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_one_that_others_reach_in_its_one_form),
        cmocka_unit_test(of_an_interface_no_more_is_kept_than_there_is_room_for),
        cmocka_unit_test(the_longest_addresses_of_an_interface_have_room_where_they_are_shown),
        on_host(an_agent_tells_of_a_change_alone),
        on_host(what_is_known_is_in_the_digest_and_ends_with_the_run),
        in_cluster(a_cluster_passes_them_on_to_whom_they_are_of),
        in_cluster(an_owner_may_forbid_it_and_what_was_told_is_taken_back),
        in_cluster(what_is_hidden_below_is_forgotten_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
