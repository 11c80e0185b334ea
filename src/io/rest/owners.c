/* Tokens are known by digest when they come, and by id when they go. */
#include "io/rest/owners.h"

#include "base/memory.h"
#include "base/text.h"

struct owner {
    char hash[limit_digest_size], id[limit_id_size], tenant[limit_name_size];
};

void rest_owners_init(struct rest_owners *owners) {
    map_init(&owners->by_hash, 0);
    map_init(&owners->by_id, 0);
}

void rest_owners_deinit(struct rest_owners *owners) {
    for (size_t i = 0; i < owners->by_id.capacity; i++)
        memory_free(owners->by_id.entries[i].value);
    map_deinit(&owners->by_hash);
    map_deinit(&owners->by_id);
}

void rest_owners_learn(struct rest_owners *owners, const struct access_token *token) {
    if (map_get(&owners->by_id, token->id))
        return;
    struct owner *owner = memory_new(1, sizeof(*owner));
    text_set(owner->hash, token->token_hash);
    text_set(owner->id, token->id);
    text_set(owner->tenant, token->tenant);
    map_put(&owners->by_hash, owner->hash, owner);
    map_put(&owners->by_id, owner->id, owner);
}

bool rest_owners_forget(struct rest_owners *owners, const char *id,
                        char out_hash[limit_digest_size]) {
    struct owner *owner = map_remove(&owners->by_id, id);
    if (!owner)
        return false;
    (void)map_remove(&owners->by_hash, owner->hash);
    text_set_sized(out_hash, limit_digest_size, owner->hash);
    memory_free(owner);
    return true;
}

bool rest_owners_know(const struct rest_owners *owners, const char *hash) {
    return map_get(&owners->by_hash, hash);
}

const char *rest_owners_key(const struct rest_owners *owners, const char *hash) {
    const struct owner *owner = *hash ? map_get(&owners->by_hash, hash) : NULL;
    return owner && *owner->tenant ? owner->tenant : hash;
}
