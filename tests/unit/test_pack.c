/* The packed form over every table: what goes out comes back the same, in one form alone; what is
 * not that form leaves nothing behind; and both forms say the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message/codec/pack.h"
#include "message/codec/unpack.h"
#include "message/limits.h"
#include "message/model.h"
#include "message/protocol.h"
#include "message/stored.h"
#include "tables.h"

enum { rounds = 60 };

static const enum field_mask faces[] = {FIELD_WIRE, FIELD_STORE};

static void clean_text(struct text *text) { text_deinit(text); }

/* Has each field that a face shows a number, so that the table has a packed form of that face? */
static bool is_packed(const struct table *table, unsigned face) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (field_is_shown(&table->fields[i], face) && !table->fields[i].number)
            return false;
    return table->fields_count > 0;
}

static int unpack(const struct table *table, const struct text *bytes, unsigned face,
                  void *out_data, struct codec_fault *fault) {
    const struct codec_input input = {text_data(bytes), bytes->length, face, CODEC_IGNORE_UNKNOWN};
    *fault = (struct codec_fault){0};
    return codec_unpack(table, &input, out_data, fault);
}

static void assert_comes_back(const struct table *table, enum field_mask face, struct prng *prng) {
    struct record record = tables_random(table, prng);
    auto_clean(memory_clean) char *back = memory_new(1, table->size);
    auto_clean(clean_text) struct text packed = {0};
    auto_clean(clean_text) struct text again = {0};
    auto_clean(clean_text) struct text json = {0};
    auto_clean(clean_text) struct text json_back = {0};
    struct codec_fault fault;
    codec_pack(table, record.data, face, &packed);
    codec_encode(table, record.data, face, &json);
    if (unpack(table, &packed, face, back, &fault))
        fail_msg("%s: %s %s\n%s", table->name, fault.field, fault.text, text_data(&json));
    codec_encode(table, back, face, &json_back);
    assert_string_equal(text_data(&json_back), text_data(&json));
    tables_hide(table, record.data, face);
    assert_true(record_equal(table, record.data, back));
    codec_pack(table, back, face, &again);
    assert_int_equal(again.length, packed.length);
    assert_memory_equal(text_data(&again), text_data(&packed), packed.length);
    record_clear(table, back);
    record_deinit(&record);
}

static void every_record_comes_back_the_same(void **state) {
    (void)state;
    struct prng prng;
    const struct table *table = NULL;
    size_t seen = 0;
    prng_init(&prng, 1);
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t face = 0; face < array_size(faces); face++)
            for (size_t round = 0; round < rounds && is_packed(table, faces[face]); round++, seen++)
                assert_comes_back(table, faces[face], &prng);
    assert_true(seen > 30 * rounds);
}

/* Is there a message that could not be read? What it was is not known any more. */
static bool has_gap(const struct frame *frame) {
    bool has = false;
    for (uint32_t i = 0; i < frame->messages_count; i++)
        has |= frame->messages[i].kind == MESSAGE_UNREADABLE;
    return has;
}

/* Whatever is altered: it is refused and leaves nothing, or it is the one form of what it says. */
static void assert_one_form(const struct text *bytes) {
    const struct table *table = &frame_table;
    const struct frame nothing = {0};
    struct frame back = {0};
    auto_clean(clean_text) struct text again = {0};
    struct codec_fault fault;
    if (unpack(table, bytes, FIELD_WIRE, &back, &fault)) {
        assert_true(fault.text[0]);
        assert_memory_equal(&back, &nothing, sizeof(back));
        return;
    }
    assert_int_equal(codec_check(table, &back, &fault), 0);
    if (has_gap(&back)) {
        frame_clear(&back);
        return;
    }
    codec_pack(table, &back, FIELD_WIRE, &again);
    assert_true(again.length <= bytes->length);
    if (again.length == bytes->length) /* no field was stepped over */
        assert_memory_equal(text_data(&again), text_data(bytes), again.length);
    frame_clear(&back);
}

static void a_frame_that_is_cut_or_altered_is_refused_or_another(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 2);
    for (size_t round = 0; round < 200; round++) {
        struct record record = tables_random(&frame_table, &prng);
        auto_clean(clean_text) struct text packed = {0};
        codec_pack(&frame_table, record.data, FIELD_WIRE, &packed);
        for (size_t i = 0; i < 40 && packed.length; i++) {
            auto_clean(clean_text) struct text altered = {0};
            size_t length = i % 4 ? packed.length : prng_below(&prng, packed.length);
            text_add_bytes(&altered, packed.data, length);
            for (size_t k = prng_below(&prng, 3); altered.length && k-- > 0;)
                altered.data[prng_below(&prng, altered.length)] = (char)prng_next(&prng);
            assert_one_form(&altered);
        }
        record_deinit(&record);
    }
}

