/* ID tokens of an OpenID provider (cjose): who somebody is, in the provider's own words, signed by
 * it. Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 7515, 7517.
 *
 * Signed by RSA or on a NIST curve alone: by no shared secret, and never by nothing. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "message/limits.h"

enum { id_token_most = 16384, id_token_keys_most = 262144 }; /* bytes */

/* Which of the provider's words stands for a person. */
enum id_claim {
    ID_CLAIM_SUB,   /* the id that it never gives to another */
    ID_CLAIM_EMAIL, /* the mail address, if the provider says that it has verified it */
    ID_CLAIM_COUNT,
};
extern const char *const id_claim_names[ID_CLAIM_COUNT];

/* What a token has to say to be taken. */
struct id_token_wish {
    const char *issuer, *client; /* who made it, for whom */
    const char *nonce;           /* of the attempt that it answers */
    enum id_claim claim;
    const char *keys;            /* the provider's, a JWKS */
    uint64_t now_s;              /* wall clock; the provider's may differ by a minute */
};

/* Reads who it is. 0; -ENOKEY with `err`: none of the keys is the
 * one that it names, so newer ones may help; else negative with `err`: it is not taken. */
int id_token_read(const char *token, const struct id_token_wish *wish,
                  char out_identity[limit_identity_size], struct error *err);
