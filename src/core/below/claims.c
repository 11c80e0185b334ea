/* How much of what a place says it has counts: no more than its owner says, nor than any place may
 * have (limit_place), and of no shape more VMs than go into that. */
#include "core/below/claims.h"

#include "base/memory.h"
#include "core/below/peer.h"
#include "core/books/amounts.h"

static uint64_t believed(uint64_t own, uint64_t usual) {
    return own ? own : usual ? usual : limit_place;
}

/* The owner's word of what the peer has at the most. */
static struct amounts peer_most(const struct peer *peer) {
    const struct amounts *own = &peer->setting.most, *usual = &peer->downlink->most;
    return (struct amounts){.cpus = believed(own->cpus, usual->cpus),
                            .memory_mib = believed(own->memory_mib, usual->memory_mib),
                            .disk_gib = believed(own->disk_gib, usual->disk_gib)};
}

void peer_load_capacity(struct peer *peer, const struct capacity *capacity) {
    const struct downlink *downlink = peer->downlink;
    struct amounts most = peer_most(peer);
    struct capacity claimed = *capacity;
    claimed.fits = NULL;
    claimed.fits_count = 0;
    peer->capacity = claimed;
    amounts_bound(&peer->capacity, &most);
    peer->overclaims = !record_equal(&capacity_table, &claimed, &peer->capacity);
    peer->counted = 0;
    for (size_t i = 0; i < downlink->catalogue_count; i++) {
        uint64_t fit = amounts_fit(&most, &downlink->catalogue[i].size);
        peer->fits[i] = 0;
        for (uint32_t k = 0; k < capacity->fits_count; k++)
            if (text_equal(capacity->fits[k].shape, downlink->catalogue[i].name)) {
                peer->fits[i] = capacity->fits[k].count;
                peer->counted |= UINT64_C(1) << i;
            }
        peer->overclaims |= peer->fits[i] > fit;
        peer->fits[i] = peer->fits[i] > fit ? fit : peer->fits[i];
    }
}

struct capacity peer_capacity(const struct peer *peer) {
    const struct downlink *downlink = peer->downlink;
    struct capacity capacity = peer->capacity;
    capacity.fits = memory_new(downlink->catalogue_count, sizeof(*capacity.fits));
    for (size_t i = 0; i < downlink->catalogue_count; i++) {
        if (!(peer->counted >> i & 1))
            continue;
        struct fit *fit = &capacity.fits[capacity.fits_count++];
        fit->count = peer->fits[i];
        text_set(fit->shape, downlink->catalogue[i].name);
    }
    return capacity;
}

void peer_note_claim(struct peer *peer, const struct capacity *capacity) {
    if (peer->overclaims && effects_worth_noting(++peer->overclaimed))
        effects_note(peer->downlink->moment->out, NOTE_WARNING, "",
                     "%s says that it has %llu cpus, %llu MiB, %llu GiB, or room for more VMs than "
                     "it can have; %llu, %llu and %llu are believed",
                     peer->setting.name, (unsigned long long)capacity->cpus_total,
                     (unsigned long long)capacity->memory_mib_total,
                     (unsigned long long)capacity->disk_gib_total,
                     (unsigned long long)peer->capacity.cpus_total,
                     (unsigned long long)peer->capacity.memory_mib_total,
                     (unsigned long long)peer->capacity.disk_gib_total);
}
