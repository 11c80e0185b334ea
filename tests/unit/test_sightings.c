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

/* The host is in 192.0.2.0/24 and 2001:db8::/64 by device 7, in 198.51.100.0/25 by device 8. */
static void see_networks(struct seen *seen) {
    static const struct {
        const char *ip;
        unsigned device, prefix;
    } own[] = {{"192.0.2.1", 7, 24}, {"2001:db8::1", 7, 64}, {"198.51.100.1", 8, 25}};
    for (size_t i = 0; i < array_size(own); i++) {
        struct sighting *added = sightings_add(&seen->own, BY_NEIGHBOUR, "", own[i].ip);
        added->device = own[i].device;
        added->prefix = own[i].prefix;
    }
}

/* Where the VM is dialled, after one address was seen with somebody's MAC address. */
static uint32_t dial(const char *whose, enum sighted_by by, const char *ip, unsigned device,
                     struct dialled out[limit_vm_ips]) {
    char mac[limit_mac_size];
    auto_clean(seen_clean) struct seen seen = {0};
    see_networks(&seen);
    host_domain_mac(whose, 0, mac);
    struct sighting *added = sightings_add(&seen.all, by, mac, ip);
    if (added)
        added->device = device;
    return sightings_dial(&seen.all, &seen.own, vm, out);
}

static void a_vm_is_dialled_where_the_host_itself_has_seen_it(void **state) {
    (void)state;
    struct dialled out[limit_vm_ips];
    assert_int_equal(dial(vm, BY_NEIGHBOUR, "192.0.2.77", 7, out), 1);
    assert_string_equal(out[0].ip, "192.0.2.77");
    assert_int_equal(out[0].device, 7);
    assert_int_equal(dial(vm, BY_NEIGHBOUR, "2001:db8::77", 7, out), 1);
    assert_int_equal(dial(vm, BY_LEASE, "198.51.100.127", 0, out), 1);
    assert_int_equal(out[0].device, 8);
}

static void nothing_else_is_dialled(void **state) {
    (void)state;
    static const struct {
        const char *whose;
        enum sighted_by by;
        const char *ip;
        unsigned device;
    } refused[] = {
        {"vm-2", BY_NEIGHBOUR, "192.0.2.77", 7},       /* another VM's */
        {vm, BY_GUEST_AGENT, "192.0.2.77", 0},         /* the guest's own word */
        {vm, BY_NEIGHBOUR, "192.0.2.1", 7},            /* the host's */
        {vm, BY_NEIGHBOUR, "198.51.100.1", 7},         /* the host's, by another device */
        {vm, BY_NEIGHBOUR, "2001:db8::1", 7},
        {vm, BY_NEIGHBOUR, "198.51.100.77", 7},        /* not of that device's network */
        {vm, BY_NEIGHBOUR, "198.51.100.128", 8},       /* past the network's end */
        {vm, BY_NEIGHBOUR, "203.0.113.9", 7},          /* anywhere */
        {vm, BY_LEASE, "203.0.113.9", 0},
        {vm, BY_NEIGHBOUR, "192.0.2.77", 9},           /* a device where the host has nothing */
        {vm, BY_NEIGHBOUR, "127.0.0.1", 7},            /* loopback */
        {vm, BY_LEASE, "127.0.0.2", 0},
        {vm, BY_NEIGHBOUR, "::1", 7},
        {vm, BY_NEIGHBOUR, "::ffff:192.0.2.77", 7},    /* IPv4 within IPv6 */
        {vm, BY_NEIGHBOUR, "::192.0.2.77", 7},
        {vm, BY_NEIGHBOUR, "169.254.1.1", 7},          /* link-local */
        {vm, BY_NEIGHBOUR, "fe80::77", 7},
        {vm, BY_NEIGHBOUR, "224.0.0.1", 7},            /* of many */
        {vm, BY_NEIGHBOUR, "ff02::1", 7},
        {vm, BY_NEIGHBOUR, "0.0.0.0", 7},
        {vm, BY_NEIGHBOUR, "::", 7},
        {vm, BY_NEIGHBOUR, "2001:db8:0:1::77", 7},     /* the next network */
    };
    struct dialled out[limit_vm_ips];
    for (size_t i = 0; i < array_size(refused); i++)
        if (dial(refused[i].whose, refused[i].by, refused[i].ip, refused[i].device, out))
            fail_msg("%s is dialled", refused[i].ip);
}

static void a_vm_is_there_when_nobody_else_is(void **state) {
    (void)state;
    struct dialled at = {.ip = "192.0.2.77", .device = 7};
    char mac[limit_mac_size];
    auto_clean(seen_clean) struct seen seen = {0};
    assert_false(sightings_is_there(&seen.all, vm, &at));
    see(&seen, BY_LEASE, 0, at.ip); /* no proof that it is there */
    assert_false(sightings_is_there(&seen.all, vm, &at));
    host_domain_mac("vm-2", 0, mac);
    sightings_add(&seen.all, BY_NEIGHBOUR, mac, at.ip)->device = 8;
    assert_false(sightings_is_there(&seen.all, vm, &at));
    host_domain_mac(vm, 1, mac);
    sightings_add(&seen.all, BY_NEIGHBOUR, mac, at.ip)->device = 7;
    assert_true(sightings_is_there(&seen.all, vm, &at));
    host_domain_mac("vm-2", 0, mac);
    text_set(seen.all.items[2].mac, mac);
    assert_false(sightings_is_there(&seen.all, vm, &at));
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
        cmocka_unit_test(a_vm_is_dialled_where_the_host_itself_has_seen_it),
        cmocka_unit_test(nothing_else_is_dialled),
        cmocka_unit_test(a_vm_is_there_when_nobody_else_is),
        cmocka_unit_test(the_kernel_can_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