/* By hand, as docs/protocol.md tells it: tags are the number twice, and one for bytes. */
static void assert_blame(const struct table *table, const char *bytes, size_t length,
                         const char *words) {
    auto_clean(memory_clean) char *back = memory_new(1, table->size);
    auto_clean(clean_text) struct text text = {0};
    struct codec_fault fault = {0};
    text_add_bytes(&text, bytes, length);
    int result = unpack(table, &text, FIELD_WIRE, back, &fault);
    record_clear(table, back);
    if (words ? result != -EINVAL || !strstr(fault.text, words) : result)
        fail_msg("%s: %d %s %s", words ? words : "good", result, fault.field, fault.text);
}

#define blame(table, bytes, words) assert_blame(table, bytes, sizeof(bytes) - 1, words)

static void each_way_to_say_it_otherwise_is_refused(void **state) {
    (void)state;
    blame(&size_table, "\x02\x01\x04\x02\x06\x03", NULL); /* 1 cpu, 2 MiB, 3 GiB */
    blame(&size_table, "\x02\x01\x04\x02", "is missing");
    blame(&size_table, "\x04\x02\x02\x01\x06\x03", "no packed record"); /* not rising */
    blame(&size_table, "\x02\x01\x02\x01\x04\x02\x06\x03", "no packed record"); /* twice */
    blame(&size_table, "\x02\x81\x00\x04\x02\x06\x03", "no packed record"); /* longer than it is */
    blame(&size_table, "\x02\x00\x04\x02\x06\x03", "whole number from 1"); /* zero is left out */
    blame(&size_table, "\x03\x01\x01\x04\x02\x06\x03", "another kind");
    blame(&size_table, "\x02\x01\x04\x02\x06", "no packed record"); /* cut */
    blame(&size_table, "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x04\x02\x06\x03",
          "no packed record"); /* more than 64 bits */
    blame(&size_table, "\x02\x01\x04\x02\x06\x03\xc8\x01\x05\xcb\x01\x02hi", NULL); /* unknown */
    blame(&size_table, "\x02\x01\x04\x02\x06\x03\xcb\x01\x03hi", "no packed record");
    blame(&network_table, "", "is missing");
    blame(&landing_table, "\x02\x01\x05\x02q\x00", "control characters"); /* a zero in a text */
    blame(&capacity_table, "\x0f\x00", "empty"); /* a list without entries is left out */
    blame(&capacity_table, "\x0f\x02\x02x", "known entries"); /* an entry that is cut */
    blame(&frame_table, "\x02\x01\x06\x01\x0d\x02\x7f\x00", NULL); /* unknown kind: stands alone */
    blame(&frame_table, "\x02\x01\x06\x01\x0d\x02\x7f\x01", "known entries"); /* and is cut */
}

static void assert_numbers_rise(const struct table *table) {
    for (size_t i = 0, last = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (field->number && field->number <= last)
            fail_msg("%s: %s stands behind a higher number", table->name, field->name);
        last = field->number ? field->number : last;
    }
}

/* Who unpacks looks only forward. */
static void numbers_rise_in_each_table(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++)
        assert_numbers_rise(table);
    for (size_t t = 0; t < stored_tables_count; t++)
        assert_numbers_rise(stored_tables[t]);
}

static void both_forms_are_read_by_their_first_byte(void **state) {
    (void)state;
    static const char json[] = "{\"cpus\":1,\"memory_mib\":2,\"disk_gib\":3}";
    static const char packed[] = "\x02\x01\x04\x02\x06\x03";
    struct size by_json, by_packed;
    struct codec_fault fault;
    const struct codec_input inputs[] = {{json, sizeof(json) - 1, FIELD_WIRE, 0},
                                         {packed, sizeof(packed) - 1, FIELD_WIRE, 0}};
    assert_int_equal(codec_read(&size_table, &inputs[0], &by_json, &fault), 0);
    assert_int_equal(codec_read(&size_table, &inputs[1], &by_packed, &fault), 0);
    assert_true(record_equal(&size_table, &by_json, &by_packed));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_comes_back_the_same),
        cmocka_unit_test(a_frame_that_is_cut_or_altered_is_refused_or_another),
        cmocka_unit_test(each_way_to_say_it_otherwise_is_refused),
        cmocka_unit_test(numbers_rise_in_each_table),
        cmocka_unit_test(both_forms_are_read_by_their_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
