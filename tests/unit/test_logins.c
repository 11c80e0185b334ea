/* When a browser's login and a ticket end, and which one gives way. Time is as told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/rest/web/logins.h"

static const uint64_t start_ms = 5000;

static void open_one(struct logins *logins, const char *token, uint64_t now_ms,
                     char out_secret[secret_token_size]) {
    assert_true(logins_open(logins, token, now_ms, out_secret));
}

static bool is_let_in(struct logins *logins, const char *secret, uint64_t now_ms) {
    return logins_use(logins, secret, now_ms) != NULL;
}

static void one_that_rests_for_an_hour_ends(void **state) {
    (void)state;
    struct logins logins;
    char secret[secret_token_size];
    logins_init(&logins, &login_rule);
    open_one(&logins, "alice", start_ms, secret);
    uint64_t now_ms = start_ms + login_idle_ms - 1;
    assert_true(is_let_in(&logins, secret, now_ms));
    assert_true(is_let_in(&logins, secret, now_ms += login_idle_ms - 1));
    assert_false(is_let_in(&logins, secret, now_ms += login_idle_ms));
    assert_int_equal(logins.by_digest.count, 0);
    logins_deinit(&logins);
}

/* Whoever only looks whether it stands does not use it. */
static void what_a_login_lets_in_stands_as_long_as_the_login(void **state) {
    (void)state;
    struct logins logins;
    char secret[secret_token_size], digest[limit_digest_size];
    logins_init(&logins, &login_rule);
    open_one(&logins, "alice", start_ms, secret);
    text_set(digest, logins_use(&logins, secret, start_ms)->digest);
    assert_true(logins_stand(&logins, digest, start_ms + login_idle_ms - 1));
    assert_false(logins_stand(&logins, digest, start_ms + login_idle_ms));
    assert_true(is_let_in(&logins, secret, start_ms + login_idle_ms - 1));
    assert_true(logins_stand(&logins, digest, start_ms + login_idle_ms));
    logins_end(&logins, digest);
    assert_false(logins_stand(&logins, digest, start_ms));
    assert_false(logins_stand(&logins, "", start_ms));
    logins_deinit(&logins);
}

static void one_that_is_used_ends_after_twelve_hours(void **state) {
    (void)state;
    struct logins logins;
    char secret[secret_token_size];
    uint64_t now_ms = start_ms;
    logins_init(&logins, &login_rule);
    open_one(&logins, "alice", now_ms, secret);
    for (; now_ms < start_ms + login_life_ms; now_ms += login_idle_ms / 2)
        assert_true(is_let_in(&logins, secret, now_ms));
    assert_false(is_let_in(&logins, secret, now_ms));
    logins_deinit(&logins);
}

static void a_ticket_is_good_for_two_minutes(void **state) {
    (void)state;
    struct logins tickets;
    char first[secret_token_size], second[secret_token_size];
    logins_init(&tickets, &ticket_rule);
    open_one(&tickets, "alice", start_ms, first);
    open_one(&tickets, "alice", start_ms, second);
    assert_true(is_let_in(&tickets, first, start_ms + ticket_life_ms - 1));
    assert_false(is_let_in(&tickets, second, start_ms + ticket_life_ms));
    logins_deinit(&tickets);
}

static void of_one_token_what_rested_longest_gives_way(void **state) {
    (void)state;
    struct logins logins;
    char used[secret_token_size], rested[secret_token_size], other[secret_token_size];
    char more[secret_token_size];
    logins_init(&logins, &login_rule);
    open_one(&logins, "bob", start_ms, other);
    open_one(&logins, "alice", start_ms, used);
    open_one(&logins, "alice", start_ms, rested);
    for (int i = 2; i < logins_of_token; i++)
        open_one(&logins, "alice", start_ms, more);
    assert_true(is_let_in(&logins, used, start_ms + 1));
    open_one(&logins, "alice", start_ms + 2, more);
    assert_false(is_let_in(&logins, rested, start_ms + 3));
    assert_true(is_let_in(&logins, used, start_ms + 3));
    assert_true(is_let_in(&logins, other, start_ms + 3));
    logins_deinit(&logins);
}

static void what_is_full_of_others_lets_nobody_in_until_some_end(void **state) {
    (void)state;
    struct logins logins;
    char secret[secret_token_size], token[32];
    logins_init(&logins, &login_rule);
    for (int i = 0; i < logins_most; i++) {
        text_format(token, sizeof(token), "token-%d", i / logins_of_token);
        open_one(&logins, token, start_ms, secret);
    }
    assert_false(logins_open(&logins, "alice", start_ms + 1, secret));
    open_one(&logins, "token-0", start_ms + 1, secret); /* in place of one of its own */
    open_one(&logins, "alice", start_ms + login_idle_ms, secret);
    assert_int_equal(logins.by_digest.count, 2);
    logins_deinit(&logins);
}

static void it_ends_by_its_digest_or_with_its_token(void **state) {
    (void)state;
    struct logins logins;
    char first[secret_token_size], second[secret_token_size], other[secret_token_size];
    logins_init(&logins, &login_rule);
    open_one(&logins, "alice", start_ms, first);
    open_one(&logins, "alice", start_ms, second);
    open_one(&logins, "bob", start_ms, other);
    const struct login *login = logins_use(&logins, first, start_ms);
    assert_string_equal(login->token_hash, "alice");
    assert_string_not_equal(login->digest, first); /* the secret itself is not kept */
    char digest[limit_digest_size];
    text_set(digest, login->digest);
    logins_end(&logins, digest);
    logins_end(&logins, digest);
    assert_false(is_let_in(&logins, first, start_ms));
    assert_true(is_let_in(&logins, second, start_ms));
    logins_end_of(&logins, "alice");
    assert_false(is_let_in(&logins, second, start_ms));
    assert_true(is_let_in(&logins, other, start_ms));
    logins_deinit(&logins);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_rests_for_an_hour_ends),
        cmocka_unit_test(what_a_login_lets_in_stands_as_long_as_the_login),
        cmocka_unit_test(one_that_is_used_ends_after_twelve_hours),
        cmocka_unit_test(a_ticket_is_good_for_two_minutes),
        cmocka_unit_test(of_one_token_what_rested_longest_gives_way),
        cmocka_unit_test(what_is_full_of_others_lets_nobody_in_until_some_end),
        cmocka_unit_test(it_ends_by_its_digest_or_with_its_token),
    };
    return cmocka_run_group_tests_name("logins", tests, NULL, NULL);
}
