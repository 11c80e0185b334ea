/* Frames, as they come from an application server that nobody trusts. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_frame((const char *)bytes, size);
    return 0;
}
