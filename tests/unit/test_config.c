/* Configuration: the examples hold every key and are good once their files exist; every mistake
 * is an error that names file, line and remedy. */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/config/chat.h"
#include "io/config/config.h"
#include "config_room.h"
#include "io/config/load.h"

#define PEER_1 "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw"
#define PEER_2 "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns"

static const char good_agent[] = "[uplink home]\n"                    /* 1 */
                                 "jid = a@b.example/agent\n"          /* 2 */
                                 "password_file = @/secret\n"         /* 3 */
                                 "ca_file = @/ca\n"                   /* 4 */
                                 "manager = m@b.example/manager\n"    /* 5 */
                                 "image_url = https://b.example/v1\n" /* 6 */
                                 "key_file = @/key\n"                 /* 7 */
                                 "peer_key = " PEER_1 "\n"            /* 8 */;

static void absent_keys_get_their_defaults(void **state) {
    struct room *room = *state;
    struct agent_config config = {0};
    struct error err = {0};
    write_config(room, good_agent);
    if (agent_config_load(room->path, &config, &err))
        fail_msg("%s", err.text);
    assert_string_equal(config.daemon.state, "/var/lib/isthmus-agent");
    assert_int_equal(config.daemon.log_level, LOG_INFO);
    assert_int_equal(config.uplinks_count, 1);
    assert_string_equal(config.uplinks[0].name, "home");
    assert_string_equal(config.uplinks[0].password.text, "open sesame");
    assert_int_equal(config.uplinks[0].port, 0);
    assert_string_equal(config.uplinks[0].carrier, "xmpp");
    assert_null(config.uplinks[0].server);
    assert_string_equal(config.host.uri, "qemu:///system");
    assert_int_equal(config.host.workers, 4);
    assert_int_equal(config.host.cpus, 0);
    agent_config_deinit(&config);
}

static void given_keys_arrive_in_their_places(void **state) {
    struct room *room = *state;
    struct downstream_config config = {0};
    struct error err = {0};
    write_config(room, "[daemon]\nstate = /x\nlog_level = debug\n"
                       "[uplink one]\njid=a@b/c\npassword_file=@/secret\nca_file=@/ca\n"
                       "manager=m@b/n\nimage_url=https://b\nkey_file=@/key\n"
                       "peer_key=" PEER_1 "\nmax_vms=3\nmax_disk_gib = 9\n"
                       "[uplink two]\njid=a@b/d\npassword_file=@/secret\nca_file=@/ca\n"
                       "manager=m@b/o\nimage_url=https://c\nkey_file=@/key-2\n"
                       "peer_key=" PEER_1 "\nport = 6222\n"
                       "[downlink]\njid=d@e/f\npassword_file=@/secret\nca_file=@/ca\n"
                       "key_file=@/key-3\n"
                       "[images]\ntoken_file=@/secret\nlisten=0.0.0.0:1\n"
                       "plain_http_off_loopback = yes\n"
                       "[timing]\nbeat_seconds = 3\n"
                       "[agent h1]\naddress=h@e/1\npeer_key=" PEER_1 "\n"
                       "[agent h2]\naddress=h@e/2\npeer_key=" PEER_2 "\n");
    if (downstream_config_load(room->path, &config, &err))
        fail_msg("%s", err.text);
    assert_string_equal(config.daemon.state, "/x");
    assert_int_equal(config.daemon.log_level, LOG_DEBUG);
    assert_int_equal(config.uplinks_count, 2);
    assert_int_equal(config.uplinks[0].max_vms, 3);
    assert_int_equal(config.uplinks[0].max_disk_gib, 9);
    assert_int_equal(config.uplinks[1].max_vms, 0);
    assert_string_equal(config.uplinks[1].name, "two");
    assert_string_equal(config.uplinks[1].manager, "m@b/o");
    assert_int_equal(config.uplinks[1].port, 6222);
    assert_string_equal(config.downlink.address, "d@e/f");
    assert_true(config.images.plain_allowed);
    assert_string_equal(config.images.token.text, "open sesame");
    assert_int_equal(config.timing.beat_seconds, 3);
    assert_int_equal(config.timing.hold_down_seconds, 30);
    assert_int_equal(config.agents_count, 2);
    assert_string_equal(config.agents[1].name, "h2");
    assert_string_equal(config.agents[1].address, "h@e/2");
    downstream_config_deinit(&config);
}

