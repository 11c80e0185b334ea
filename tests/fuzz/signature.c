/* Signatures of images, as an image server that nobody trusts sends them: nobody but the key, which
 * was thrown away, can say more than what it once signed. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/keys/minisign.h"

static const char key[] = "RWTgK4eNnB1Ikb5THFk3aoY26YgpdPus27/DKy9UJUnbsWiiOJC92OhO";
static const char said[] =
    "image=debian sequence=1796000000000 "
    "sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    auto_clean(text_deinit) struct text lines = {0};
    struct minisign_keys keys, none;
    struct error err = {0};
    if (minisign_read_keys(key, &keys, &err))
        abort();
    text_add_bytes(&lines, (const char *)bytes, size);
    if (minisign_read_keys(text_data(&lines), &none, &err) && !err.text[0])
        abort();
    for (const char *at = text_data(&lines); *at;) {
        const char *before = at;
        auto_clean(text_deinit) struct text comment = {0};
        if (minisign_vouches(&at, &keys, &comment) && !text_equal(text_data(&comment), said))
            abort();
        if (at <= before || at > text_data(&lines) + size)
            abort();
    }
    return 0;
}
