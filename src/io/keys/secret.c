/* Nettle's SHA-256, which uses what processors have for it; libsodium's SHA-512, BLAKE2b, random
 * bytes and base64url: as the rest of the tree wants them. */
#include "io/keys/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"

static_assert(sizeof(struct sha256_ctx) <= sizeof(struct secret_hash), "hash state fits");
static_assert(SHA256_DIGEST_SIZE * 2 + 1 == limit_digest_size, "digest size");

static struct sha256_ctx *state_of(struct secret_hash *hash) {
    return (struct sha256_ctx *)(void *)hash->state;
}

/* Picks the fastest implementations; safe from any thread, any number of times. */
static void sodium_ready(void) {
    if (sodium_init() < 0)
        abort();
}

void secret_hash_begin(struct secret_hash *hash) {
    sha256_init(state_of(hash));
}

void secret_hash_add(struct secret_hash *hash, const void *bytes, size_t length) {
    sha256_update(state_of(hash), length, bytes);
}

void secret_hash_end(struct secret_hash *hash, char out_digest[limit_digest_size]) {
    unsigned char bytes[SHA256_DIGEST_SIZE];
    sha256_digest(state_of(hash), sizeof(bytes), bytes);
    sodium_bin2hex(out_digest, limit_digest_size, bytes, sizeof(bytes));
}

void secret_hash_bytes(const void *bytes, size_t length, char out_digest[limit_digest_size]) {
    struct secret_hash hash;
    secret_hash_begin(&hash);
    secret_hash_add(&hash, bytes, length);
    secret_hash_end(&hash, out_digest);
}

int secret_hash_file(const char *path, char out_digest[limit_digest_size], struct error *err) {
    static const size_t piece_bytes = 1 << 18;
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "open %s: %s", path, strerror(errno));
    auto_clean(memory_clean) unsigned char *piece = memory_new(1, piece_bytes);
    struct secret_hash hash;
    secret_hash_begin(&hash);
    for (;;) {
        ssize_t length = read(fd, piece, piece_bytes);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set(err, -errno, "read %s: %s", path, strerror(errno));
        if (length == 0)
            break;
        secret_hash_add(&hash, piece, (size_t)length);
    }
    secret_hash_end(&hash, out_digest);
    return 0;
}

static_assert(sizeof(crypto_hash_sha512_state) <= sizeof(struct secret_long_hash), "state fits");

void secret_long_begin(struct secret_long_hash *hash) {
    sodium_ready();
    crypto_hash_sha512_init((crypto_hash_sha512_state *)(void *)hash->state);
}

void secret_long_add(struct secret_long_hash *hash, const void *bytes, size_t length) {
    crypto_hash_sha512_update((crypto_hash_sha512_state *)(void *)hash->state, bytes, length);
}

void secret_long_end(struct secret_long_hash *hash, char out_digest[secret_long_digest_size]) {
    unsigned char bytes[crypto_hash_sha512_BYTES];
    crypto_hash_sha512_final((crypto_hash_sha512_state *)(void *)hash->state, bytes);
    sodium_bin2hex(out_digest, secret_long_digest_size, bytes, sizeof(bytes));
}

void secret_keyed_hash(const unsigned char key[32], const void *bytes, size_t length,
                       unsigned char out_digest[32]) {
    sodium_ready();
    if (crypto_generichash(out_digest, 32, bytes, length, key, 32) != 0)
        abort(); /* sizes that the library does not take: they are constants */
}

void secret_sign(const void *key, size_t key_length, const struct text *text,
                 unsigned char out_signature[32]) {
    crypto_auth_hmacsha256_state state;
    sodium_ready();
    crypto_auth_hmacsha256_init(&state, key, key_length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text_data(text), text->length);
    crypto_auth_hmacsha256_final(&state, out_signature);
}

void secret_random(void *out_bytes, size_t length) {
    sodium_ready();
    randombytes_buf(out_bytes, length);
}

void secret_erase(void *bytes, size_t length) { sodium_memzero(bytes, length); }

void secret_encode(const void *bytes, size_t length, struct text *out) {
    size_t size = sodium_base64_encoded_len(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    auto_clean(memory_clean) char *encoded = memory_new(1, size);
    sodium_bin2base64(encoded, size, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    text_add(out, encoded);
}

int secret_decode(const char *encoded, size_t length, struct text *out) {
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, length + 1);
    size_t count = 0;
    if (sodium_base642bin(bytes, length, encoded, length, NULL, &count, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING))
        return -EINVAL;
    text_add_bytes(out, (const char *)bytes, count);
    return 0;
}

void secret_token(char out_token[secret_token_size]) {
    unsigned char bytes[32];
    do {
        secret_random(bytes, sizeof(bytes));
        sodium_bin2base64(out_token, secret_token_size, bytes, sizeof(bytes),
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    } while (*out_token == '-');
    sodium_memzero(bytes, sizeof(bytes));
}
