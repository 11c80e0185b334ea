/* What a link's servers are, of which kind, and where a peer is found on each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config_room.h"
#include "io/config/load.h"

static void a_further_server_is_as_its_link_but_for_what_it_says(void **state) {
    (void)state;
    char home[] = "home", elsewhere[] = "elsewhere", secret[] = "open sesame", two[] = "two";
    char jid[] = "a@b.example/agent", manager[] = "m@b.example/manager", pem[] = "/file.pem";
    char other_jid[] = "x@c/agent", other_manager[] = "y@c/manager";
    const struct link_config link = {.name = home, .address = jid, .manager = manager, .port = 5222,
                                     .password = {.text = secret}, .ping_seconds = 7};
    const struct server_config servers[] = {
        {.uplink = home, .server = two, .port = 5333},
        {.uplink = elsewhere},
        {.uplink = home, .address = other_jid, .manager = other_manager, .certificate_file = pem,
         .certificate_key_file = pem},
    };
    struct link_config found[limit_endpoints];
    assert_int_equal(config_link_servers(&link, servers, array_size(servers), found), 3);
    assert_null(found[0].server);
    assert_string_equal(found[1].server, "two");
    assert_int_equal(found[1].port, 5333);
    assert_string_equal(found[1].address, jid);
    assert_string_equal(found[1].manager, manager);
    assert_string_equal(found[1].password.text, secret);
    assert_int_equal(found[1].ping_seconds, 7);
    assert_string_equal(found[2].address, other_jid);
    assert_string_equal(found[2].manager, other_manager);
    assert_string_equal(found[2].certificate_file, pem);
    assert_null(found[2].password.text); /* the link's is for another account */
    assert_int_equal(found[2].port, 5222);
}

