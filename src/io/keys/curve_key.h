/* X25519 key pairs by which the two ends of a connection prove themselves where there is no TLS:
 * a relay's, whose public half its users have pinned, and an account's, which both ends make of
 * the account's token, so that nobody has to hand over another secret.
 *
 *   secret = BLAKE2b-256("isthmus account 1" 0 address 0 token) */
#pragma once

#include "base/error.h"

enum { curve_key_bytes = 32 };

struct curve_pair {
    unsigned char public_key[curve_key_bytes], secret_key[curve_key_bytes];
};

void curve_pair_of_account(const char *address, const char *token, struct curve_pair *out);

/* `line` is of a key file (seal.h). */
void curve_pair_of_file(const char *line, struct curve_pair *out);

/* A public key, as a key file's public half is printed. -EINVAL with `err`: it is none. */
int curve_public_read(const char *text, unsigned char out[curve_key_bytes], struct error *err);

/* In hex, terminated. */
void curve_key_print(const unsigned char key[curve_key_bytes], char out[2 * curve_key_bytes + 1]);

void curve_pair_erase(struct curve_pair *pair);
