/* An OpenID provider, and we as its relying party: by the code flow with PKCE, and nothing but who
 * somebody is (OpenID Connect Core 1.0, 3.1; Discovery 1.0; RFC 7636). What it publishes is kept
 * for an hour. Each call may block for half a minute: of one thread. */
#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "base/text.h"
#include "io/keys/id_token.h"

struct provider_settings {
    const char *issuer; /* https://…; who it is, and where that is published */
    const char *client; /* who we are to it */
    const char *secret; /* that it gave us; NULL: it gave none */
    const char *url;    /* where browsers find us, https://… */
    const char *ca_file; /* PEM; NULL: the system's */
    enum id_claim claim;
    const atomic_bool *cancel; /* once true, a call ends within two seconds */
};

/* What one login is told apart by; base64url of 256 bits each. */
enum { provider_word_size = 44 };
struct provider_attempt {
    char state[provider_word_size];
    char nonce[provider_word_size];
    char verifier[provider_word_size];
    const char *code; /* that the browser came back with; NULL before */
};

struct provider;
struct provider *provider_new(const struct provider_settings *settings);
void provider_free(struct provider *provider);

/* Where the browser goes to log in. 0, or negative with `err`. */
int provider_address(struct provider *provider, const struct provider_attempt *attempt,
                     struct text *out_url, struct error *err);

/* Who has logged in, by the code. 0, or negative with `err`. */
int provider_identify(struct provider *provider, const struct provider_attempt *attempt,
                      char out_identity[limit_identity_size], struct error *err);
