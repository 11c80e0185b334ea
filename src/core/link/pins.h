/* The keys by which peers are known, where they are not the configuration's: pinned by a join,
 * none after a revocation, or changed by the peer itself, which says its next key sealed by its
 * old one. Both ends of every link use this; the keys themselves are at work in io/keys/seal.
 *
 *   PINNED --rekey--> PINNED, and a next one --a frame sealed by that--> PINNED (the old is gone)
 *      any --revoked--> NONE: what was to come next is gone as well                             */
#pragma once

#include "core/moment.h"
#include "core/settings.h"
#include "message/enrol.h"

/* Who a peer is to us: part of the stored record's key, since a name may stand at both ends. */
enum pins_side { PINS_BELOW, PINS_ABOVE };

struct pinned_peer {
    enum pins_side side;
    const struct peer_setting *setting;
    char **next_key; /* that it has told us and not used yet, owned by its role; NULL: none */
    struct moment *moment;
};

/* From here on the peer has this key and no other; "": none, it is not heard. */
void pins_set(struct pinned_peer peer, const char *key);

/* The key of records about this peer. */
void pins_key(struct pinned_peer peer, char out_key[limit_pin_size]);

/* The name in a stored record of a peer on that side, or NULL. */
const char *pins_name(const struct record *record, enum pins_side side);

/* A stored record of this peer; others are left alone. */
void pins_load(struct pinned_peer peer, const struct record *record);

/* The peer says that it changes to this key. */
void pins_on_rekey(struct pinned_peer peer, const struct rekey *rekey);

/* Call for each frame of the peer: the first that is sealed by its next key ends the old one. Those
 * that came in the same turn are said to be sealed by that next key, too, and end nothing more. */
void pins_on_frame(struct pinned_peer peer, const struct event *event);