/* A change to the good agent.conf, and what the error must say. */
static const struct mistake {
    const char *line, *instead; /* `line` of the good file is replaced; NULL: added at the end */
    const char *words[3];
} mistakes[] = {
    {NULL, "[nothing]\n", {"line 9", "[nothing] is not a section", "[uplink-server NAME] [host]"}},
    {NULL, "[uplinks a]\n", {"line 9", "is not a section", NULL}},
    {NULL, "[uplink]\n", {"line 9", "is not a section", NULL}},
    {NULL, "[host x]\n", {"line 9", "is not a section", NULL}},
    {NULL, "[uplink home]\n", {"line 9", "twice", "line 1"}},
    {NULL, "carrier = pigeon\n", {"line 9", "\"pigeon\" is no kind of carrier", "xmpp, http"}},
    {"[uplink home]\n", "[uplink Bad_Name]\n", {"line 1", "\"Bad_Name\" must be", "a-z"}},
    {NULL, "[network lan]\n", {"[network lan]", "bridge, libvirt and user = yes", NULL}},
    {NULL, "[network lan]\nbridge = br0\nuser = yes\n", {"[network lan]", "give one of", NULL}},
    {NULL, "[host]\ncpu = 1\n", {"line 10", "cpu is not a key of [host]", "memory_mib"}},
    {NULL, "max_vms = 1\n", {"line 9", "max_vms is not a key", NULL}},
    {NULL, "jid = x@y/z\n", {"line 9", "jid is given twice", NULL}},
    {NULL, "address = x@y/z\n", {"line 9", "address is given twice", NULL}},
    {NULL, "nonsense\n", {"line 9", "key = value", NULL}},
    {NULL, "[host\n", {"line 9", "[section]", NULL}},
    {NULL, "[host]\nworkers = 0\n", {"line 10", "workers", "from 1 to 64"}},
    {NULL, "[host]\nworkers = many\n", {"line 10", "workers: \"many\" must be", "whole number"}},
    {NULL, "[host]\nworkers = -1\n", {"line 10", "must be a whole number from", NULL}},
    {NULL, "[host]\nworkers = 4x\n", {"line 10", "must be a whole number from", NULL}},
    {NULL, "[host]\ncpus = 99999999999999999999\n", {"line 10", "must be a whole number", NULL}},
    {NULL, "[host]\nuri =\n", {"line 10", "uri: the value is missing", NULL}},
    {NULL, "[network lan]\nbridge = br0\nfilter = ip\n",
     {"line 11", "must be one of none, mac or dhcp", NULL}},
    {NULL, "[host]\naccelerator = fast\n", {"line 10", "must be one of auto, kvm or tcg", NULL}},
    {NULL, "[daemon]\nlog_level = loud\n", {"line 10", "error, warning, info or debug", NULL}},
    {NULL, "[daemon]\nstate = here\n", {"line 10", "absolute path", NULL}},
    {"[uplink home]\n", "jid = a@b/c\n[uplink home]\n",
     {"line 1", "before the first section", NULL}},
    {"jid = a@b.example/agent\n", "", {"line 1", "[uplink home] lacks address", "account@domain"}},
    {"jid = a@b.example/agent\n", "jid = a@b.example\n",
     {"[uplink home]", "not a full JID", NULL}},
    {"manager = m@b.example/manager\n", "manager = m@b.example\n",
     {"[uplink home]", "manager = m@b.example is not a full JID", NULL}},
    {NULL, "url = https://b.example\n", {"[uplink home]", "xmpp knows no url", NULL}},
    {NULL, "proxy = http://b.example\n", {"[uplink home]", "xmpp knows no proxy", NULL}},
    {NULL, "url = http://b.example\n", {"line 9", "like https://relay.example:8445", NULL}},
    {NULL, "proxy = b.example\n", {"line 9", "like http://proxy.example:3128", NULL}},
    {"jid = a@b.example/agent\n", "jid = b.example/x\n", {"line 2", "not an address", NULL}},
    {"ca_file = @/ca\n", "ca_file = @/none\n", {"line 4", "cannot read", "No such file"}},
    {"password_file = @/secret\n", "password_file = @/none\n", {"line 3", "cannot read", "0600"}},
    {"password_file = @/secret\n", "password_file = @/open\n", {"line 3", "chmod 600", "/open"}},
    {"password_file = @/secret\n", "password_file = @/empty\n", {"line 3", "is empty", NULL}},
    {"key_file = @/key\n", "", {"line 1", "[uplink home] lacks key_file", NULL}},
    {"key_file = @/key\n", "key_file = @/secret\n",
     {"line 7", "no secret key", "isthmus-agent key FILE"}},
    {"key_file = @/key\n", "key_file = @/open\n", {"line 7", "chmod 600", "/open"}},
    {"peer_key = " PEER_1 "\n", "peer_key = me\n", {"line 8", "43 characters", NULL}},
    {"peer_key = " PEER_1 "\n",
     "peer_key = secret:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\n",
     {"line 8", "nobody else may see", NULL}},
    {"image_url = https://b.example/v1\n", "image_url = b.example\n", {"line 6", "https://", NULL}},
    {"image_url = https://b.example/v1\n", "image_url = http://b/\n", {"line 6", "slash", NULL}},
};

