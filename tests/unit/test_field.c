/* The field tables themselves: complete, consistent, and covering every member of their structs;
 * and the small things that work from them: copies, comparison, zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "message/code.h"
#include "message/protocol.h"
#include "message/request.h"
#include "message/stored.h"
#include "tables.h"

#define fail_field(table, field, text) \
    fail_msg("%s.%s: %s", (table)->name, (field)->name, (text))

static size_t bytes_of(const struct field *field) {
    return field->kind == FIELD_LIST ? sizeof(void *) : field->size;
}

/* NULL, or what is wrong with how the field's kind is described. */
static const char *fault_of_kind(const struct field *field) {
    switch (field->kind) {
    case FIELD_TEXT:
        return field->size > 1 ? NULL : "a text needs room";
    case FIELD_BLOB:
        return field->size == sizeof(char *) && field->most ? NULL : "a blob needs a limit";
    case FIELD_U32:
        return field->size == 4 && field_most(field) <= UINT32_MAX ? NULL : "is not 32 bits";
    case FIELD_U64:
        return field->size == 8 && field_most(field) <= INT64_MAX ? NULL : "is not 63 bits";
    case FIELD_FLAG:
        return field->size == sizeof(bool) ? NULL : "is not a bool";
    case FIELD_ENUM:
        return field->size == sizeof(int) && field->names_count ? NULL : "is not an enum";
    case FIELD_RECORD:
        return field->table && field->size == field->table->size ? NULL : "is not that struct";
    case FIELD_LIST:
        if (!field->most || (!field->table && !field->choices))
            return "a list needs a table and a limit";
        return field->choices || field->size == field->table->size ? NULL
                                                                   : "is no list of that struct";
    }
    return "is of no kind";
}

static const char *fault_of_limits(const struct field *field) {
    bool number = field->kind == FIELD_U32 || field->kind == FIELD_U64;
    bool required = field->mask & FIELD_REQUIRED, always = field->mask & FIELD_ALWAYS;
    if (number && field->least > field_most(field))
        return "has no range";
    if (number && required && !always && !field->least)
        return "is required, may be zero and then is not written";
    if (number && always && field->least)
        return "is written when zero, which is refused";
    if (field->kind == FIELD_TEXT && field->check == CHECK_ID && field->size < limit_id_size)
        return "has no room for an id";
    bool named = field->check == CHECK_NAME || field->check == CHECK_NEW_NAME;
    if (field->kind == FIELD_TEXT && named && field->size != limit_name_size)
        return "is not of a name's size";
    if (field->kind == FIELD_TEXT && field->check == CHECK_DIGEST &&
        field->size != limit_digest_size)
        return "is not of a digest's size";
    return NULL;
}

static void each_field_is_described_as_its_member_is(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t i = 0; i < table->fields_count; i++) {
            const struct field *field = &table->fields[i];
            const char *fault = fault_of_kind(field);
            fault = fault ? fault : fault_of_limits(field);
            if (fault)
                fail_field(table, field, fault);
        }
}

static void names_are_unique_plain_and_explained(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++) {
        assert_true(*table->name && *table->about);
        for (size_t i = 0; i < table->fields_count; i++) {
            const struct field *field = &table->fields[i];
            size_t length = strlen(field->name);
            if (!length || strspn(field->name, "abcdefghijklmnopqrstuvwxyz_0123456789") != length ||
                (*field->name >= '0' && *field->name <= '9'))
                fail_field(table, field, "is no plain name");
            if (!field->about || field->about[strlen(field->about) - 1] != '.')
                fail_field(table, field, "is not explained by a sentence");
            for (size_t k = 0; k < i; k++)
                if (text_equal(field->name, table->fields[k].name))
                    fail_field(table, field, "is there twice");
        }
    }
}

static char alignment_of(const struct field *field) {
    if (field->kind == FIELD_TEXT || field->kind == FIELD_FLAG)
        return 1;
    return field->kind == FIELD_U32 || field->kind == FIELD_ENUM ? 4 : 8;
}

/* Marks the bytes of a member, which may be described once, with its alignment. */
static void cover(char *covered, size_t offset, size_t size, char alignment) {
    for (size_t at = offset; at < offset + size; at++) {
        assert_int_equal(covered[at], 0);
        covered[at] = alignment;
    }
}

static void the_fields_cover_their_struct_without_overlap_or_a_forgotten_member(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++) {
        auto_clean(memory_clean) char *covered = memory_new(1, table->size + 1);
        for (size_t i = 0; i < table->fields_count; i++) {
            const struct field *field = &table->fields[i];
            if (field->offset + bytes_of(field) > table->size)
                fail_field(table, field, "reaches beyond its struct");
            cover(covered, field->offset, bytes_of(field), alignment_of(field));
            if (field->kind == FIELD_LIST)
                cover(covered, field->count_offset, sizeof(uint32_t), 4);
        }
        covered[table->size] = 8;
        size_t gap = 0;
        for (size_t at = 0; at <= table->size; at++) {
            if (covered[at] && gap >= (size_t)covered[at]) /* more than padding can be */
                fail_msg("%s: the member at offset %zu has no field", table->name, at - gap);
            gap = covered[at] ? 0 : gap + 1;
        }
    }
}

