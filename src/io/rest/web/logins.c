/* Which login or ticket ends, and which has to give way. */
#include "io/rest/web/logins.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

const struct login_rule ticket_rule = {tickets_most, tickets_of_token, ticket_life_ms,
                                         ticket_life_ms};
const struct login_rule login_rule = {logins_most, logins_of_token, login_life_ms,
                                          login_idle_ms};

void logins_init(struct logins *logins, const struct login_rule *rule) {
    logins->rule = rule;
    map_init(&logins->by_digest, 0);
    list_init(&logins->by_use);
}

static void end(struct logins *logins, struct login *login) {
    (void)map_remove(&logins->by_digest, login->digest);
    list_remove(&login->node);
    memory_free(login);
}

void logins_deinit(struct logins *logins) {
    list_for(struct login, login, &logins->by_use, node)
        end(logins, login);
    map_deinit(&logins->by_digest);
}

static bool has_ended(const struct logins *logins, const struct login *login,
                      uint64_t now_ms) {
    return now_ms - login->began_ms >= logins->rule->life_ms ||
           now_ms - login->used_ms >= logins->rule->idle_ms;
}

/* Ends what is over, and of the token's own what leaves no room for one more. */
static void make_room(struct logins *logins, const char *token_hash, uint64_t now_ms) {
    size_t count = 0;
    struct login *first = NULL;
    list_for(struct login, login, &logins->by_use, node) {
        if (has_ended(logins, login, now_ms)) {
            end(logins, login);
        } else if (text_equal(login->token_hash, token_hash)) {
            first = first ? first : login;
            count++;
        }
    }
    if (count >= logins->rule->most_of_token)
        end(logins, first);
}

bool logins_open(struct logins *logins, const char *token_hash, uint64_t now_ms,
                   char out_secret[secret_token_size]) {
    make_room(logins, token_hash, now_ms);
    if (logins->by_digest.count >= logins->rule->most)
        return false;
    struct login *login = memory_new(1, sizeof(*login));
    secret_token(out_secret);
    secret_hash_bytes(out_secret, strlen(out_secret), login->digest);
    text_set_sized(login->token_hash, sizeof(login->token_hash), token_hash);
    login->began_ms = login->used_ms = now_ms;
    map_put(&logins->by_digest, login->digest, login);
    list_add(&logins->by_use, &login->node);
    return true;
}

const struct login *logins_use(struct logins *logins, const char *secret,
                                   uint64_t now_ms) {
    char digest[limit_digest_size];
    secret_hash_bytes(secret, strlen(secret), digest);
    struct login *login = map_get(&logins->by_digest, digest);
    if (!login)
        return NULL;
    if (has_ended(logins, login, now_ms)) {
        end(logins, login);
        return NULL;
    }
    login->used_ms = now_ms;
    list_remove(&login->node);
    list_add(&logins->by_use, &login->node);
    return login;
}

bool logins_stand(const struct logins *logins, const char *digest, uint64_t now_ms) {
    const struct login *login = map_get(&logins->by_digest, digest);
    return login && !has_ended(logins, login, now_ms);
}

void logins_end(struct logins *logins, const char *digest) {
    struct login *login = map_get(&logins->by_digest, digest);
    if (login)
        end(logins, login);
}

void logins_end_of(struct logins *logins, const char *token_hash) {
    list_for(struct login, login, &logins->by_use, node)
        if (text_equal(login->token_hash, token_hash))
            end(logins, login);
}