static void expect_words(const struct error *err, const char *words, const char *input) {
    if (words && !strstr(err->text, words))
        fail_msg("after\n%s\n\"%s\" lacks \"%s\"", input, err->text, words);
}

static void make_mistake(struct room *room, const struct mistake *mistake) {
    auto_clean(text_deinit) struct text text = {0};
    const char *cut = mistake->line ? strstr(good_agent, mistake->line) : NULL;
    if (cut) {
        text_add_bytes(&text, good_agent, (size_t)(cut - good_agent));
        text_add(&text, mistake->instead);
        text_add(&text, cut + strlen(mistake->line));
    } else {
        text_addf(&text, "%s%s", good_agent, mistake->instead);
    }
    write_config(room, text_data(&text));
    struct agent_config config = {0};
    struct error err = {0};
    if (agent_config_load(room->path, &config, &err) >= 0)
        fail_msg("accepted:\n%s", text_data(&text));
    expect_words(&err, room->path, text_data(&text));
    for (size_t i = 0; i < array_size(mistake->words); i++)
        expect_words(&err, mistake->words[i], text_data(&text));
    assert_memory_equal(&config.uplinks, &(struct link_config *){NULL}, sizeof(config.uplinks));
    assert_null(config.daemon.state);
}

static void every_mistake_is_told_with_file_line_and_remedy(void **state) {
    for (size_t i = 0; i < array_size(mistakes); i++)
        make_mistake(*state, &mistakes[i]);
}

static void a_line_too_long_is_told(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s[host]\nuri = %02000d\n", good_agent, 0);
    write_config(room, text_data(&text));
    struct agent_config config = {0};
    struct error err = {0};
    assert_true(agent_config_load(room->path, &config, &err) < 0);
    expect_words(&err, "line 10", "a long line");
    expect_words(&err, "longer than", "a long line");
}

static void a_missing_file_is_told(void **state) {
    (void)state;
    struct agent_config config = {0};
    struct error err = {0};
    assert_true(agent_config_load("/nowhere/agent.conf", &config, &err) < 0);
    expect_words(&err, "--config FILE", "a missing file");
    expect_words(&err, "docs/examples/agent.conf", "a missing file");
}

static const char good_upstream[] = "[api]\noperator_token_file = @/secret\n"
                                    "[downlink]\njid = u@c/m\npassword_file = @/secret\n"
                                    "ca_file = @/ca\nkey_file=@/key\n"
                                    "[shape s]\ncpus = 1\nmemory_mib = 1\ndisk_gib = 1\n";

static void expect_upstream_refused(struct room *room, const char *before, const char *after,
                                    const char *words) {
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s%s%s", before, good_upstream, after);
    write_config(room, text_data(&text));
    struct upstream_config config = {0};
    struct error err = {0};
    if (upstream_config_load(room->path, &config, &err) >= 0)
        fail_msg("accepted:\n%s", text_data(&text));
    expect_words(&err, words, text_data(&text));
}

