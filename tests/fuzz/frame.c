/* Frames, as they come from an application server that nobody trusts. */
#include "fuzz.h"
#include "message/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const struct codec_input input = {(const char *)bytes, size, FIELD_WIRE,
                                      CODEC_IGNORE_UNKNOWN}; /* as frame_decode does */
    struct frame frame;
    struct codec_fault fault;
    fuzz_decode(&frame_table, &input);
    if (frame_decode(input.json, size, &frame, &fault) == 0)
        frame_clear(&frame);
    return 0;
}
