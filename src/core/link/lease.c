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

void lease_hear(struct lease *lease, enum lease_reach reach, uint64_t received, uint64_t lease_ms) {
    uint64_t *until_ms = &lease->until_ms[reach];
    const struct lease_sent *newest = NULL;
    for (size_t i = 0; i < array_size(lease->sent); i++) {
        const struct lease_sent *sent = &lease->sent[i];
        if (sent->number && sent->number <= received &&
            (!newest || sent->number > newest->number))
            newest = sent;
    }
    if (lease_ms && newest && newest->first_ms + lease_ms > *until_ms)
        *until_ms = newest->first_ms + lease_ms;
}

/* (1 - r) / (1 + r), for r = 1/100: 99/101. */
uint64_t lease_rest_ms(uint64_t until_ms, uint64_t now_ms, uint64_t most_ms) {
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    if (left_ms / 2 >= most_ms) /* far more, or for ever */
        return most_ms;
    left_ms = left_ms * 99 / 101;
    return left_ms < most_ms ? left_ms : most_ms;
}

/* (1 + r) / (1 - r) - 1 = 2 r / (1 - r), for r = 1/100: 2/99, and a millisecond for each end's
 * rounding. Twice r alone would be too little, by its square. */
uint64_t lease_margin_ms(uint64_t lease_ms) { return lease_ms * 2 / 99 + 2 + lease_stop_ms; }
