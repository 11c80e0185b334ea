/* Frames: each message of a batch or word that it cannot be read, no matter what comes in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message/protocol.h"
#include "tables.h"

static void clean_text(struct text *text) { text_deinit(text); }

static uint64_t next(void *prng) { return prng_next(prng); }

static int decode(const char *json, struct frame *out_frame, struct codec_fault *fault) {
    *fault = (struct codec_fault){0};
    return frame_decode(json, strlen(json), out_frame, fault);
}

static void messages_of_every_kind_come_back_in_order(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t round = 0; round < 100; round++) {
        struct message sent[MESSAGE_UNREADABLE];
        auto_clean(clean_text) struct text batch = {0};
        auto_clean(clean_text) struct text json = {0};
        const struct frame_header header = {1 + prng_below(&prng, session_number_most),
                                            prng_below(&prng, session_number_most), round + 1,
                                            prng_below(&prng, session_number_most),
                                            round % 2 == 0};
        for (size_t i = 0; i < MESSAGE_UNREADABLE; i++) {
            sent[i] = (struct message){.kind = (enum message_kind)i};
            codec_random(message_table(sent[i].kind), next, &prng, &sent[i].welcome);
            text_add(&batch, i ? "," : "");
            message_encode(&sent[i], FRAME_JSON, &batch);
        }
        frame_encode(&header, FRAME_JSON, &batch, &json);
        struct frame frame;
        struct codec_fault fault;
        if (decode(text_data(&json), &frame, &fault))
            fail_msg("%s %s: %s", fault.field, fault.text, text_data(&json));
        assert_int_equal(frame.header.from, header.from);
        assert_int_equal(frame.header.to, header.to);
        assert_int_equal(frame.header.sequence, header.sequence);
        assert_int_equal(frame.header.received, header.received);
        assert_int_equal(frame.header.gap, header.gap);
        assert_int_equal(frame.messages_count, MESSAGE_UNREADABLE);
        for (size_t i = 0; i < MESSAGE_UNREADABLE; i++) {
            struct message copy;
            assert_int_equal(frame.messages[i].kind, sent[i].kind);
            message_clone(&sent[i], &copy);
            message_clear(&sent[i]);
            assert_true(record_equal(message_table(copy.kind), &frame.messages[i].welcome,
                                     &copy.welcome));
            message_clear(&copy);
        }
        frame_clear(&frame);
        assert_null(frame.messages);
    }
}

#define head "{\"from\":1,\"to\":0,\"sequence\":1,\"received\":0,\"messages\":"
#define an_id "op-01jd2q0c5v7k8m9n0p1q2r3s4t"

/* One that the sender's version knows and ours does not must not hold up what is said beside it. */
static void a_message_that_cannot_be_read_takes_no_other_along(void **state) {
    (void)state;
    static const struct {
        const char *message, *field;
    } bad[] = {
        {"{\"sing\":{}}", ""},
        {"{\"unreadable\":{\"field\":\"a\",\"text\":\"b\"}}", ""},
        {"{}", ""},
        {"{\"sync\":{},\"beat\":{}}", ""},
        {"\"sync\"", ""},
        {"7", ""},
        {"null", ""},
        {"{\"sync\":7}", "sync"},
        {"{\"sync\":null}", "sync"},
        {"{\"settled\":{}}", "settled.op"},
        {"{\"settled\":{\"op\":\"x\"}}", "settled.op"},
        {"{\"capacity\":{\"fits\":[{\"shape\":\"a\"},{\"shape\":\"A\"}]}}",
         "capacity.fits.shape"},
        {"{\"capacity\":{\"cpus_total\":-1}}", "capacity.cpus_total"},
        {"{\"instruct\":{\"op\":\"" an_id "\",\"vm\":\"" an_id "\",\"epoch\":1,"
         "\"generation\":1,\"verb\":\"define\",\"within_ms\":1,\"definition\":{\"name\":"
         "\"a\",\"size\":{\"cpus\":1025}}}}", "instruct.definition.size.cpus"},
    };
    for (size_t i = 0; i < array_size(bad); i++) {
        struct frame frame;
        struct codec_fault fault;
        auto_clean(clean_text) struct text json = {0};
        text_addf(&json, "%s[{\"beat\":{}},%s,{\"settled\":{\"op\":\"%s\"}}]}", head,
                  bad[i].message, an_id);
        if (decode(text_data(&json), &frame, &fault))
            fail_msg("%s %s: %s", fault.field, fault.text, text_data(&json));
        assert_int_equal(frame.messages_count, 3);
        assert_int_equal(frame.messages[0].kind, MESSAGE_BEAT);
        assert_int_equal(frame.messages[2].kind, MESSAGE_SETTLED);
        assert_string_equal(frame.messages[2].settled.op, an_id);
        assert_int_equal(frame.messages[1].kind, MESSAGE_UNREADABLE);
        assert_string_equal(frame.messages[1].unreadable.field, bad[i].field);
        assert_true(*frame.messages[1].unreadable.text);
        frame_clear(&frame);
    }
}

