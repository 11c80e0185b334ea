/* What a link's servers are, and where a peer is found on each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/config/daemons.h"

static void a_further_server_is_as_its_link_but_for_what_it_says(void **state) {
    (void)state;
    char home[] = "home", elsewhere[] = "elsewhere", secret[] = "open sesame", two[] = "two";
    char jid[] = "a@b.example/agent", manager[] = "m@b.example/manager", pem[] = "/file.pem";
    char other_jid[] = "x@c/agent", other_manager[] = "y@c/manager";
    const struct link_config link = {.name = home, .jid = jid, .manager = manager, .port = 5222,
                                     .password = {.text = secret}, .ping_seconds = 7};
    const struct server_config servers[] = {
        {.uplink = home, .server = two, .port = 5333},
        {.uplink = elsewhere},
        {.uplink = home, .jid = other_jid, .manager = other_manager, .certificate_file = pem,
         .certificate_key_file = pem},
    };
    struct link_config found[limit_endpoints];
    assert_int_equal(config_link_servers(&link, servers, array_size(servers), found), 3);
    assert_null(found[0].server);
    assert_string_equal(found[1].server, "two");
    assert_int_equal(found[1].port, 5333);
    assert_string_equal(found[1].jid, jid);
    assert_string_equal(found[1].manager, manager);
    assert_string_equal(found[1].password.text, secret);
    assert_int_equal(found[1].ping_seconds, 7);
    assert_string_equal(found[2].jid, other_jid);
    assert_string_equal(found[2].manager, other_manager);
    assert_string_equal(found[2].certificate_file, pem);
    assert_null(found[2].password.text); /* the link's is for another account */
    assert_int_equal(found[2].port, 5222);
}

static void a_peers_address_goes_by_the_servers_domain(void **state) {
    (void)state;
    char first[] = "x@one.test/a", more[] = "x@two.test/b,x@three.test/c";
    const struct peer_config peer = {.address = first, .more_addresses = more};
    char address[limit_address_size];
    config_peer_address(&peer, "us@one.test/m", address);
    assert_string_equal(address, "x@one.test/a");
    config_peer_address(&peer, "us@three.test/m", address);
    assert_string_equal(address, "x@three.test/c");
    config_peer_address(&peer, "us@two/m", address); /* no domain of its own: the first */
    assert_string_equal(address, "x@one.test/a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_further_server_is_as_its_link_but_for_what_it_says),
        cmocka_unit_test(a_peers_address_goes_by_the_servers_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
