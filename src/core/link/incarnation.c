/* When a start counts as one, which term is above another, and what is kept of peers'. */
#include "core/link/incarnation.h"

#include "base/prng.h"

static uint64_t draw(struct prng *prng) { return 1 + prng_below(prng, incarnation_term_most); }

void incarnation_init(struct own_incarnation *own, uint64_t seed) {
    static const uint64_t apart = 0x696e6361726e6174; /* from all else that is drawn by the seed */
    struct prng prng;
    prng_init(&prng, seed ^ apart);
    *own = (struct own_incarnation){.key = "own"};
    own->incarnation.store = draw(&prng);
    own->incarnation.run = draw(&prng);
}

void incarnation_load(struct own_incarnation *own, const struct record *record) {
    if (record->table != &own_incarnation_table)
        return;
    const struct own_incarnation *stored = record->data;
    own->incarnation.store = stored->incarnation.store;
    own->incarnation.term = stored->incarnation.term;
    own->later = stored->later;
    if (own->lease_ms < stored->lease_ms)
        own->lease_ms = stored->lease_ms;
}

void incarnation_begin(struct own_incarnation *own, struct moment *moment) {
    own->incarnation.term++;
    effects_save(moment->out, &own_incarnation_table, own);
}

void incarnation_depose(struct own_incarnation *own, uint64_t later, struct moment *moment) {
    own->later = later;
    effects_save(moment->out, &own_incarnation_table, own);
}

void incarnation_raise(struct own_incarnation *own, struct prng *prng) {
    enum { starts_most = 1 << 20 }; /* of a store that is older */
    struct incarnation *now = &own->incarnation;
    uint64_t above = own->later > now->term ? own->later : now->term;
    now->store = draw(prng);
    now->term = (above / starts_most + 1) * starts_most;
    own->later = 0;
}

bool incarnation_follows(const struct incarnation *known, const struct incarnation *told) {
    return told->term > known->term || (told->term == known->term && told->run == known->run);
}

enum conflict incarnation_conflict(const struct incarnation *known,
                                   const struct incarnation *told) {
    if (!known->term || !told->term) /* nothing is known, or its software tells nothing */
        return CONFLICT_NONE;
    if (known->store != told->store)
        return CONFLICT_STORE;
    return incarnation_follows(known, told) ? CONFLICT_NONE : CONFLICT_OLDER;
}

void incarnation_load_known(struct incarnation *known, struct pinned_peer peer,
                            const struct record *record) {
    if (record->table != &known_incarnation_table)
        return;
    const struct known_incarnation *stored = record->data;
    char own[limit_pin_size];
    pins_key(peer, own);
    if (text_equal(stored->peer, own))
        *known = stored->incarnation;
}

void incarnation_save_known(const struct incarnation *known, struct pinned_peer peer) {
    struct known_incarnation record = {.incarnation = *known};
    pins_key(peer, record.peer);
    if (known->term)
        effects_save(peer.moment->out, &known_incarnation_table, &record);
    else
        effects_forget(peer.moment->out, &known_incarnation_table, record.peer);
}
