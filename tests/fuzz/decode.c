#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "message/codec/pack.h"
#include "message/codec/unpack.h"
#include "message/protocol.h"

static void check_refused(const struct table *table, const void *data,
                          const struct codec_fault *fault) {
    const unsigned char *bytes = data;
    assert(*fault->text);
    for (size_t i = 0; i < table->size; i++)
        assert(!bytes[i]);
}

static void check_taken(const struct table *table, const struct codec_input *input, void *data) {
    struct codec_fault fault;
    struct text json = {0};
    auto_clean(memory_clean) void *again = memory_new(1, table->size);
    assert(codec_check(table, data, &fault) == 0);
    codec_encode(table, data, input->face, &json);
    const struct codec_input own = {text_data(&json), json.length, input->face,
                                    CODEC_REFUSE_UNKNOWN};
    assert(codec_decode(table, &own, again, &fault) == 0);
    assert(record_equal(table, data, again));
    record_clear(table, again);
    text_deinit(&json);
}

/* The packed form says the same, and there is one of it. */
static void check_packed(const struct table *table, const struct codec_input *input, void *data) {
    struct codec_fault fault;
    struct text packed = {0}, again = {0};
    auto_clean(memory_clean) void *back = memory_new(1, table->size);
    codec_pack(table, data, input->face, &packed);
    const struct codec_input own = {text_data(&packed), packed.length, input->face, 0};
    assert(codec_unpack(table, &own, back, &fault) == 0);
    assert(record_equal(table, data, back));
    codec_pack(table, back, input->face, &again);
    assert(again.length == packed.length &&
           !memcmp(text_data(&again), text_data(&packed), packed.length));
    record_clear(table, back);
    text_deinit(&packed);
    text_deinit(&again);
}

void fuzz_unpack(const struct table *table, const struct codec_input *input) {
    struct codec_fault fault = {0};
    auto_clean(memory_clean) void *data = memory_new(1, table->size);
    if (codec_unpack(table, input, data, &fault)) {
        check_refused(table, data, &fault);
    } else {
        assert(codec_check(table, data, &fault) == 0);
        check_packed(table, input, data);
    }
    record_clear(table, data);
}

void fuzz_decode(const struct table *table, const struct codec_input *input) {
    struct codec_fault fault = {0};
    auto_clean(memory_clean) void *data = memory_new(1, table->size);
    if (codec_decode(table, input, data, &fault))
        check_refused(table, data, &fault);
    else
        check_taken(table, input, data);
    record_clear(table, data);
}

/* What can be read comes back the same; what cannot has a reason, and takes nothing along. */
static void check_message(struct message *message) {
    struct text json = {0};
    struct codec_fault fault = {0};
    assert(message_check(message, &fault) == 0);
    if (message->kind == MESSAGE_UNREADABLE) {
        assert(*message->unreadable.text);
        return;
    }
    const struct table *table = message_table(message->kind);
    codec_encode(table, &message->welcome, FIELD_WIRE, &json);
    const struct codec_input input = {text_data(&json), json.length, FIELD_WIRE,
                                      CODEC_REFUSE_UNKNOWN};
    fuzz_decode(table, &input);
    check_packed(table, &input, &message->welcome);
    text_deinit(&json);
}

void fuzz_frame(const char *bytes, size_t length) {
    struct codec_fault fault = {0};
    struct frame frame;
    if (frame_decode(bytes, length, &frame, &fault)) {
        check_refused(&frame_table, &frame, &fault);
        return;
    }
    for (uint32_t i = 0; i < frame.messages_count; i++)
        check_message(&frame.messages[i]);
    frame_clear(&frame);
}
