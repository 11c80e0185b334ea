/* Configuration files that are written by the tables that read them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "io/config/daemons.h"
#include "io/config/write.h"

static void assert_has(const struct text *text, const char *line) {
    if (!strstr(text_data(text), line))
        fail_msg("it lacks:\n%s\nin:\n%s", line, text_data(text));
}

static void every_key_stands_with_its_words_and_its_default(void **state) {
    (void)state;
    const struct table *const tables[] = {&upstream_config_table, &downstream_config_table,
                                          &agent_config_table, &relay_config_table};
    for (size_t t = 0; t < array_size(tables); t++) {
        auto_clean(text_deinit) struct text text = {0};
        struct error err = {0};
        assert_int_equal(config_write(tables[t], &(struct config_values){0}, &text, &err), 0);
        for (size_t i = 0; i < tables[t]->fields_count; i++) {
            const struct field *section = &tables[t]->fields[i];
            assert_has(&text, section->about);
            for (size_t k = 0; section->kind == FIELD_RECORD && k < section->table->fields_count;
                 k++) {
                auto_clean(text_deinit) struct text line = {0};
                const struct field *field = &section->table->fields[k];
                text_addf(&line, "# %s\n#%s = %s\n", field->about, field->name,
                          field->standard ? field->standard : "");
                assert_has(&text, line.data);
            }
        }
    }
}

static void values_stand_in_their_sections_and_the_later_one_counts(void **state) {
    (void)state;
    auto_clean(text_deinit) struct text text = {0};
    struct error err = {0};
    struct config_value values[] = {
        {"downlink", "port", "5223"},          {"agent host-1", "address", "host-1@x/y"},
        {"downlink", "port", "5224"},          {"agent host-2", "address", "host-2@x/y"},
        {"agent host-1", "peer_key", "a-key"},
    };
    const struct config_values all = {values, array_size(values)};
    assert_int_equal(config_write(&downstream_config_table, &all, &text, &err), 0);
    assert_has(&text, "\n# xmpp: its port; 5222 without it\nport = 5224\n");
    assert_null(strstr(text.data, "5223"));
    const char *first = strstr(text.data, "\n[agent host-1]\n");
    const char *second = strstr(text.data, "\n[agent host-2]\n");
    assert_true(first && second && first < strstr(text.data, "\npeer_key = a-key\n"));
    assert_true(strstr(text.data, "\npeer_key = a-key\n") < second);
    assert_null(strstr(first + 3, "[agent host-1]"));
}

static void a_value_for_no_key_is_an_error_that_names_it(void **state) {
    (void)state;
    static struct config_value wrong[] = {
        {"downlink", "prot", "1"}, {"downlinks", "port", "1"}, {"agent", "address", "a@b/c"},
        {"shape x", "cpus", "1"}};
    for (size_t i = 0; i < array_size(wrong); i++) {
        auto_clean(text_deinit) struct text text = {0};
        struct error err = {0};
        const struct config_values one = {&wrong[i], 1};
        assert_int_equal(config_write(&downstream_config_table, &one, &text, &err), -EINVAL);
        assert_non_null(strstr(err.text, wrong[i].key));
        assert_non_null(strstr(err.text, wrong[i].section));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_stands_with_its_words_and_its_default),
        cmocka_unit_test(values_stand_in_their_sections_and_the_later_one_counts),
        cmocka_unit_test(a_value_for_no_key_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
