/* What lets a browser in without its having a token: a ticket, by which it logs in once, and the
 * login that comes of that. Each stands for the digest of the token that it came from, and for
 * nothing more: what may be done, and whether that token is still good, the role says at each
 * request. So what ends a token ends its logins.
 *
 * Kept in memory alone: a restart ends all of them. Knows no clock and no HTTP; the caller holds a
 * lock. Of what the browser presents, its secret, only the digest is kept. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "io/keys/secret.h"

enum {
    tickets_most = 1024,
    tickets_of_token = 8,
    ticket_life_ms = 120000,
    logins_most = 4096,
    logins_of_token = 32,
    login_life_ms = 12 * 3600000,
    login_idle_ms = 3600000,
};

struct login_rule {
    size_t most, most_of_token; /* of one token the one that rested longest gives way */
    uint64_t life_ms, idle_ms;
};
extern const struct login_rule ticket_rule, login_rule;

struct login {
    struct list node;
    char digest[limit_digest_size];     /* of its secret */
    char token_hash[limit_digest_size]; /* of the token that it stands for */
    uint64_t began_ms, used_ms;
};

/* All of one kind. */
struct logins {
    const struct login_rule *rule;
    struct map by_digest;
    struct list by_use; /* what rested longest is first */
};

void logins_init(struct logins *logins, const struct login_rule *rule);
void logins_deinit(struct logins *logins);

/* Draws the secret of a new one; false: others' are as many as there may be. */
bool logins_open(struct logins *logins, const char *token_hash, uint64_t now_ms,
                   char out_secret[secret_token_size]);

/* The one that has this secret and has not ended, now used; or NULL. */
const struct login *logins_use(struct logins *logins, const char *secret, uint64_t now_ms);

/* Has the one of this digest not ended? It is not used by that. */
bool logins_stand(const struct logins *logins, const char *digest, uint64_t now_ms);

/* Ends the one of this digest, or all of a token; there is none: no harm. */
void logins_end(struct logins *logins, const char *digest);
void logins_end_of(struct logins *logins, const char *token_hash);
