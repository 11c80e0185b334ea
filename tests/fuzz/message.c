/* One message alone, of each kind alike: the first byte chooses it, and the frame around it is
 * right. */
#include "base/text.h"
#include "fuzz.h"
#include "message/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!size)
        return 0;
    auto_clean(text_deinit) struct text json = {0};
    text_addf(&json, "{\"from\":1,\"to\":2,\"sequence\":3,\"received\":4,\"messages\":[{\"%s\":",
              message_table((uint8_t)(bytes[0] - '0') % MESSAGE_KIND_COUNT)->name);
    text_add_bytes(&json, (const char *)bytes + 1, size - 1);
    text_add(&json, "}]}");
    fuzz_frame(text_data(&json), json.length);
    return 0;
}
