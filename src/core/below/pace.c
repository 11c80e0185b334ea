/* Who has begun more of late, in counts that are halved every 100 ms, and until when it is held. */
#include "core/below/pace.h"

void pace_init(struct pace *pace) {
    *pace = (struct pace){0};
    for (size_t i = 0; i < limit_uplinks; i++)
        list_init(&pace->askers[i].turns);
}

static void halve(struct pace *pace, uint64_t now_ms) {
    uint64_t times = (now_ms - pace->halved_ms) / pace_halving_ms;
    pace->halved_ms += times * pace_halving_ms;
    for (size_t i = 0; times && i < limit_uplinks; i++)
        pace->askers[i].begun = times < 64 ? pace->askers[i].begun >> times : 0;
}

void pace_begun(struct pace *pace, size_t which, const struct lane *lane,
                const struct book_op *op, uint64_t now_ms) {
    struct pace_asker *asker = &pace->askers[which];
    halve(pace, now_ms);
    asker->begun += pace_one;
    asker->newest = op;
    asker->lane = lane;
    asker->newest_ms = now_ms;
}

static bool is_ahead(const struct pace *pace, const struct askers *askers, size_t which) {
    for (size_t i = 0; i < askers->count; i++)
        if (pace->askers[i].begun && pace->askers[i].begun * askers->weights[which] <
                                          pace->askers[which].begun * askers->weights[i])
            return true;
    return false;
}

/* The newest operation's pointer is compared alone, since the operation may be gone. */
static bool is_answered(const struct pace_asker *asker) {
    const struct list *under_way = &asker->lane->under_way;
    for (const struct list *node = under_way->next; node != under_way; node = node->next)
        if (node == &asker->newest->by_room)
            return false;
    return true;
}

uint64_t pace_due_ms(const struct pace *pace, const struct askers *askers, size_t which) {
    const struct pace_asker *asker = &pace->askers[which];
    if (askers->count < 2 || !asker->lane || !is_ahead(pace, askers, which) ||
        is_answered(asker))
        return 0;
    return asker->newest_ms + pace_spacing_ms;
}
