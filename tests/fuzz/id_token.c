/* ID tokens, as a provider sends them that nobody trusts before its keys have: nobody but those,
 * which were thrown away, can name anybody else than the one whom they once named. */
#include <stdlib.h>

#include "base/text.h"
#include "fuzz.h"
#include "id_token_keys.h"
#include "io/keys/id_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    auto_clean(text_deinit) struct text token = {0}, set = {0};
    char identity[limit_identity_size];
    struct error err = {0};
    struct id_token_wish wish = {.issuer = "https://login.example", .client = "isthmus",
                                 .nonce = "once", .keys = keys, .now_s = 1796000100};
    text_add_bytes(&token, (const char *)bytes, size);
    int result = id_token_read(text_data(&token), &wish, identity, &err);
    if (result == 0 ? !text_equal(identity, "alice-7f3a") : !err.text[0])
        abort();
    text_add_bytes(&set, (const char *)bytes, size); /* and where the keys are anything */
    wish.keys = text_data(&set);
    result = id_token_read(signed_token, &wish, identity, &err);
    if (result == 0 ? !text_equal(identity, "alice-7f3a") : !err.text[0])
        abort();
    return 0;
}
