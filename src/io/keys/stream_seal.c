/* Where a piece ends, and that it is the next one. */
#include "io/keys/stream_seal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/keys/secret.h"

enum {
    key_bytes = crypto_kx_PUBLICKEYBYTES,
    header_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    more_bytes = crypto_secretstream_xchacha20poly1305_ABYTES,
    length_bytes = 2,
};

static_assert(crypto_kx_SEEDBYTES == key_bytes && stream_piece + more_bytes <= UINT16_MAX &&
                  stream_seal_adds == length_bytes + more_bytes,
              "a secret is a seed, and a piece's length has two bytes");

struct stream_seal {
    crypto_secretstream_xchacha20poly1305_state says, hears;
    unsigned char header[header_bytes];
    bool has_said, has_heard; /* the header */
    unsigned char hears_key[crypto_kx_SESSIONKEYBYTES]; /* until then */
    unsigned char held[length_bytes + stream_piece + more_bytes]; /* a piece that is not whole */
    size_t held_length;
    bool is_broken;
};

static bool read_key(const char *text, unsigned char out[key_bytes]) {
    struct text bytes = {0};
    bool is_one = secret_decode(text, strlen(text), &bytes) == 0 && bytes.length == key_bytes;
    if (is_one)
        memcpy(out, bytes.data, key_bytes);
    if (bytes.data)
        secret_erase(bytes.data, bytes.length);
    text_deinit(&bytes);
    return is_one;
}

static void write_key(const unsigned char key[key_bytes], char *out, size_t size) {
    struct text text = {0};
    secret_encode(key, key_bytes, &text);
    text_set_sized(out, size, text_data(&text));
    secret_erase(text.data, text.length);
    text_deinit(&text);
}

void stream_secret_draw(struct stream_secret *out) {
    unsigned char seed[key_bytes], public_key[key_bytes], secret_key[key_bytes];
    if (sodium_init() < 0)
        abort();
    secret_random(seed, sizeof(seed));
    (void)crypto_kx_seed_keypair(public_key, secret_key, seed);
    write_key(seed, out->secret, sizeof(out->secret));
    write_key(public_key, out->key, sizeof(out->key));
    secret_erase(seed, sizeof(seed));
    secret_erase(secret_key, sizeof(secret_key));
}

struct stream_seal *stream_seal_new(enum stream_seat seat, const char *secret,
                                    const char *other_key) {
    unsigned char seed[key_bytes], own[key_bytes], own_secret[key_bytes], other[key_bytes];
    unsigned char says[crypto_kx_SESSIONKEYBYTES];
    if (sodium_init() < 0)
        abort();
    if (!read_key(secret, seed) || !read_key(other_key, other))
        return NULL;
    struct stream_seal *seal = memory_new(1, sizeof(*seal));
    (void)crypto_kx_seed_keypair(own, own_secret, seed);
    int failed = seat == STREAM_AT_VM
                     ? crypto_kx_server_session_keys(seal->hears_key, says, own, own_secret, other)
                     : crypto_kx_client_session_keys(seal->hears_key, says, own, own_secret, other);
    if (!failed)
        (void)crypto_secretstream_xchacha20poly1305_init_push(&seal->says, seal->header, says);
    secret_erase(seed, sizeof(seed));
    secret_erase(own_secret, sizeof(own_secret));
    secret_erase(says, sizeof(says));
    if (!failed)
        return seal;
    stream_seal_free(seal);
    return NULL;
}

void stream_seal_free(struct stream_seal *seal) {
    if (seal)
        secret_erase(seal, sizeof(*seal));
    memory_free(seal);
}

void stream_seal_close(struct stream_seal *seal, const void *bytes, size_t length,
                       struct text *out) {
    unsigned char piece[length_bytes + stream_piece + more_bytes];
    size_t sealed = length + more_bytes;
    assert(length <= stream_piece);
    if (!seal->has_said)
        text_add_bytes(out, (const char *)seal->header, header_bytes);
    seal->has_said = true;
    piece[0] = (unsigned char)(sealed >> 8);
    piece[1] = (unsigned char)sealed;
    (void)crypto_secretstream_xchacha20poly1305_push(&seal->says, piece + length_bytes, NULL,
                                                     bytes, length, NULL, 0, 0);
    text_add_bytes(out, (const char *)piece, length_bytes + sealed);
}

/* How many bytes are wanted until something whole is held; 0: there is none that long. */
static size_t wanted(const struct stream_seal *seal) {
    if (!seal->has_heard)
        return header_bytes;
    if (seal->held_length < length_bytes)
        return length_bytes;
    size_t sealed = (size_t)seal->held[0] << 8 | seal->held[1];
    return sealed < more_bytes || sealed > stream_piece + more_bytes ? 0 : length_bytes + sealed;
}

/* What is held is whole. False: it is not what was sealed. */
static bool take_held(struct stream_seal *seal, struct text *out) {
    unsigned char piece[stream_piece];
    unsigned long long length = 0;
    if (!seal->has_heard) {
        seal->has_heard = true;
        seal->held_length = 0;
        return crypto_secretstream_xchacha20poly1305_init_pull(&seal->hears, seal->held,
                                                               seal->hears_key) == 0;
    }
    bool is_right = crypto_secretstream_xchacha20poly1305_pull(
                        &seal->hears, piece, &length, NULL, seal->held + length_bytes,
                        seal->held_length - length_bytes, NULL, 0) == 0;
    if (is_right)
        text_add_bytes(out, (const char *)piece, (size_t)length);
    seal->held_length = 0;
    return is_right;
}

int stream_seal_open(struct stream_seal *seal, const void *bytes, size_t length,
                     struct text *out) {
    const unsigned char *next = bytes;
    while (length && !seal->is_broken) {
        size_t whole = wanted(seal);
        size_t lacks = whole > seal->held_length ? whole - seal->held_length : 0;
        size_t taken = lacks < length ? lacks : length;
        memcpy(seal->held + seal->held_length, next, taken);
        seal->held_length += taken;
        next += taken;
        length -= taken;
        bool is_length = seal->has_heard && seal->held_length == length_bytes;
        if (!whole || (is_length && !wanted(seal)))
            seal->is_broken = true;
        else if (seal->held_length == wanted(seal))
            seal->is_broken = !take_held(seal, out);
    }
    return seal->is_broken ? -EBADMSG : 0;
}
