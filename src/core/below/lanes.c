/* How many of a place's operations are each sharer's own, and who has least under way for its
 * weight. */
#include "core/below/lanes.h"


size_t lanes_count(const struct parties *parties) { return parties->count ? parties->count : 1; }

size_t lanes_which(const struct parties *parties, const char *owner) {
    for (size_t i = 0; i < parties->count; i++)
        if (text_equal(parties->names[i], owner))
            return i;
    return 0;
}

uint32_t lanes_part(const struct parties *parties, size_t which, uint32_t at_once) {
    uint64_t sum = 0;
    for (size_t i = 0; i < parties->count; i++)
        sum += parties->weights[i];
    uint64_t part = sum ? (uint64_t)at_once * parties->weights[which] / sum : 0;
    return part ? (uint32_t)part : 1;
}

/* Never more than a few: a place's bound, and each party's part. */
static uint32_t length(const struct list *head) {
    uint32_t count = 0;
    for (const struct list *node = head->next; node != head; node = node->next)
        count++;
    return count;
}

bool lanes_have_room(const struct parties *parties, const struct lane *lanes, size_t which,
                     uint32_t at_once) {
    uint32_t all = 0;
    if (parties->count < 2)
        return true;
    if (length(&lanes[which].under_way) < lanes_part(parties, which, at_once))
        return true;
    for (size_t i = 0; i < parties->count; i++)
        all += length(&lanes[i].under_way);
    return all < at_once;
}

bool lanes_wait(const struct parties *parties, const struct lane *lanes) {
    bool wait = false;
    for (size_t i = 0; i < lanes_count(parties); i++)
        wait |= !list_is_empty(&lanes[i].waiting);
    return wait;
}

bool lanes_are_free(const struct parties *parties, const struct lane *lanes, size_t which,
                    uint32_t at_once) {
    return parties->count < 2 ||
           (!lanes_wait(parties, lanes) && lanes_have_room(parties, lanes, which, at_once));
}

/* Has `a` less under way for its weight than `b`? */
static bool is_behind(const struct parties *parties, const struct lane *lanes, size_t a,
                      size_t b) {
    return (uint64_t)length(&lanes[a].under_way) * parties->weights[b] <
           (uint64_t)length(&lanes[b].under_way) * parties->weights[a];
}

size_t lanes_next(const struct parties *parties, const struct lane *lanes, uint32_t at_once,
                  uint64_t parties_in) {
    size_t count = lanes_count(parties), best = count;
    for (size_t i = 0; i < count; i++) {
        if (!(parties_in >> i & 1) || list_is_empty(&lanes[i].waiting) ||
            !lanes_have_room(parties, lanes, i, at_once))
            continue;
        if (best == count || is_behind(parties, lanes, i, best))
            best = i;
    }
    return best;
}
