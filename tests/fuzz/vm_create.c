/* Bodies of POST /v1/vms, as they come from a tenant. */
#include "fuzz.h"
#include "message/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const struct codec_input input = {(const char *)bytes, size, FIELD_API,
                                      CODEC_REFUSE_UNKNOWN};
    fuzz_decode(&vm_create_table, &input);
    return 0;
}