static void the_first_field_of_a_stored_table_is_its_key(void **state) {
    (void)state;
    for (size_t i = 0; i < stored_tables_count; i++) {
        const struct field *key = &stored_tables[i]->fields[0];
        assert_int_equal(key->kind, FIELD_TEXT);
        assert_int_equal(key->offset, 0);
        assert_true(key->mask & FIELD_REQUIRED);
        assert_true(field_is_shown(key, FIELD_STORE));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(stored_tables[i]->name, stored_tables[k]->name);
    }
}

static void assert_complete(const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_non_null(names[i]);
        assert_true(names[i][0]);
        assert_int_equal(strspn(names[i], "abcdefghijklmnopqrstuvwxyz-"), strlen(names[i]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    }
}

static void enums_have_a_name_of_its_own_for_each_value(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t i = 0; i < table->fields_count; i++)
            if (table->fields[i].kind == FIELD_ENUM)
                assert_complete(table->fields[i].names, table->fields[i].names_count);
    assert_complete(verb_names, VERB_COUNT);
    assert_complete(vm_state_names, VM_STATE_COUNT);
    assert_complete(op_state_names, OP_STATE_COUNT);
    assert_complete(step_names, STEP_COUNT);
    assert_complete(peer_state_names, PEER_STATE_COUNT);
    assert_complete(code_names, CODE_COUNT);
}

static void each_message_has_a_name_of_its_own(void **state) {
    (void)state;
    const char *names[MESSAGE_KIND_COUNT];
    for (size_t i = 0; i < MESSAGE_KIND_COUNT; i++)
        names[i] = message_table((enum message_kind)i)->name;
    assert_complete(names, MESSAGE_KIND_COUNT);
}

static void each_code_has_words_without_a_full_stop(void **state) {
    (void)state;
    for (enum code code = 0; code < CODE_COUNT; code++) {
        const char *title = code_title(code), *remedy = code_remedy(code);
        assert_true(title && remedy && *title && *remedy);
        assert_true(title[strlen(title) - 1] != '.' && remedy[strlen(remedy) - 1] != '.');
    }
}

static void secrets_and_inner_numbers_are_hidden_from_the_api(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t i = 0; i < table->fields_count; i++) {
            const struct field *field = &table->fields[i];
            bool token = text_equal(field->name, "token_hash");
            if (token && (!(field->mask & FIELD_SECRET) || field_is_shown(field, FIELD_API) ||
                          field_is_shown(field, FIELD_WIRE)))
                fail_field(table, field, "is seen outside of the store");
            if (text_equal(field->name, "user_data") && !(field->mask & FIELD_SECRET))
                fail_field(table, field, "would stand in a log");
            if (text_starts(field->name, "place_") && field_is_shown(field, FIELD_API))
                fail_field(table, field, "shows the inside of a cluster");
        }
}

static void copies_are_equal_and_share_nothing(void **state) {
    (void)state;
    struct prng prng;
    const struct table *table = NULL;
    prng_init(&prng, 5);
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t round = 0; round < 50; round++) {
            struct record first = tables_random(table, &prng);
            struct record copy = record_copy(table, first.data);
            struct record again = record_copy(table, first.data);
            assert_true(record_equal(table, first.data, copy.data));
            record_deinit(&first); /* frees: a shared part would show under the sanitizer */
            assert_true(record_equal(table, copy.data, again.data));
            record_clear(table, again.data);
            for (size_t i = 0; i < table->fields_count; i++)
                assert_true(field_is_zero(&table->fields[i], again.data));
            record_deinit(&copy);
            record_deinit(&again);
        }
}

static void a_record_without_one_of_its_fields_is_another_one(void **state) {
    (void)state;
    struct prng prng;
    const struct table *table = NULL;
    prng_init(&prng, 6);
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t i = 0; i < table->fields_count; i++)
            for (size_t round = 0; round < 8; round++) {
                struct record whole = tables_random(table, &prng);
                struct record less = record_copy(table, whole.data);
                tables_drop(&table->fields[i], less.data);
                bool zero = field_is_zero(&table->fields[i], whole.data);
                assert_true(field_is_zero(&table->fields[i], less.data));
                if (record_equal(table, whole.data, less.data) != zero)
                    fail_field(table, &table->fields[i], "does not count in a comparison");
                record_deinit(&whole);
                record_deinit(&less);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_described_as_its_member_is),
        cmocka_unit_test(names_are_unique_plain_and_explained),
        cmocka_unit_test(the_fields_cover_their_struct_without_overlap_or_a_forgotten_member),
        cmocka_unit_test(the_first_field_of_a_stored_table_is_its_key),
        cmocka_unit_test(enums_have_a_name_of_its_own_for_each_value),
        cmocka_unit_test(each_message_has_a_name_of_its_own),
        cmocka_unit_test(each_code_has_words_without_a_full_stop),
        cmocka_unit_test(secrets_and_inner_numbers_are_hidden_from_the_api),
        cmocka_unit_test(copies_are_equal_and_share_nothing),
        cmocka_unit_test(a_record_without_one_of_its_fields_is_another_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
