/* How a pair comes of a token, or of a file's line. */
#include "io/keys/curve_key.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "io/keys/seal.h"

static const char purpose[] = "isthmus account 1"; /* with its zero */

static_assert(crypto_scalarmult_BYTES == curve_key_bytes &&
              crypto_generichash_BYTES == curve_key_bytes, "one size of keys");

static void add_public(struct curve_pair *pair) {
    crypto_scalarmult_base(pair->public_key, pair->secret_key);
}

void curve_pair_of_account(const char *address, const char *token, struct curve_pair *out) {
    crypto_generichash_state state;
    if (sodium_init() < 0)
        abort();
    crypto_generichash_init(&state, NULL, 0, curve_key_bytes);
    crypto_generichash_update(&state, (const unsigned char *)purpose, sizeof(purpose));
    crypto_generichash_update(&state, (const unsigned char *)address, strlen(address) + 1);
    crypto_generichash_update(&state, (const unsigned char *)token, strlen(token));
    crypto_generichash_final(&state, out->secret_key, curve_key_bytes);
    sodium_memzero(&state, sizeof(state));
    add_public(out);
}

void curve_pair_of_file(const char *line, struct curve_pair *out) {
    (void)seal_read_secret(line, out->secret_key);
    add_public(out);
}

int curve_public_read(const char *text, unsigned char out[curve_key_bytes], struct error *err) {
    return seal_read_public(text, out)
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not a relay's public key; give the 43 "
                           "characters that isthmus-relay --check prints there", text ? text : "");
}

void curve_key_print(const unsigned char key[curve_key_bytes],
                     char out[2 * curve_key_bytes + 1]) {
    sodium_bin2hex(out, 2 * curve_key_bytes + 1, key, curve_key_bytes);
}

void curve_pair_erase(struct curve_pair *pair) { sodium_memzero(pair, sizeof(*pair)); }
