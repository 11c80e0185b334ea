/* Who an ID token says somebody is, and when it is not taken: tokens that were made once, by keys
 * that were thrown away (tests/fuzz/corpus/id_token). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/text.h"
#include "id_token_keys.h"
#include "io/keys/id_token.h"

static const struct id_token_wish right = {
    .issuer = "https://login.example", .client = "isthmus", .nonce = "once", .keys = keys,
    .now_s = 1796000100};

enum { token_size = 4096 };

static void load(const char *name, char out_token[token_size]) {
    char path[512];
    text_format(path, sizeof(path), ID_TOKENS "/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(out_token, 1, token_size - 1, file);
    assert_in_range(length, 1, token_size - 2);
    out_token[length] = 0;
    assert_int_equal(fclose(file), 0);
}

static int read_token(const char *name, const struct id_token_wish *wish,
                      char out_identity[limit_identity_size]) {
    char token[token_size];
    struct error err = {0};
    load(name, token);
    int result = id_token_read(token, wish, out_identity, &err);
    assert_int_equal(result, err.code);
    return result;
}

static void a_right_token_says_who_it_is(void **state) {
    (void)state;
    const char *const names[] = {"rsa", "ec", "several"};
    char identity[limit_identity_size];
    struct id_token_wish by_mail = right;
    by_mail.claim = ID_CLAIM_EMAIL;
    for (size_t i = 0; i < array_size(names); i++) {
        assert_int_equal(read_token(names[i], &right, identity), 0);
        assert_string_equal(identity, "alice-7f3a");
    }
    assert_int_equal(read_token("ec", &by_mail, identity), 0);
    assert_string_equal(identity, "alice@example.org");
}

static void what_is_not_signed_is_not_taken(void **state) {
    (void)state;
    const char *const names[] = {"changed", "none", "other-nonce"};
    char identity[limit_identity_size];
    for (size_t i = 0; i < array_size(names); i++) {
        assert_int_equal(read_token(names[i], &right, identity), -EBADMSG);
        assert_string_equal(identity, "");
    }
}

static void it_is_for_us_from_the_provider_and_now(void **state) {
    (void)state;
    struct id_token_wish wishes[] = {right, right, right, right, right};
    char identity[limit_identity_size];
    wishes[0].issuer = "https://login.example/";
    wishes[1].client = "another";
    wishes[2].nonce = "twice";
    wishes[3].now_s = 1796000300 + 60;
    wishes[4].now_s = 1796000000 - 61;
    for (size_t i = 0; i < array_size(wishes); i++)
        assert_int_equal(read_token("rsa", &wishes[i], identity), -EBADMSG);
    wishes[3].now_s--;
    wishes[4].now_s++;
    assert_int_equal(read_token("rsa", &wishes[3], identity), 0);
    assert_int_equal(read_token("rsa", &wishes[4], identity), 0);
}

static void other_keys_are_worth_asking_for(void **state) {
    (void)state;
    const char *const others[] = {"{\"keys\": []}", "{}", "", "[]"};
    struct id_token_wish wish = right;
    char identity[limit_identity_size];
    for (size_t i = 0; i < array_size(others); i++) {
        wish.keys = others[i];
        assert_int_equal(read_token("rsa", &wish, identity), -ENOKEY);
    }
}

static void what_is_cut_is_not_taken(void **state) {
    (void)state;
    char token[token_size], identity[limit_identity_size];
    struct error err;
    load("rsa", token);
    for (size_t length = strlen(token); length--;) {
        token[length] = 0;
        assert_int_equal(id_token_read(token, &right, identity, &err), -EBADMSG);
    }
}

static void a_key_of_no_length_checks_nothing(void **state) {
    (void)state;
    const char *const numbers[] = {"AAAAA", "", "AA==", "A.AA"};
    char key[256], identity[limit_identity_size];
    struct id_token_wish wish = right;
    wish.keys = key;
    for (size_t i = 0; i < array_size(numbers); i++) {
        text_format(key, sizeof(key),
                    "{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"rsa\", \"n\": \"%s\", "
                    "\"e\": \"AQAB\"}]}", numbers[i]);
        assert_int_equal(read_token("rsa", &wish, identity), -EBADMSG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_token_says_who_it_is),
        cmocka_unit_test(what_is_not_signed_is_not_taken),
        cmocka_unit_test(it_is_for_us_from_the_provider_and_now),
        cmocka_unit_test(what_is_cut_is_not_taken),
        cmocka_unit_test(a_key_of_no_length_checks_nothing),
        cmocka_unit_test(other_keys_are_worth_asking_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
