/* How many of a place's operations are each sharer's own, and who has least under way for its
 * weight. */
#include "core/below/lanes.h"


size_t lanes_count(const struct askers *askers) { return askers->count ? askers->count : 1; }

size_t lanes_which(const struct askers *askers, const char *asker) {
    for (size_t i = 0; i < askers->count; i++)
        if (text_equal(askers->names[i], asker))
            return i;
    return 0;
}

uint32_t lanes_part(const struct askers *askers, size_t which, uint32_t at_once) {
    uint64_t sum = 0;
    for (size_t i = 0; i < askers->count; i++)
        sum += askers->weights[i];
    uint64_t part = sum ? (uint64_t)at_once * askers->weights[which] / sum : 0;
    return part ? (uint32_t)part : 1;
}

/* Never more than a few: a place's bound, and each asker's part. */
static uint32_t length(const struct list *head) {
    uint32_t count = 0;
    for (const struct list *node = head->next; node != head; node = node->next)
        count++;
    return count;
}

bool lanes_have_room(const struct askers *askers, const struct lane *lanes, size_t which,
                     uint32_t at_once) {
    uint32_t all = 0;
    if (askers->count < 2)
        return true;
    if (length(&lanes[which].under_way) < lanes_part(askers, which, at_once))
        return true;
    for (size_t i = 0; i < askers->count; i++)
        all += length(&lanes[i].under_way);
    return all < at_once;
}

bool lanes_wait(const struct askers *askers, const struct lane *lanes) {
    bool wait = false;
    for (size_t i = 0; i < lanes_count(askers); i++)
        wait |= !list_is_empty(&lanes[i].waiting);
    return wait;
}

bool lanes_are_free(const struct askers *askers, const struct lane *lanes, size_t which,
                    uint32_t at_once) {
    return askers->count < 2 ||
           (!lanes_wait(askers, lanes) && lanes_have_room(askers, lanes, which, at_once));
}

/* Has `a` less under way for its weight than `b`? */
static bool is_behind(const struct askers *askers, const struct lane *lanes, size_t a,
                      size_t b) {
    return (uint64_t)length(&lanes[a].under_way) * askers->weights[b] <
           (uint64_t)length(&lanes[b].under_way) * askers->weights[a];
}

size_t lanes_next(const struct askers *askers, const struct lane *lanes, uint32_t at_once,
                  uint64_t askers_in) {
    size_t count = lanes_count(askers), best = count;
    for (size_t i = 0; i < count; i++) {
        if (!(askers_in >> i & 1) || list_is_empty(&lanes[i].waiting) ||
            !lanes_have_room(askers, lanes, i, at_once))
            continue;
        if (best == count || is_behind(askers, lanes, i, best))
            best = i;
    }
    return best;
}