static void nor_does_one_in_the_packed_form(void **state) {
    (void)state;
    static const struct {
        const char *message, *field;
        size_t length;
    } bad[] = {
        {"\x63\0", "", 2},                       /* a kind that is not known */
        {"\x04\0", "settled.op", 2},             /* settled without its operation */
        {"\x06\x02\x02\0", "capacity.cpus_total", 4}, /* told, and 0 */
    };
    for (size_t i = 0; i < array_size(bad); i++) {
        struct frame frame;
        struct codec_fault fault = {0};
        auto_clean(clean_text) struct text batch = {0};
        auto_clean(clean_text) struct text bytes = {0};
        const struct frame_header header = {.from = 1, .to = 2, .sequence = 4};
        message_encode(&(struct message){.kind = MESSAGE_BEAT}, FRAME_PACKED, &batch);
        text_add_bytes(&batch, bad[i].message, bad[i].length);
        message_encode(&(struct message){.kind = MESSAGE_SYNC}, FRAME_PACKED, &batch);
        frame_encode(&header, FRAME_PACKED, &batch, &bytes);
        if (frame_decode(text_data(&bytes), bytes.length, &frame, &fault))
            fail_msg("%zu: %s %s", i, fault.field, fault.text);
        assert_int_equal(frame.messages_count, 3);
        assert_int_equal(frame.messages[1].kind, MESSAGE_UNREADABLE);
        assert_string_equal(frame.messages[1].unreadable.field, bad[i].field);
        assert_int_equal(frame.messages[2].kind, MESSAGE_SYNC);
        frame_clear(&frame);
    }
}

static void a_frame_whose_numbers_are_wrong_is_dropped_whole(void **state) {
    (void)state;
    static const struct {
        const char *json, *field;
    } bad[] = {
        {head "{\"sync\":{}}}", "messages"},
        {"{\"to\":0,\"sequence\":1,\"messages\":[{\"sync\":{}}]}", "from"},
        {"{\"from\":0,\"to\":0,\"sequence\":1,\"messages\":[{\"sync\":{}}]}", "from"},
        {"{\"from\":9007199254740992,\"to\":0,\"sequence\":1,\"messages\":[{\"sync\":{}}]}",
         "from"},
        {"{\"from\":1,\"sequence\":1,\"messages\":[{\"sync\":{}}]}", "to"},
        {"{\"from\":1,\"to\":0,\"sequence\":0,\"messages\":[{\"sync\":{}}]}", "sequence"},
        {"{\"from\":1,\"to\":9007199254740992,\"sequence\":1,\"messages\":[{\"sync\":{}}]}",
         "to"},
        {"{\"from\":1,\"to\":0,\"sequence\":9007199254740992,\"messages\":[{\"sync\":{}}]}",
         "sequence"},
        {"{\"from\":1,\"to\":0,\"sequence\":1,\"messages\":[{\"sync\":{}}]}", "received"},
        {"{\"from\":1,\"to\":0,\"sequence\":1,\"received\":9007199254740992}", "received"},
        {"{\"from\":1,\"to\":0,\"sequence\":1,\"received\":0,\"gap\":1}", "gap"},
        {"[]", ""},
    };
    for (size_t i = 0; i < array_size(bad); i++) {
        struct frame frame;
        const struct frame zero = {0};
        struct codec_fault fault;
        memset(&frame, 0xaa, sizeof(frame));
        if (decode(bad[i].json, &frame, &fault) != -EINVAL)
            fail_msg("was taken: %s", bad[i].json);
        if (!text_equal(fault.field, bad[i].field))
            fail_msg("'%s' was blamed: %s", fault.field, bad[i].json);
        assert_memory_equal(&frame, &zero, sizeof(frame));
    }
}

static void fields_of_a_later_version_are_ignored_at_every_depth(void **state) {
    (void)state;
    struct frame frame;
    struct codec_fault fault;
    assert_int_equal(decode("{\"v\":2,\"from\":1,\"to\":0,\"sequence\":1,\"received\":0,"
                            "\"messages\":["
                            "{\"sync\":{\"why\":[]}},{\"capacity\":{\"gpus\":1,\"fits\":["
                            "{\"shape\":\"a\",\"count\":3,\"x\":1}]}}]}", &frame, &fault), 0);
    assert_int_equal(frame.messages_count, 2);
    assert_int_equal(frame.messages[1].capacity.fits[0].count, 3);
    frame_clear(&frame);
}

static void a_frame_may_hold_numbers_alone(void **state) {
    (void)state;
    auto_clean(clean_text) struct text json = {0};
    const struct frame_header header = {.from = 1, .to = 2, .sequence = 4, .received = 9};
    struct frame frame;
    struct codec_fault fault;
    frame_encode(&header, FRAME_JSON, &(struct text){0}, &json);
    assert_string_equal(text_data(&json),
                        "{\"from\":1,\"to\":2,\"sequence\":4,\"received\":9}");
    assert_int_equal(decode(text_data(&json), &frame, &fault), 0);
    assert_int_equal(frame.messages_count, 0);
    assert_int_equal(frame.header.received, 9);
    frame_clear(&frame);
}

