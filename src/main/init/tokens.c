/* A token's record goes into the store, its secret into the command that is printed. */
#include "main/init/tokens.h"

#include <string.h>
#include <time.h>

#include "io/keys/join_token.h"
#include "io/keys/secret.h"
#include "message/id.h"

struct maker {
    const struct setup *setup;
    const struct inviting *inviting;
    struct store *store;
    struct seal *seal;
    struct id_maker ids;
    uint64_t now_ms;
};

static void maker_clean(struct maker *maker) {
    store_close(maker->store);
    seal_free(maker->seal);
}

static uint64_t wall_ms(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void make(struct maker *maker, const struct rest_invitation *invitation, struct text *out) {
    char secret[secret_token_size];
    auto_clean(text_deinit) struct text token = {0};
    struct join_token record = {
        .created_ms = maker->now_ms,
        .expires_ms = maker->now_ms + maker->setup->options->expires_seconds * 1000};
    struct join_offer offer = {.expires_ms = record.expires_ms, .link = invitation->link};
    secret_token(secret);
    text_set(record.id, id_make(&maker->ids, "jt", maker->now_ms).text);
    text_set(record.peer, invitation->peer);
    secret_hash_bytes(secret, strlen(secret), record.secret_hash);
    text_set(offer.id, record.id);
    text_set(offer.peer, record.peer);
    text_set(offer.secret, secret);
    text_set(offer.manager_key, seal_public_key(maker->seal));
    text_set(offer.address, maker->inviting->downlink->address);
    join_token_print(&offer, JOIN_TOKEN_SHORT, &token);
    text_addf(out, "# %s\n%s %s\n", record.peer, maker->setup->kind->join, text_data(&token));
    struct record row = record_copy(&join_token_table, &record);
    store_put(maker->store, &row);
    explicit_bzero(secret, sizeof(secret));
}

int tokens_make(const struct setup *setup, const struct inviting *inviting,
                const struct tokens *tokens, struct error *err) {
    auto_clean(daemon_invitations_clean) struct invitations invitations = {0};
    auto_clean(maker_clean) struct maker maker = {
        .setup = setup, .inviting = inviting, .now_ms = wall_ms()};
    prng_init(&maker.ids.prng, daemon_seed());
    if (daemon_invite(inviting, &invitations, err))
        return err->code;
    maker.seal = seal_new(SEAL_MANAGER, inviting->downlink->key.text, err);
    maker.store = maker.seal ? daemon_store(tokens->config, tokens->daemon, 0700, err) : NULL;
    if (!maker.store)
        return err->code;
    for (size_t i = 0; i < invitations.count; i++)
        make(&maker, &invitations.items[i], tokens->commands);
    return store_commit(maker.store, err);
}
