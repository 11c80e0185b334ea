/* Which addresses are public, and which are in a list of networks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "io/os/cidr.h"

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static union address address_of(const char *text) {
    union address address = {0};
    if (inet_pton(AF_INET, text, &address.ipv4.sin_addr) == 1)
        address.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &address.ipv6.sin6_addr) == 1)
        address.any.sa_family = AF_INET6;
    else
        fail_msg("%s", text);
    return address;
}

static void only_what_anybody_may_reach_is_public(void **state) {
    (void)state;
    static const char *const public[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
                                         "100.128.0.0", "172.15.255.255", "172.32.0.0",
                                         "192.167.255.255", "223.255.255.255", "2606:4700::1111",
                                         "2a00::1", "::ffff:1.1.1.1"};
    static const char *const own[] = {"0.0.0.0", "10.0.0.1", "127.0.0.1", "127.255.255.255",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1",
        "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::1", "2001::1"};
    for (size_t i = 0; i < sizeof(public) / sizeof(*public); i++) {
        union address address = address_of(public[i]);
        if (!cidr_is_public(&address.any))
            fail_msg("%s is public", public[i]);
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
        union address address = address_of(own[i]);
        if (cidr_is_public(&address.any))
            fail_msg("%s is not public", own[i]);
    }
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_false(cidr_is_public(&other));
    assert_false(cidr_have("0.0.0.0/0 ::/0", &other));
}

static void a_list_has_what_is_in_one_of_its_networks(void **state) {
    (void)state;
    static const char list[] = "10.1.0.0/16 192.0.2.7 fd00:1::/31";
    static const char *const in[] = {"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "192.0.2.7",
                                     "fd00:1::", "fd00:0::5"};
    static const char *const out[] = {"10.2.0.0", "10.0.255.255", "192.0.2.8", "fd00:2::", "::1"};
    for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
        union address address = address_of(in[i]);
        if (!cidr_have(list, &address.any))
            fail_msg("%s is in it", in[i]);
    }
    for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++) {
        union address address = address_of(out[i]);
        if (cidr_have(list, &address.any))
            fail_msg("%s is not in it", out[i]);
    }
    union address any = address_of("1.2.3.4");
    assert_true(cidr_have("0.0.0.0/0", &any.any));
    assert_false(cidr_have(NULL, &any.any));
}

static void only_a_list_of_networks_is_one(void **state) {
    (void)state;
    static const char *const wrong[] = {"", " ", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129",
                                        "10.0.0.0/8 ", "10.0.0.0/8  ::/0", "here", "10.0.0.0/-1",
                                        "10.0.0.0/8,::/0", "10.0.0.0/8x"};
    assert_true(cidr_are_valid("10.0.0.0/8 ::1 fd00::/8"));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (cidr_are_valid(wrong[i]))
            fail_msg("taken: '%s'", wrong[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_anybody_may_reach_is_public),
        cmocka_unit_test(a_list_has_what_is_in_one_of_its_networks),
        cmocka_unit_test(only_a_list_of_networks_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