static void a_frame_holds_at_most_its_limit_of_messages(void **state) {
    (void)state;
    auto_clean(clean_text) struct text batch = {0};
    auto_clean(clean_text) struct text json = {0};
    const struct frame_header header = {1, 1, 1, 1, false};
    struct frame frame;
    struct codec_fault fault;
    for (size_t i = 0; i < limit_frame_messages; i++)
        text_addf(&batch, "%s{\"beat\":{}}", i ? "," : "");
    frame_encode(&header, FRAME_JSON, &batch, &json);
    assert_int_equal(decode(text_data(&json), &frame, &fault), 0);
    assert_int_equal(frame.messages_count, limit_frame_messages);
    frame_clear(&frame);
    text_add(&batch, ",{\"beat\":{}}");
    text_clear(&json);
    frame_encode(&header, FRAME_JSON, &batch, &json);
    assert_int_equal(decode(text_data(&json), &frame, &fault), -EINVAL);
}

static void a_batch_of_the_largest_message_stays_within_a_frame(void **state) {
    (void)state;
    struct message message = {.kind = MESSAGE_INSTRUCT};
    struct definition *definition = &message.instruct.definition;
    auto_clean(clean_text) struct text json = {0};
    definition->user_data = memory_new(1, limit_user_data + 1);
    memset(definition->user_data, '\n', limit_user_data); /* doubled by its escape */
    memset(definition->name, 'a', sizeof(definition->name) - 1);
    memset(definition->shape, 'a', sizeof(definition->shape) - 1);
    memset(definition->image, 'a', sizeof(definition->image) - 1);
    message_encode(&message, FRAME_JSON, &json);
    assert_true(json.length + limit_frame_soft < limit_frame_hard);
    message_clear(&message);
}

static void a_piece_of_the_largest_table_stays_within_a_frame(void **state) {
    (void)state;
    struct message message = {.kind = MESSAGE_TABLE, .table.vms_count = limit_table_chunk};
    auto_clean(clean_text) struct text json = {0};
    message.table.vms = memory_new(limit_table_chunk, sizeof(*message.table.vms));
    for (uint32_t i = 0; i < limit_table_chunk; i++) {
        struct vm_report *report = &message.table.vms[i];
        struct facts *facts = &report->facts;
        *report = (struct vm_report){.epoch = UINT32_MAX, .generation = INT64_MAX};
        memset(report->vm, 'v', sizeof(report->vm) - 1);
        memset(facts->image, 'a', sizeof(facts->image) - 1);
        facts->size = (struct size){limit_cpus, limit_memory_mib, limit_disk_gib};
        facts->snapshots = memory_new(limit_snapshots, sizeof(*facts->snapshots));
        facts->snapshots_count = limit_snapshots;
        for (uint32_t k = 0; k < limit_snapshots; k++) {
            facts->snapshots[k] = (struct snapshot){.memory = true, .size = facts->size};
            memset(facts->snapshots[k].name, 'a', limit_name_size - 1);
        }
    }
    message_encode(&message, FRAME_JSON, &json);
    assert_true(json.length + limit_frame_batch < limit_frame_bytes);
    message_clear(&message);
}

/* Damages a good frame at random: taken or refused, but never half, and never a crash. */
static void damaged_frames_do_no_harm(void **state) {
    (void)state;
    struct prng prng;
    struct record record = {0};
    auto_clean(clean_text) struct text json = {0};
    size_t refused = 0;
    prng_init(&prng, 5);
    for (size_t round = 0; round < 3000; round++) {
        struct frame frame;
        struct codec_fault fault;
        if (round % 50 == 0) {
            record_deinit(&record);
            record = tables_random(&frame_table, &prng);
        }
        text_clear(&json);
        codec_encode(&frame_table, record.data, FIELD_WIRE, &json);
        for (size_t i = prng_below(&prng, 4) + 1; i; i--)
            json.data[prng_below(&prng, json.length)] = (char)prng_next(&prng);
        if (frame_decode(json.data, json.length, &frame, &fault)) {
            refused++;
            assert_null(frame.messages);
            assert_int_equal(frame.messages_count, 0);
        } else {
            assert_int_equal(codec_check(&frame_table, &frame, &fault), 0);
            frame_clear(&frame);
        }
    }
    record_deinit(&record);
    assert_true(refused > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_kind_come_back_in_order),
        cmocka_unit_test(a_message_that_cannot_be_read_takes_no_other_along),
        cmocka_unit_test(nor_does_one_in_the_packed_form),
        cmocka_unit_test(a_frame_whose_numbers_are_wrong_is_dropped_whole),
        cmocka_unit_test(fields_of_a_later_version_are_ignored_at_every_depth),
        cmocka_unit_test(a_frame_may_hold_numbers_alone),
        cmocka_unit_test(a_frame_holds_at_most_its_limit_of_messages),
        cmocka_unit_test(a_batch_of_the_largest_message_stays_within_a_frame),
        cmocka_unit_test(a_piece_of_the_largest_table_stays_within_a_frame),
        cmocka_unit_test(damaged_frames_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
