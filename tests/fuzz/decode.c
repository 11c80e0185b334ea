#include <assert.h>

#include "base/memory.h"
#include "fuzz.h"

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

void fuzz_decode(const struct table *table, const struct codec_input *input) {
    struct codec_fault fault = {0};
    auto_clean(memory_clean) void *data = memory_new(1, table->size);
    if (codec_decode(table, input, data, &fault))
        check_refused(table, data, &fault);
    else
        check_taken(table, input, data);
    record_clear(table, data);
}
