/* Secrets and digests (libsodium): SHA-256, SHA-512, BLAKE2b, random bytes, bearer tokens.
 *
 * A token is shown once to whoever gets it; daemons keep and compare only its digest. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "message/limits.h"

enum { secret_token_size = 44 }; /* 43 characters of base64url (256 random bits), terminated */

/* A hash under way; opaque. */
struct secret_hash {
    uint64_t state[16];
};

void secret_hash_begin(struct secret_hash *hash);
void secret_hash_add(struct secret_hash *hash, const void *bytes, size_t length);

/* SHA-256 in lower-case hex, terminated. */
void secret_hash_end(struct secret_hash *hash, char out_digest[limit_digest_size]);
void secret_hash_bytes(const void *bytes, size_t length, char out_digest[limit_digest_size]);

/* The digest of a file's content. 0, or negative with `err`. */
int secret_hash_file(const char *path, char out_digest[limit_digest_size], struct error *err);

/* SHA-512, for lists of digests that others keep. */
enum { secret_long_digest_size = 129 };
struct secret_long_hash {
    uint64_t state[27];
};
void secret_long_begin(struct secret_long_hash *hash);
void secret_long_add(struct secret_long_hash *hash, const void *bytes, size_t length);
void secret_long_end(struct secret_long_hash *hash, char out_digest[secret_long_digest_size]);

/* BLAKE2b of 32 bytes by a key of 32 bytes. */
void secret_keyed_hash(const unsigned char key[32], const void *bytes, size_t length,
                       unsigned char out_digest[32]);

/* Random bytes of the operating system, fit for keys. */
/* HMAC-SHA256 of the text. */
void secret_sign(const void *key, size_t key_length, const struct text *text,
                 unsigned char out_signature[32]);

void secret_random(void *out_bytes, size_t length);

/* Overwrites what held a secret, in a way that is not optimised away. */
void secret_erase(void *bytes, size_t length);

/* base64url without padding, added to `out`; -EINVAL: it is none. */
void secret_encode(const void *bytes, size_t length, struct text *out);
int secret_decode(const char *encoded, size_t length, struct text *out);

/* A new bearer token; it begins with no dash, so that no command takes it for an option. */
void secret_token(char out_token[secret_token_size]);