static void a_server_of_another_kind_takes_over_neither_place_nor_account(void **state) {
    (void)state;
    char home[] = "home", secret[] = "open sesame", xmpp[] = "xmpp", http[] = "http", pem[] = "/x";
    char jid[] = "a@b.example/agent", manager[] = "m@b.example/manager", url[] = "https://r:8445";
    char account[] = "a@r.example";
    const struct link_config link = {
        .name = home, .carrier = xmpp, .address = jid, .manager = manager, .port = 5333,
        .server = home, .ca_file = pem, .password = {.text = secret}, .ping_seconds = 7};
    const struct server_config servers[] = {
        {.uplink = home, .carrier = http, .url = url, .address = account},
        {.uplink = home, .carrier = http, .url = url},
    };
    struct link_config found[limit_endpoints];
    assert_int_equal(config_link_servers(&link, servers, array_size(servers), found), 3);
    assert_string_equal(found[1].address, account);
    assert_string_equal(found[1].url, url);
    assert_string_equal(found[1].ca_file, pem);
    assert_int_equal(found[1].ping_seconds, 7);
    assert_null(found[1].server);
    assert_int_equal(found[1].port, 0);
    for (size_t i = 1; i < 3; i++) {
        assert_null(found[i].password.text);
        assert_null(found[i].manager);
    }
    assert_null(found[2].address);
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

static void expect_words(const struct error *err, const char *words, const char *input) {
    if (!strstr(err->text, words))
        fail_msg("after\n%s\n\"%s\" lacks \"%s\"", input, err->text, words);
}

static const char mixed[] =
    "[images]\ntoken_file=@/secret\n[downlink]\naddress=m@b/m\npassword_file=@/secret\n"
    "ca_file=@/ca\nkey_file=@/key\nserver=x\nport=5333\n";

static void expect_downstream(struct room *room, const char *more, const char *words) {
    struct downstream_config config = {0};
    struct error err = {0};
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s%s", mixed, more);
    write_config(room, text.data);
    int result = downstream_config_load(room->path, &config, &err);
    if (!result != !words)
        fail_msg("after\n%s\n%s", more, result ? err.text : "it is accepted");
    if (words)
        expect_words(&err, words, more);
    else
        downstream_config_deinit(&config);
}

#define RELAY "[downlink-server r]\ncarrier=http\n"
#define RELAY_ACCOUNT "address=m@r\npassword_file=@/secret\n"
#define RELAY_URL "url=https://r:1\n"
#define ZEROMQ "[downlink-server z]\ncarrier=zeromq\n"
#define SERVER_KEY "D0gTHVs1WHUZ_NzV3CShbthoT2igGXkgXt52mTGIcSk"
#define ZEROMQ_PLACE "url=tcp://r:1\nserver_key=" SERVER_KEY "\n"
#define ZEROMQ_UPLINK "[uplink u]\ncarrier=zeromq\naddress=c@u\npassword_file=@/secret\n" \
    ZEROMQ_PLACE "manager=m@u\nimage_url=https://i\nkey_file=@/key-2\n"
static void servers_of_two_kinds_stand_in_one_list_each_with_keys_of_its_own(void **state) {
    struct room *room = *state;
    static const struct {
        const char *more, *words;
    } cases[] = {
        {RELAY RELAY_ACCOUNT RELAY_URL, NULL},
        {RELAY RELAY_ACCOUNT RELAY_URL "[agent h]\naddress=h@b/a\nmore_addresses=h@r\n", NULL},
        {RELAY RELAY_ACCOUNT RELAY_URL "[agent h]\naddress=h@b/a\n", NULL},
        {RELAY RELAY_ACCOUNT RELAY_URL "[agent h]\naddress=h@r\n",
         "[agent h] at b/m; among more_addresses, too: address = h@r is not a full JID"},
        {RELAY RELAY_ACCOUNT, "further server 1: carrier = http needs url"},
        {RELAY RELAY_ACCOUNT "url=amqps://r:1\n", "http needs url (where the"},
        {RELAY RELAY_ACCOUNT RELAY_URL "[downlink-server q]\ncarrier=amqp\naddress=m@q\n"
         "password_file=@/secret\nurl=amqps://q:5671/isthmus\n", NULL},
        {"[downlink-server q]\ncarrier=amqp\naddress=m@q\npassword_file=@/secret\n"
         "url=amqps://q\nproxy=http://p\n", "carrier = amqp knows no proxy"},
        {RELAY RELAY_URL "password_file=@/secret\n", "our address is missing"},
        {RELAY RELAY_URL "address=m@r\n", "lacks password_file (file with the account's"},
        {RELAY RELAY_URL "address=m@r/x\npassword_file=@/secret\n", "has a resource"},
        {RELAY RELAY_ACCOUNT RELAY_URL "server=y\n", "carrier = http knows no server"},
        {RELAY RELAY_ACCOUNT RELAY_URL "port=1\n", "carrier = http knows no port"},
        {RELAY RELAY_ACCOUNT RELAY_URL "certificate_file=@/ca\ncertificate_key_file=@/key\n",
         "carrier = http knows no certificate_file"},
        {RELAY RELAY_ACCOUNT RELAY_URL "[downlink-server s]\ncarrier=http\n" RELAY_ACCOUNT
         "url=https://s:1\n", "two relays have one address for us, m@r"},
        {RELAY RELAY_ACCOUNT RELAY_URL "[uplink u]\ncarrier=http\naddress=c@u\n"
         "password_file=@/secret\nurl=https://u:1\nca_file=@/ca\nmanager=m@u\n"
         "image_url=https://i\nkey_file=@/key-2\n[uplink-server v]\nuplink=u\ncarrier=xmpp\n"
         "address=c@v/c\npassword_file=@/secret\n", "the manager's address is missing"},
        {ZEROMQ RELAY_ACCOUNT ZEROMQ_PLACE, NULL}, /* the link's ca_file is not taken over */
        {ZEROMQ RELAY_ACCOUNT "url=tcp://r:1\n", "carrier = zeromq needs server_key"},
        {ZEROMQ RELAY_ACCOUNT ZEROMQ_PLACE "ca_file=@/ca\n", "carrier = zeromq knows no ca_file"},
        {ZEROMQ RELAY_ACCOUNT RELAY_URL, "zeromq needs url (where the server is), which begins"},
        {RELAY RELAY_ACCOUNT RELAY_URL "server_key=" SERVER_KEY "\n", "http knows no server_key"},
        {ZEROMQ RELAY_ACCOUNT "url=tcp://r:1\nserver_key=short\n", "is not a public key"},
        {ZEROMQ RELAY_ACCOUNT ZEROMQ_PLACE "[downlink-server s]\ncarrier=http\n" RELAY_ACCOUNT
         RELAY_URL, "two relays have one address for us, m@r"},
        {ZEROMQ RELAY_ACCOUNT ZEROMQ_PLACE ZEROMQ_UPLINK "[uplink-server v]\nuplink=u\n"
         "carrier=http\naddress=c@u\nmanager=m@u\npassword_file=@/secret\nurl=https://u:1\n",
         "carrier = http needs ca_file"},
        {ZEROMQ RELAY_ACCOUNT ZEROMQ_PLACE ZEROMQ_UPLINK "[uplink-server v]\nuplink=u\n"
         "carrier=http\naddress=c@u\nmanager=m@u\npassword_file=@/secret\nurl=https://u:1\n"
         "ca_file=@/ca\n", NULL}, /* an agent's end uses one of the relay's two ways at a time */
    };
    for (size_t i = 0; i < array_size(cases); i++)
        expect_downstream(room, cases[i].more, cases[i].words);
}

static void a_relay_names_only_accounts_that_are_there(void **state) {
    struct room *room = *state;
    static const char head[] = "[relay]\ndomain=r\ncertificate_file=@/ca\nkey_file=@/key\n";
    static const struct {
        const char *more, *words;
    } cases[] = {
        {"[account a]\ntoken_file=@/secret\n[account b]\ntoken_file=@/secret-2\n"
         "reaches=a  b\n", NULL},
        {"[account a]\ntoken_file=@/secret\nreaches=b\n", "there is no [account b]"},
        {"[account a]\ntoken_file=@/secret\n[account b]\ntoken_file=@/secret\n",
         "[account a] and [account b] have the same token"},
        {"zeromq_listen=[::]:1\nzeromq_key_file=@/key\n", NULL},
        {"zeromq_listen=[::]:1\n", "[relay] has zeromq_listen alone"},
        {"zeromq_key_file=@/key\n", "[relay] has zeromq_key_file alone"},
        {"zeromq_listen=[::]:1\nzeromq_key_file=@/secret\n", "holds no secret key"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct relay_config config = {0};
        struct error err = {0};
        auto_clean(text_deinit) struct text text = {0};
        text_addf(&text, "%s%s", head, cases[i].more);
        write_config(room, text.data);
        int result = relay_config_load(room->path, &config, &err);
        if (!result != !cases[i].words)
            fail_msg("after\n%s\n%s", cases[i].more, result ? err.text : "it is accepted");
        if (cases[i].words)
            expect_words(&err, cases[i].words, cases[i].more);
        relay_config_deinit(&config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_further_server_is_as_its_link_but_for_what_it_says),
        cmocka_unit_test(a_server_of_another_kind_takes_over_neither_place_nor_account),
        cmocka_unit_test(a_peers_address_goes_by_the_servers_domain),
        cmocka_unit_test_setup_teardown(
            servers_of_two_kinds_stand_in_one_list_each_with_keys_of_its_own, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_relay_names_only_accounts_that_are_there,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
