/* The text of a join token: what it says comes back whole, and every slip is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/keys/join_token.h"
#include "io/keys/secret.h"

static const struct join_offer offer = {
    .id = "jt-01m821b7h4frtcrkjpcdn262sj",
    .peer = "host-1",
    .expires_ms = 1795000000000,
    .manager_key = "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw",
    .secret = "WGmv9FBUlzLLqu1eXfmzCm2jHLDldCutWtShp2jxpns",
    .address = "manager@[::1]/a:b", /* colons and all */
};

static void a_token_comes_back_whole(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0};
    struct join_offer got;
    struct error err = {0};
    join_token_print(&offer, JOIN_TOKEN_WHOLE, &text);
    assert_int_equal(join_token_read(text_data(&text), &got, &err), 0);
    assert_memory_equal(&got, &offer, sizeof(got));
    assert_true(text.length < limit_join_token);
}

static void a_token_brings_how_the_manager_is_reached(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0};
    char jid[] = "host-1@site.test/agent", password[] = "p:a\"ss", server[] = "10.0.0.7";
    char ca[] = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
    char url[] = "https://manager.test:8444/v1/blobs", image_token[] = "images";
    struct join_offer whole = offer, got;
    struct error err = {0};
    whole.link = (struct join_link){.jid = jid, .password = password, .server = server,
                                    .port = 5223, .ca = ca, .image_url = url,
                                    .image_token = image_token};
    join_token_print(&whole, JOIN_TOKEN_WHOLE, &text);
    assert_null(strpbrk(text.data, " \n\"'$&;")); /* one word to a shell */
    assert_int_equal(join_token_read(text.data, &got, &err), 0);
    assert_true(record_equal(&join_link_table, &got.link, &whole.link));
    assert_string_equal(got.address, offer.address);
    join_offer_clear(&got);
    for (size_t i = 0; i < text.length; i++) {
        text.data[i] = (char)(text.data[i] ^ 1);
        assert_int_equal(join_token_read(text.data, &got, &err), -EINVAL);
        text.data[i] = (char)(text.data[i] ^ 1);
    }
}

/* Of 600 bytes, as of a P-256 key; `mark` tells one from another. */
static void make_authority(char mark, char out_ca[700]) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    text_format(out_ca, 700, "%s", begin);
    memset(out_ca + sizeof(begin) - 1, mark, 600);
    text_format(out_ca + sizeof(begin) - 1 + 600, 32, "\n-----END CERTIFICATE-----\n");
}

static void a_short_token_has_digests_in_place_of_authorities(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0}, full = {0};
    char jid[] = "host-1@site.test/agent", password[] = "pass", image_url[64], digest[65];
    char ca[700], other[700], url[] = "https://relay.test", kind[] = "http";
    struct join_server more = {.carrier = kind, .url = url, .ca = other};
    struct join_offer whole = offer, got;
    struct error err = {0};
    make_authority('A', ca);
    make_authority('B', other);
    text_set(image_url, "https://manager.test:8444/v1/blobs");
    whole.link = (struct join_link){.jid = jid, .password = password, .ca = ca, .more = &more,
                                    .more_count = 1, .image_url = image_url, .image_ca = ca};
    join_token_print(&whole, JOIN_TOKEN_SHORT, &text);
    join_token_print(&whole, JOIN_TOKEN_WHOLE, &full);
    assert_true(text_starts(text.data, "isthmus-join:4:"));
    assert_true(text_starts(full.data, "isthmus-join:2:"));
    assert_true(text.length < 1024);
    assert_true(full.length > 3 * 600);
    assert_int_equal(join_token_read(text.data, &got, &err), 0);
    assert_null(got.link.ca);
    assert_null(got.link.image_ca);
    assert_null(got.link.more[0].ca);
    secret_hash_bytes(ca, strlen(ca), digest);
    assert_string_equal(got.link.ca_digest, digest);
    assert_string_equal(got.link.image_ca_digest, digest);
    secret_hash_bytes(other, strlen(other), digest);
    assert_string_equal(got.link.more[0].ca_digest, digest);
    join_offer_clear(&got);

    /* Nobody serves authorities where images come from a folder. */
    text_set(image_url, "file:///srv/images");
    text_clear(&text);
    text_clear(&full);
    join_token_print(&whole, JOIN_TOKEN_SHORT, &text);
    join_token_print(&whole, JOIN_TOKEN_WHOLE, &full);
    assert_string_equal(text.data, full.data);
}

static void a_token_has_no_line_ends(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0};
    struct join_offer sly = offer, got;
    struct error err = {0};
    text_set(sly.address, "m@x/y\nuri = test:///default");
    join_token_print(&sly, JOIN_TOKEN_WHOLE, &text);
    assert_int_equal(join_token_read(text.data, &got, &err), -EINVAL);
}

static void every_altered_character_is_noticed(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0};
    struct join_offer got;
    struct error err = {0};
    join_token_print(&offer, JOIN_TOKEN_WHOLE, &text);
    for (size_t i = 0; i < text.length; i++) {
        text.data[i] = (char)(text.data[i] ^ 1);
        assert_int_equal(join_token_read(text.data, &got, &err), -EINVAL);
        assert_null(strstr(err.text, offer.secret));
        text.data[i] = (char)(text.data[i] ^ 1);
    }
    while (text.length > 0) {
        text.data[--text.length] = 0;
        assert_int_equal(join_token_read(text.data, &got, &err), -EINVAL);
    }
}

static void what_is_no_token_is_told(void **state) {
    (void)state;
    struct join_offer got;
    struct error err = {0};
    assert_int_equal(join_token_read("letmein", &got, &err), -EINVAL);
    assert_non_null(strstr(err.text, "isthmus token new"));
}

static void a_secret_is_never_taken_for_an_option_of_a_command(void **state) {
    (void)state;
    char secret[secret_token_size];
    for (int i = 0; i < 4096; i++) { /* of evenly drawn ones, 64 would begin with a dash */
        secret_token(secret);
        assert_int_not_equal(*secret, '-');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_whole),
        cmocka_unit_test(a_token_brings_how_the_manager_is_reached),
        cmocka_unit_test(a_short_token_has_digests_in_place_of_authorities),
        cmocka_unit_test(a_token_has_no_line_ends),
        cmocka_unit_test(every_altered_character_is_noticed),
        cmocka_unit_test(what_is_no_token_is_told),
        cmocka_unit_test(a_secret_is_never_taken_for_an_option_of_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
