/* Which of its sendings a holder counts from, and how far two clocks may be apart. */
#include "core/link/lease.h"

#include <string.h>

#include "base/attributes.h"

void lease_note(struct lease *lease, uint64_t number, uint64_t now_ms) {
    lease->sent[lease->next] = (struct lease_sent){number, now_ms};
    lease->next = (lease->next + 1) % array_size(lease->sent);
}

void lease_forget(struct lease *lease) {
    memset(lease->sent, 0, sizeof(lease->sent));
    lease->next = 0;
}

void lease_hear(struct lease *lease, uint64_t received, uint64_t lease_ms) {
    const struct lease_sent *newest = NULL;
    for (size_t i = 0; i < array_size(lease->sent); i++) {
        const struct lease_sent *sent = &lease->sent[i];
        if (sent->number && sent->number <= received &&
            (!newest || sent->number > newest->number))
            newest = sent;
    }
    if (newest && newest->first_ms + lease_ms > lease->until_ms)
        lease->until_ms = newest->first_ms + lease_ms;
}

/* (1 + r) / (1 - r) - 1 = 2 r / (1 - r), for r = 1/100: 2/99, and a millisecond for each end's
 * rounding. Twice r alone would be too little, by its square. */
uint64_t lease_margin_ms(uint64_t lease_ms) { return lease_ms * 2 / 99 + 2 + lease_stop_ms; }
