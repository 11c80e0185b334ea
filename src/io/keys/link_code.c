/* What is sealed is the token alone; the answer has its length, which all tokens share. */
#include "io/keys/link_code.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "io/keys/seal.h"

static_assert(crypto_box_SECRETKEYBYTES == link_code_key_bytes &&
              crypto_box_PUBLICKEYBYTES == seal_key_bytes, "one size of keys");

enum { variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

void link_code_draw(struct link_code *out) {
    unsigned char public_key[crypto_box_PUBLICKEYBYTES];
    if (sodium_init() < 0)
        abort();
    do {
        crypto_box_keypair(public_key, out->secret_key);
        sodium_bin2base64(out->code, sizeof(out->code), public_key, sizeof(public_key), variant);
    } while (out->code[0] == '-'); /* no command is to take it for an option */
}

void link_code_erase(struct link_code *code) { sodium_memzero(code, sizeof(*code)); }

int link_code_check(const char *code, struct error *err) {
    unsigned char public_key[seal_key_bytes];
    if (seal_read_public(code, public_key))
        return 0;
    return error_set(err, -EINVAL, "\"%.64s\" is no code to link a chat by; write 'link' to the "
                     "program in the chat, and give what it answers", code);
}

void link_code_answer(const char *code, const char *token, struct text *out) {
    unsigned char public_key[seal_key_bytes];
    unsigned char sealed[crypto_box_SEALBYTES + limit_digest_size];
    char encoded[link_code_answer_size];
    size_t length = strlen(token);
    assert(length < limit_digest_size);
    if (sodium_init() < 0 || !seal_read_public(code, public_key))
        abort();
    do {
        if (crypto_box_seal(sealed, (const unsigned char *)token, length, public_key))
            abort(); /* a public key that link_code_check takes is one */
        sodium_bin2base64(encoded, sizeof(encoded), sealed, crypto_box_SEALBYTES + length,
                          variant);
    } while (encoded[0] == '-');
    text_add(out, encoded);
}

/* Of what bearer tokens are made (RFC 6750, 2.1). */
static bool is_token(const char *text) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
    return *text && !text[strspn(text, letters)];
}

bool link_code_open(const struct link_code *code, const char *answer,
                    char out_token[limit_digest_size]) {
    unsigned char sealed[link_code_answer_size], public_key[crypto_box_PUBLICKEYBYTES];
    size_t length = 0;
    out_token[0] = 0;
    if (sodium_base642bin(sealed, sizeof(sealed), answer, strlen(answer), NULL, &length, NULL,
                          variant) ||
        length <= crypto_box_SEALBYTES || length - crypto_box_SEALBYTES >= limit_digest_size ||
        !seal_read_public(code->code, public_key) ||
        crypto_box_seal_open((unsigned char *)out_token, sealed, length, public_key,
                             code->secret_key)) {
        out_token[0] = 0;
        return false;
    }
    out_token[length - crypto_box_SEALBYTES] = 0;
    if (is_token(out_token))
        return true;
    sodium_memzero(out_token, limit_digest_size);
    return false;
}
