/* Enrolment: who may join by which token, what is pinned then, and what a revoked key is worth. A
 * downstream manager with two hosts; and the joining side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster.h"
#include "core/manager/enrol.h"
#include "message/owner.h"

#define SECRET "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
#define OTHER "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
#define KEY "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw"
#define KEY_2 "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns"

static int set_up(void **state) {
    (void)state;
    bench_init(&bench, &(struct role_settings){.kind = ROLE_DOWNSTREAM, .beat_ms = 1000,
                                               .hold_down_ms = 5000, .agents_count = 2,
                                               .managers_count = 1});
    return 0;
}

static struct request request(enum request_kind kind, const char *key) {
    struct request asked = {.handle = 7, .kind = kind};
    text_set(asked.key, key);
    return asked;
}

/* A token for the host; its id. */
static struct id new_token(const char *peer, uint64_t seconds) {
    struct request asked = request(REQUEST_TOKEN_CREATE, "");
    struct id id;
    text_set(asked.token_create.peer, peer);
    asked.token_create.expires_seconds = seconds;
    text_set(asked.new_token_hash, SECRET);
    const struct reply *reply = bench_ask(&bench, &asked);
    assert_int_equal(reply->kind, REPLY_CREATED);
    text_set(id.text, ((const struct join_token *)reply->record.data)->id);
    return id;
}

static enum join_verdict join(const struct far *from, const char *token, const char *secret,
                              const char *key) {
    struct event event = {.kind = EVENT_JOIN,
                          .join = {.link = from->setting.link, .from = from->setting.address}};
    text_set(event.join.token, token);
    text_set(event.join.secret_hash, secret);
    text_set(event.join.key, key);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    const struct effect *joined = bench_last(&bench, EFFECT_JOINED);
    assert_string_equal(joined->joined.address, from->setting.address);
    assert_string_equal(joined->joined.key, key);
    return joined->joined.verdict;
}

static void expect_pin(const char *address, const char *key) {
    const struct effect *pin = bench_last(&bench, EFFECT_PIN);
    assert_non_null(pin);
    assert_string_equal(pin->pin.address, address);
    assert_string_equal(pin->pin.key, key);
}

static void whoever_brings_the_secret_from_the_right_address_is_pinned(void **state) {
    (void)state;
    const struct far *host = bench_agent(&bench, 0);
    struct id token = new_token("agent-0", 0);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
    expect_pin(host->setting.address, KEY);
}

static void a_pin_is_there_again_after_a_restart(void **state) {
    (void)state;
    const struct far *host = bench_agent(&bench, 0);
    struct id token = new_token("agent-0", 0);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
    bench_restart(&bench);
    expect_pin(host->setting.address, KEY);
    assert_int_equal(join(host, token.text, SECRET, KEY_2), JOIN_USED);
}

static void a_token_is_used_once_but_its_answer_may_be_asked_for_again(void **state) {
    (void)state;
    const struct far *host = bench_agent(&bench, 0);
    struct id token = new_token("agent-0", 0);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
    assert_int_equal(bench_count(&bench, EFFECT_PIN), 0);
    assert_int_equal(join(host, token.text, SECRET, KEY_2), JOIN_USED);
    assert_int_equal(bench_count(&bench, EFFECT_PIN), 0);
}

static void what_does_not_fit_changes_nothing(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    struct id token = new_token("agent-0", 0), gone = new_token("agent-0", 0);
    struct request revoke = request(REQUEST_TOKEN_REVOKE, gone.text);
    struct far stranger = *host;
    stranger.setting.address = "who@below/x";
    assert_int_equal(bench_ask(&bench, &revoke)->kind, REPLY_GONE);
    assert_int_equal(bench_ask(&bench, &revoke)->kind, REPLY_PROBLEM);
    assert_int_equal(join(host, token.text, OTHER, KEY), JOIN_UNKNOWN);
    assert_int_equal(join(host, gone.text, SECRET, KEY), JOIN_UNKNOWN);
    assert_int_equal(join(host, "jt-00000000000000000000000000", SECRET, KEY), JOIN_UNKNOWN);
    assert_int_equal(join(bench_agent(&bench, 1), token.text, SECRET, KEY), JOIN_ELSEWHERE);
    assert_int_equal(join(&stranger, token.text, SECRET, KEY), JOIN_ELSEWHERE);
    assert_int_equal(bench_count(&bench, EFFECT_PIN), 0);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
}

static void a_token_expires(void **state) {
    (void)state;
    struct id token = new_token("agent-0", 60);
    bench_pass(&bench, 59000);
    assert_int_equal(join(bench_agent(&bench, 1), token.text, SECRET, KEY), JOIN_ELSEWHERE);
    bench_pass(&bench, 1001);
    assert_int_equal(join(bench_agent(&bench, 0), token.text, SECRET, KEY), JOIN_EXPIRED);
    assert_int_equal(bench_count(&bench, EFFECT_PIN), 0);
}

