/* How long a delivery takes, and whether it arrives. */
#include "sim/parts/people/contacts.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/step.h"

static void on_delivered(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_DELIVERED,
                          .delivered = {.outcome = occurrence->code == CODE_OK ? DELIVERED_DONE
                                                                               : DELIVERED_FAILED}};
    text_set(event.delivered.delivery, occurrence->bytes);
    if (!occurrence_is_stale(occurrence))
        step_give(world, occurrence->node, &event);
}

/* By the delivery and the moment alone, so that nothing else in a world goes another way. */
void contacts_deliver(struct sim_world *world, struct sim_node *node,
                      const struct effect_deliver *deliver) {
    enum { most_ms = 2000 };
    const struct delivery *delivery = deliver->delivery.data;
    uint64_t chance = map_hash(world->now_ms, delivery->id, strlen(delivery->id));
    struct occurrence *later = world_later(world, node, chance % most_ms, on_delivered);
    later->bytes = memory_text(delivery->id);
    later->code = chance / most_ms % 1000 < world->settings.job_failure ? CODE_UNREACHABLE
                                                                        : CODE_OK;
}
