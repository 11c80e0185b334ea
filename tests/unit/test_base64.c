/* The text of a sealed frame: the examples of RFC 4648, and that each text but one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/base64.h"

/* Section 10 of the RFC, without its padding, and what tells base64url from base64. */
static const struct {
    const char *bytes, *text;
} examples[] = {{"f", "Zg"},         {"fo", "Zm8"},         {"foo", "Zm9v"},   {"foob", "Zm9vYg"},
                {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"}};

static void each_way(void **state) {
    (void)state;
    for (size_t i = 0; i < array_size(examples); i++) {
        size_t bytes = strlen(examples[i].bytes), length = strlen(examples[i].text);
        char text[16] = "";
        unsigned char back[16];
        assert_int_equal(base64_characters(bytes), length);
        base64_encode((const unsigned char *)examples[i].bytes, bytes, text);
        assert_string_equal(text, examples[i].text);
        assert_int_equal(base64_decode(text, length, back, bytes), bytes);
        assert_memory_equal(back, examples[i].bytes, bytes);
        assert_int_equal(base64_decode(text, length, back, bytes - 1), 0); /* more than `most` */
    }
}

static void one_text_alone_is_taken(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "Z", "Zh", "Zm9", "Zm9vY", "Zm9vYh", "Zg==", "Zm8=", "Z g", "Zm9v\n", "+/+/", "Zm9\xff",
        "\x80m9v",
    };
    unsigned char out[16];
    for (size_t i = 0; i < array_size(wrong); i++)
        assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), out, sizeof(out)), 0);
}

/* As section 10 of the RFC has them. */
static void the_standard_form_has_padding_and_its_own_last_characters(void **state) {
    (void)state;
    static const char *const texts[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=",
                                        "Zm9vYmFy", "+/+/"};
    static const char *const wrong[] = {"", "=", "Zg", "Zg=", "Zg===", "Z===", "Zh==", "Zm9v====",
                                        "Zg==Zg==", "-_-_", "Zm9v\n", "Zm 9"};
    unsigned char back[16];
    for (size_t i = 0; i < array_size(texts); i++) {
        auto_clean(text_deinit) struct text made = {0};
        size_t length = strlen(examples[i].bytes);
        base64_to_standard((const unsigned char *)examples[i].bytes, length, &made);
        assert_string_equal(text_data(&made), texts[i]);
        assert_int_equal(base64_from_standard(texts[i], back, sizeof(back)), length);
        assert_memory_equal(back, examples[i].bytes, length);
    }
    for (size_t i = 0; i < array_size(wrong); i++)
        assert_int_equal(base64_from_standard(wrong[i], back, sizeof(back)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way),
        cmocka_unit_test(one_text_alone_is_taken),
        cmocka_unit_test(the_standard_form_has_padding_and_its_own_last_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