static void a_revoked_key_closes_the_session_and_stays_revoked(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    struct request show = request(REQUEST_HOST_SHOW, "agent-0");
    struct request revoke = request(REQUEST_KEY_REVOKE, "agent-0");
    bench_hello(&bench, host, 3);
    const struct owned_host *shown = bench_ask(&bench, &show)->record.data;
    assert_int_equal(shown->state, PEER_UP);
    assert_int_equal(bench_ask(&bench, &revoke)->kind, REPLY_GONE);
    expect_pin(host->setting.address, "");
    shown = bench_ask(&bench, &show)->record.data;
    assert_int_equal(shown->state, PEER_SUSPECT);
    bench_restart(&bench);
    expect_pin(host->setting.address, "");
}

static void a_new_key_ends_the_session_of_the_old_one(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    struct request show = request(REQUEST_HOST_SHOW, "agent-0");
    bench_hello(&bench, host, 3);
    struct id token = new_token("agent-0", 0);
    assert_int_equal(join(host, token.text, SECRET, KEY), JOIN_DONE);
    const struct owned_host *shown = bench_ask(&bench, &show)->record.data;
    assert_int_equal(shown->state, PEER_SUSPECT);
}

static struct message rekey(const char *key) {
    struct message message = {.kind = MESSAGE_REKEY};
    text_set(message.rekey.key, key);
    return message;
}

/* Its next message, as sealed by its next key. */
static void beat_by_next_key(struct far *host, const char *key) {
    struct message beat = {.kind = MESSAGE_BEAT};
    struct frame frame = {{host->number, host->peer_number, ++host->sent, host->received},
                          &beat, 1};
    effects_clear(&bench.effects);
    bench_step(&bench, (struct event){.kind = EVENT_FRAME,
                                      .frame = {.from = host->setting.address,
                                                .frame = &frame,
                                                .next_key = key}});
}

static void a_peer_changes_its_key_and_the_old_one_ends_with_the_first_word_by_the_new(void **s) {
    (void)s;
    struct far *host = bench_agent(&bench, 0);
    bench_hello(&bench, host, 3);
    bench_say(&bench, host, rekey(KEY_2));
    for (int i = 0; i < 2; i++) { /* also after a restart */
        const struct effect *next = bench_last(&bench, EFFECT_PIN_NEXT);
        assert_non_null(next);
        assert_string_equal(next->pin.address, host->setting.address);
        assert_string_equal(next->pin.key, KEY_2);
        assert_int_equal(bench_count(&bench, EFFECT_PIN), 0); /* the old one is heard too */
        bench_restart(&bench);
    }
    bench_hello(&bench, host, 3);
    beat_by_next_key(host, KEY_2);
    expect_pin(host->setting.address, KEY_2);
    bench_restart(&bench);
    expect_pin(host->setting.address, KEY_2);
    assert_int_equal(bench_count(&bench, EFFECT_PIN_NEXT), 0);
}

static void a_revocation_ends_a_change_of_keys(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0);
    struct request revoke = request(REQUEST_KEY_REVOKE, "agent-0");
    bench_hello(&bench, host, 3);
    bench_say(&bench, host, rekey(KEY_2));
    assert_int_equal(bench_ask(&bench, &revoke)->kind, REPLY_GONE);
    bench_restart(&bench);
    expect_pin(host->setting.address, "");
    assert_int_equal(bench_count(&bench, EFFECT_PIN_NEXT), 0);
}

static void our_next_key_is_told_in_each_session_until_it_is_ours(void **state) {
    (void)state;
    struct far *host = bench_agent(&bench, 0), *manager = bench_manager(&bench, 0);
    struct event event = {.kind = EVENT_REKEY, .rekey = {0, KEY_2}};
    bench_hello(&bench, host, 3);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    const struct message *told = bench_told(&bench, host, MESSAGE_REKEY);
    assert_non_null(told);
    assert_string_equal(told->rekey.key, KEY_2);
    struct message hello = {.kind = MESSAGE_HELLO, .hello = {1, 1, "", 0}};
    host->number++;
    host->sent = host->peer_number = host->received = host->told = 0;
    bench_say(&bench, host, hello);
    assert_non_null(bench_told(&bench, host, MESSAGE_REKEY));
    event.rekey.link = manager->setting.link;
    bench_welcome(&bench, manager);
    effects_clear(&bench.effects);
    bench_step(&bench, event);
    told = bench_told(&bench, manager, MESSAGE_REKEY);
    assert_non_null(told);
    bench_cut(&bench, manager);
    bench_welcome(&bench, manager);
    assert_non_null(bench_told(&bench, manager, MESSAGE_REKEY));
    event.rekey.key[0] = 0;
    bench_step(&bench, event);
    bench_cut(&bench, manager);
    bench_welcome(&bench, manager);
    assert_null(bench_told(&bench, manager, MESSAGE_REKEY));
}