static void what_no_single_value_shows_is_checked_too(void **state) {
    struct room *room = *state;
    expect_upstream_refused(room, "", "[cluster a]\naddress=x@y/z\npeer_key=" PEER_1 "\n"
                            "[cluster b]\naddress=x@y/z\npeer_key=" PEER_2 "\n",
                            "[cluster a] and [cluster b] have the same address");
    expect_upstream_refused(room, "", "[cluster a]\naddress=x@y/z\npeer_key=" PEER_1 "\n"
                            "[cluster b]\naddress=v@y/z\npeer_key=" PEER_1 "\n",
                            "[cluster a] and [cluster b] have the same peer_key");
    write_config(room, "[downlink]\n");
    struct upstream_config config = {0};
    struct error err = {0};
    assert_true(upstream_config_load(room->path, &config, &err) < 0);
    expect_words(&err, "[api] is missing", "no [api]");

    auto_clean(text_deinit) struct text text = {0};
    text_add(&text, good_upstream);
    write_config(room, text_data(&text));
    err = (struct error){0};
    if (upstream_config_load(room->path, &config, &err))
        fail_msg("%s", err.text);
    upstream_config_deinit(&config);
}

static void each_link_has_a_key_of_its_own(void **state) {
    struct room *room = *state;
    static const struct {
        const char *first, *second, *down, *words; /* the key files; NULL: accepted */
    } cases[] = {
        {"key", "key-2", "key-3", NULL},
        {"key", "key", "key-3", "[uplink one] and [uplink two] have the same key"},
        {"key", "key-2", "key-2", "[uplink two] and [downlink] have the same key"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        auto_clean(downstream_config_deinit) struct downstream_config config = {0};
        struct error err = {0};
        text_addf(&text, "[uplink one]\njid=a@b/c\npassword_file=@/secret\nca_file=@/ca\n"
                  "manager=m@b/n\nimage_url=https://b\npeer_key=" PEER_1 "\nkey_file=@/%s\n"
                  "[uplink two]\njid=a@b/d\npassword_file=@/secret\nca_file=@/ca\n"
                  "manager=m@b/n\nimage_url=https://b\npeer_key=" PEER_2 "\nkey_file=@/%s\n"
                  "[downlink]\njid=d@e/f\npassword_file=@/secret\nca_file=@/ca\nkey_file=@/%s\n"
                  "[images]\ntoken_file=@/secret\n", cases[i].first, cases[i].second,
                  cases[i].down);
        write_config(room, text_data(&text));
        int result = downstream_config_load(room->path, &config, &err);
        if (!cases[i].words && result)
            fail_msg("%s", err.text);
        if (cases[i].words)
            expect_words(&err, cases[i].words, text_data(&text));
    }
}

static void plain_http_beyond_loopback_wants_a_word(void **state) {
    struct room *room = *state;
    static const char rest[] = "operator_token_file = @/secret\n[downlink]\njid = u@c/m\n"
                               "password_file = @/secret\nca_file = @/ca\nkey_file=@/key\n"
                               "[shape s]\ncpus = 1\nmemory_mib = 1\ndisk_gib = 1\n";
    static const struct {
        const char *api;
        const char *words; /* NULL: accepted */
    } cases[] = {
        {"listen = 127.0.0.1:0\n", NULL},
        {"listen = [::1]:8080\n", NULL},
        {"listen = 0.0.0.0:8080\n", "plain_http_off_loopback = yes"},
        {"listen = [::]:8080\n", "plain_http_off_loopback = yes"},
        {"listen = 0.0.0.0:8080\nplain_http_off_loopback = yes\n", NULL},
        {"listen = 0.0.0.0:8080\ncertificate_file = @/ca\nkey_file = @/ca\n", NULL},
        {"listen = 0.0.0.0:8080\ncertificate_file = @/ca\n", "certificate_file alone"},
        {"listen = 8080\n", "address:port"},
        {"listen = ::1:8080\n", "address:port"},
        {"listen = 127.0.0.1:99999\n", "address:port"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        auto_clean(upstream_config_deinit) struct upstream_config config = {0};
        struct error err = {0};
        text_addf(&text, "[api]\n%s%s", cases[i].api, rest);
        write_config(room, text_data(&text));
        int result = upstream_config_load(room->path, &config, &err);
        if (!cases[i].words && result)
            fail_msg("%s", err.text);
        if (cases[i].words)
            expect_words(&err, cases[i].words, cases[i].api);
    }
}

static void mail_goes_safely_or_not_at_all(void **state) {
    struct room *room = *state;
    static const struct {
        const char *keys, *words; /* NULL: accepted */
    } cases[] = {
        {"smtp_url = smtps://m.example\nsmtp_from = c@d.example\n", NULL},
        {"smtp_url = smtp://[::1]:25\nsmtp_from = c@d.example\nsmtp_plain = yes\n", NULL},
        {"smtp_url = smtp://m\nsmtp_from = c@d\nsmtp_user = u\nsmtp_password_file = @/secret\n",
         NULL},
        {"smtp_url = smtps://m.example\n", "lacks smtp_from"},
        {"smtp_from = c@d.example\n", "lacks smtp_url"},
        {"smtp_plain = yes\n", "lacks smtp_url"},
        {"smtp_url = smtps://m\nsmtp_from = c@d\nsmtp_user = u\n", "lacks smtp_password_file"},
        {"smtp_url = smtps://m\nsmtp_from = c@d\nsmtp_password_file = @/secret\n",
         "lacks smtp_user"},
        {"smtp_url = smtp://m\nsmtp_from = c@d\nsmtp_user = u\nsmtp_password_file = @/secret\n"
         "smtp_plain = yes\n", "sends without TLS"},
        {"smtp_url = smtps://m\nsmtp_from = c@d\nsmtp_plain = yes\n", "sends without TLS"},
        {"smtp_url = smtp://u:p@m\nsmtp_from = c@d\n", "without a user"},
        {"smtp_url = smtp://m/\nsmtp_from = c@d\n", "smtps://mail.example"},
        {"smtp_url = https://m\nsmtp_from = c@d\n", "smtps://mail.example"},
        {"smtp_url = smtp://m\nsmtp_from = Cloud <c@d>\n", "is not a mail address"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        auto_clean(upstream_config_deinit) struct upstream_config config = {0};
        struct error err = {0};
        text_addf(&text, "%s[notify]\n%s", good_upstream, cases[i].keys);
        write_config(room, text_data(&text));
        int result = upstream_config_load(room->path, &config, &err);
        if (!cases[i].words && result)
            fail_msg("%s", err.text);
        if (cases[i].words)
            expect_words(&err, cases[i].words, text_data(&text));
    }
}

static void an_agent_serves_one_manager(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text text = {0};
    text_addf(&text, "%s[uplink other]\njid=a@b/2\npassword_file=@/secret\nca_file=@/ca\n"
              "manager=m@b/n\nimage_url=https://elsewhere\nkey_file=@/key-2\n"
              "peer_key=" PEER_1 "\n", good_agent);
    write_config(room, text_data(&text));
    struct agent_config config = {0};
    struct error err = {0};
    assert_true(agent_config_load(room->path, &config, &err) < 0);
    expect_words(&err, "more than one [uplink", "two managers");
}

static void an_account_has_a_password_or_a_certificate(void **state) {
    struct room *room = *state;
    static const struct {
        const char *keys;
        const char *words; /* NULL: accepted */
    } cases[] = {
        {"password_file=@/secret\n", NULL},
        {"certificate_file=@/ca\ncertificate_key_file=@/ca\n", NULL},
        {"password_file=@/secret\ncertificate_file=@/ca\ncertificate_key_file=@/ca\n", NULL},
        {"", "[uplink home] lacks password_file"},
        {"password_file=@/secret\ncertificate_key_file=@/ca\n", "has certificate_key_file alone"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        auto_clean(agent_config_deinit) struct agent_config config = {0};
        struct error err = {0};
        text_addf(&text, "[uplink home]\njid=a@b/1\nca_file=@/ca\nmanager=m@b/n\n"
                  "image_url=https://b\nkey_file=@/key\npeer_key=" PEER_1 "\n%s", cases[i].keys);
        write_config(room, text_data(&text));
        int result = agent_config_load(room->path, &config, &err);
        if (!cases[i].words && result)
            fail_msg("%s", err.text);
        if (cases[i].words)
            expect_words(&err, cases[i].words, cases[i].keys);
    }
}

static void further_servers_that_fit_nothing_are_refused(void **state) {
    struct room *room = *state;
    static const struct {
        const char *section, *words;
    } cases[] = {
        {"[uplink-server two]\nserver=b\n", "lacks uplink"},
        {"[uplink-server two]\nuplink=away\n", "there is no [uplink away]"},
        {"[uplink-server two]\nuplink=home\ncertificate_key_file=@/ca\npassword_file=@/secret\n",
         "has certificate_key_file alone"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        struct agent_config config = {0};
        struct error err = {0};
        text_addf(&text, "%s%s", good_agent, cases[i].section);
        write_config(room, text_data(&text));
        if (agent_config_load(room->path, &config, &err) >= 0)
            fail_msg("accepted: %s", cases[i].section);
        expect_words(&err, cases[i].words, cases[i].section);
    }
    expect_upstream_refused(room, "", "[cluster a]\naddress=x@y/z\npeer_key=" PEER_1 "\n"
                            "[cluster b]\naddress=v@y/z\npeer_key=" PEER_2 "\n"
                            "more_addresses=w@y/z,x@y/z\n",
                            "[cluster a] and [cluster b] have the same address x@y/z");
    expect_upstream_refused(room, "", "[cluster a]\naddress=x@y/z\nmore_addresses=w@y/z, v@y/z\n",
                            "without spaces");
}

static void an_embedded_root_must_leave_room_for_sockets(void **state) {
    struct room *room = *state;
    const struct {
        const char *root;
        int result;
    } cases[] = {
        {"/srv/isthmus/libvirt", 0},
        {"/srv/isthmus/a-folder-with-a-name-that-is-far-too-long/libvirt", -ENAMETOOLONG},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        auto_clean(text_deinit) struct text text = {0};
        auto_clean(agent_config_deinit) struct agent_config config = {0};
        struct error err = {0};
        text_addf(&text, "%s[host]\nuri=qemu:///embed?root=%s\n", good_agent, cases[i].root);
        write_config(room, text_data(&text));
        assert_int_equal(agent_config_load(room->path, &config, &err), cases[i].result);
        if (cases[i].result)
            expect_words(&err, "[host] uri", cases[i].root);
    }
}

/* What stands in the room for a path of an example. */
static const char *example_file(const char *path) {
    if (strstr(path, ".crt") || strstr(path, "api.key") || strstr(path, "images.key"))
        return "ca\n";
    if (strstr(path, "relay.crt") || strstr(path, "relay-tls.key"))
        return "ca\n";
    if (strstr(path, "host-1.token"))
        return "secret-2\n";
    if (strstr(path, ".key"))
        return strstr(path, "downlink") ? "key\n" : "key-2\n";
    return "secret\n";
}

enum keys { KEYS_SHOWN, KEYS_OF_XMPP, KEYS_ALL };

/* May the line, "#key = value", stand in the example without its #? A server of one kind does not
 * know the keys of another. */
static bool is_wanted(const char *line, enum keys keys) {
    static const char *const others[] = {"#url = https://relay", "#proxy = ", "#server_key = "};
    bool is_of_others = false;
    for (size_t i = 0; i < array_size(others); i++)
        is_of_others |= text_starts(line, others[i]);
    return keys == KEYS_ALL || (keys == KEYS_OF_XMPP && !is_of_others);
}

/* The example, with its paths in the room. */
static void read_example(struct room *room, const char *daemon, struct text *out,
                         enum keys keys) {
    char path[256], line[512];
    text_format(path, sizeof(path), "%s/%s.conf", EXAMPLES, daemon);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        const char *start = line;
        if (is_wanted(line, keys) && line[0] == '#' && isalpha((unsigned char)line[1]) &&
            strstr(line, " = "))
            start++;
        char *value = strstr(line, "= /etc/isthmus/");
        if (value)
            text_addf(out, "%.*s= %s/%s", (int)(value - start), start, room->folder,
                      example_file(value));
        else
            text_add(out, start);
    }
    assert_int_equal(fclose(file), 0);
}

static const struct table *const tables[] = {&upstream_config_table, &downstream_config_table,
                                             &agent_config_table, &relay_config_table,
                                             &chat_config_table};

static int load_any(const char *path, const struct table *table, struct error *err) {
    struct upstream_config upstream = {0};
    struct downstream_config downstream = {0};
    struct agent_config agent = {0};
    struct relay_config relay = {0};
    struct chat_config chat = {0};
    int result;
    if (table == &upstream_config_table) {
        result = upstream_config_load(path, &upstream, err);
        upstream_config_deinit(&upstream);
    } else if (table == &downstream_config_table) {
        result = downstream_config_load(path, &downstream, err);
        downstream_config_deinit(&downstream);
    } else if (table == &agent_config_table) {
        result = agent_config_load(path, &agent, err);
        agent_config_deinit(&agent);
    } else if (table == &relay_config_table) {
        result = relay_config_load(path, &relay, err);
        relay_config_deinit(&relay);
    } else {
        result = chat_config_load(path, &chat, err);
        chat_config_deinit(&chat);
    }
    return result;
}

static void the_examples_are_good_as_they_are_and_with_all_keys(void **state) {
    struct room *room = *state;
    for (size_t i = 0; i < array_size(tables); i++) {
        for (enum keys keys = KEYS_SHOWN; keys <= KEYS_OF_XMPP; keys++) {
            auto_clean(text_deinit) struct text text = {0};
            struct error err = {0};
            read_example(room, tables[i]->name, &text, keys);
            write_file(room->path, text_data(&text), 0600);
            if (load_any(room->path, tables[i], &err))
                fail_msg("%s example: %s", tables[i]->name, err.text);
        }
    }
}

/* Does `key` occur below a `[name` of the text, before the next section? */
static bool section_shows(const char *text, const struct field *section,
                          const struct field *field) {
    char head[80], key[80];
    text_format(head, sizeof(head), section->kind == FIELD_LIST ? "\n[%s " : "\n[%s]",
                section->name);
    text_format(key, sizeof(key), "\n%s = ", field->name);
    for (const char *at = text; (at = strstr(at, head)); at++) {
        const char *found = strstr(at, key), *end = strstr(at + 1, "\n[");
        if (found && (!end || found < end))
            return true;
    }
    return false;
}

static void expect_shown(const char *daemon, const char *text, const struct field *section,
                         const struct field *field) {
    char line[256];
    if (!section_shows(text, section, field))
        fail_msg("%s.conf lacks [%s] %s", daemon, section->name, field->name);
    text_format(line, sizeof(line), "\n%s = %s\n", field->name, field->standard);
    if (field->standard && !strstr(text, line))
        fail_msg("%s.conf shows another default than%s", daemon, line);
}

static void every_key_is_in_its_example_with_its_default(void **state) {
    struct room *room = *state;
    for (size_t i = 0; i < array_size(tables); i++) {
        auto_clean(text_deinit) struct text text = {0};
        read_example(room, tables[i]->name, &text, KEYS_ALL);
        for (size_t s = 0; s < tables[i]->fields_count; s++) {
            const struct field *section = &tables[i]->fields[s];
            for (size_t k = 0; k < section->table->fields_count; k++)
                if (config_is_key(section, &section->table->fields[k]))
                    expect_shown(tables[i]->name, text_data(&text), section,
                                 &section->table->fields[k]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_keys_get_their_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_keys_arrive_in_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_mistake_is_told_with_file_line_and_remedy, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_too_long_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_single_value_shows_is_checked_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_link_has_a_key_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_http_beyond_loopback_wants_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mail_goes_safely_or_not_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_agent_serves_one_manager, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_account_has_a_password_or_a_certificate, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(further_servers_that_fit_nothing_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_embedded_root_must_leave_room_for_sockets, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_examples_are_good_as_they_are_and_with_all_keys,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_key_is_in_its_example_with_its_default, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
