/* Which of the addresses that a host sees are told of a VM: its own, by its MAC addresses alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/host/domain.h"
#include "io/host/guests/neighbours.h"

static const char vm[] = "vm-1";

struct seen {
    struct sightings all, own;
    struct vm_ip ips[limit_vm_ips];
    uint32_t count;
};

static void seen_clean(struct seen *seen) {
    sightings_deinit(&seen->all);
    sightings_deinit(&seen->own);
}

static void see(struct seen *seen, enum sighted_by by, unsigned interface, const char *ip) {
    char mac[limit_mac_size];
    host_domain_mac(vm, interface, mac);
    sightings_add(&seen->all, by, mac, ip);
    seen->count = sightings_pick(&seen->all, &seen->own, vm, seen->ips);
}

static void each_interface_has_those_of_the_first_way_that_shows_any(void **state) {
    (void)state;
    auto_clean(seen_clean) struct seen seen = {0};
    see(&seen, BY_NEIGHBOUR, 0, "192.0.2.1");
    see(&seen, BY_NEIGHBOUR, 1, "192.0.2.2");
    assert_int_equal(seen.count, 2);
    see(&seen, BY_LEASE, 0, "192.0.2.3");
    see(&seen, BY_LEASE, 0, "2001:0DB8:0::3"); /* as libvirt may write it */
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.ips[0].ip, "192.0.2.3");
    assert_string_equal(seen.ips[1].ip, "2001:db8::3");
    assert_int_equal(seen.ips[2].interface, 1);
    see(&seen, BY_GUEST_AGENT, 0, "fe80::1"); /* says nothing */
    assert_int_equal(seen.count, 3);
    see(&seen, BY_GUEST_AGENT, 0, "192.0.2.4");
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.ips[0].ip, "192.0.2.4");
}

static void what_is_somebody_elses_or_the_hosts_is_not_told(void **state) {
    (void)state;
    char mac[limit_mac_size];
    auto_clean(seen_clean) struct seen seen = {0};
    sightings_add(&seen.own, BY_NEIGHBOUR, "", "192.0.2.254");
    host_domain_mac("vm-2", 0, mac);
    sightings_add(&seen.all, BY_LEASE, mac, "192.0.2.9");
    see(&seen, BY_GUEST_AGENT, 0, "192.0.2.254");
    see(&seen, BY_GUEST_AGENT, limit_vm_networks, "192.0.2.8"); /* an interface that none has */
    assert_int_equal(seen.count, 0);
    for (unsigned i = 0; i < 2 * limit_interface_ips; i++) {
        char ip[limit_ip_size];
        text_format(ip, sizeof(ip), "192.0.2.%u", 10 + i);
        see(&seen, BY_NEIGHBOUR, 3, ip);
    }
    assert_int_equal(seen.count, limit_interface_ips);
}

static void the_kernel_can_be_asked(void **state) {
    (void)state;
    struct error err;
    auto_clean(seen_clean) struct seen seen = {0};
    assert_int_equal(neighbours_read(&seen.all, &err), 0);
    assert_int_equal(neighbours_read_own(&seen.own, &err), 0);
    for (size_t i = 0; i < seen.own.count; i++) /* none that every machine has */
        assert_string_not_equal(seen.own.items[i].ip, "127.0.0.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_interface_has_those_of_the_first_way_that_shows_any),
        cmocka_unit_test(what_is_somebody_elses_or_the_hosts_is_not_told),
        cmocka_unit_test(the_kernel_can_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