static void tokens_are_for_known_peers_and_have_a_limit(void **state) {
    (void)state;
    struct request asked = request(REQUEST_TOKEN_CREATE, "");
    struct request revoke = request(REQUEST_KEY_REVOKE, "nobody");
    text_set(asked.token_create.peer, "nobody");
    assert_int_equal(bench_ask(&bench, &asked)->code, CODE_NOT_FOUND);
    assert_int_equal(bench_ask(&bench, &revoke)->code, CODE_NOT_FOUND);
}

static struct role *started_joiner(struct effects *out) {
    static struct peer_setting manager = {.name = "cluster", .address = "m@below/x"};
    static const struct join_setting by = {"jt-00000000000000000000000000", "secret", KEY};
    struct role *role = role_new(&(struct role_settings){
        .kind = ROLE_JOINER, .managers = &manager, .managers_count = 1, .join = &by});
    role_step(role, &(struct event){.kind = EVENT_START, .now_ms = 1000}, out);
    return role;
}

static void a_joining_side_asks_until_it_is_answered_and_pins_its_manager(void **state) {
    (void)state;
    struct effects out = {0};
    struct role *role = started_joiner(&out);
    bool is_connected = true;
    assert_int_equal(out.count, 0);
    role_step(role, &(struct event){.kind = EVENT_LINK, .now_ms = 2000,
                                    .presence.presence = PRESENCE_UP}, &out);
    assert_int_equal(out.items[0].kind, EFFECT_JOIN);
    assert_int_equal(role_deadline_ms(role), 5000);
    role_step(role, &(struct event){.kind = EVENT_TICK, .now_ms = 5000}, &out);
    assert_int_equal(out.count, 2);
    role_step(role, &(struct event){.kind = EVENT_JOINED, .now_ms = 5100,
                                    .joined = {0, "else@below/x", JOIN_DONE}}, &out);
    assert_int_equal(out.count, 2);
    role_step(role, &(struct event){.kind = EVENT_JOINED, .now_ms = 5200,
                                    .joined = {0, "m@below/x", JOIN_DONE}}, &out);
    assert_int_equal(out.count, 6); /* a change that was under way is forgotten */
    const struct pin *pin = out.items[2].record.data;
    assert_string_equal(pin->peer, "above cluster");
    assert_string_equal(pin->key, KEY);
    assert_int_equal(out.items[5].kind, EFFECT_DONE);
    assert_int_equal(role_verdict(role, &is_connected), JOIN_DONE);
    effects_deinit(&out);
    role_free(role);
}

static void a_joining_side_that_nobody_answers_ends(void **state) {
    (void)state;
    struct effects out = {0};
    struct role *role = started_joiner(&out);
    bool is_connected = true;
    assert_int_equal(role_deadline_ms(role), 16000);
    role_step(role, &(struct event){.kind = EVENT_TICK, .now_ms = 16000}, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.items[0].kind, EFFECT_DONE);
    assert_int_equal(role_verdict(role, &is_connected), JOIN_VERDICT_COUNT);
    assert_false(is_connected);
    effects_deinit(&out);
    role_free(role);
}

#define at_a_manager(test) cmocka_unit_test_setup_teardown(test, set_up, cluster_tear_down)

static void a_flood_of_requests_fills_no_log(void **state) {
    (void)state;
    size_t noted = 0;
    struct id token = new_token("agent-0", 60);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(join(bench_agent(&bench, 0), token.text, OTHER, KEY), JOIN_UNKNOWN);
        noted += bench_count(&bench, EFFECT_NOTE);
    }
    assert_in_range(noted, 1, 8);
    assert_int_equal(join(bench_agent(&bench, 0), token.text, SECRET, KEY), JOIN_DONE);
    assert_int_equal(bench_count(&bench, EFFECT_NOTE), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        at_a_manager(whoever_brings_the_secret_from_the_right_address_is_pinned),
        at_a_manager(a_pin_is_there_again_after_a_restart),
        at_a_manager(a_token_is_used_once_but_its_answer_may_be_asked_for_again),
        at_a_manager(what_does_not_fit_changes_nothing),
        at_a_manager(a_token_expires),
        at_a_manager(a_revoked_key_closes_the_session_and_stays_revoked),
        at_a_manager(a_new_key_ends_the_session_of_the_old_one),
        at_a_manager(
            a_peer_changes_its_key_and_the_old_one_ends_with_the_first_word_by_the_new),
        at_a_manager(a_revocation_ends_a_change_of_keys),
        at_a_manager(our_next_key_is_told_in_each_session_until_it_is_ours),
        at_a_manager(a_flood_of_requests_fills_no_log),
        at_a_manager(tokens_are_for_known_peers_and_have_a_limit),
        cmocka_unit_test(a_joining_side_asks_until_it_is_answered_and_pins_its_manager),
        cmocka_unit_test(a_joining_side_that_nobody_answers_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
