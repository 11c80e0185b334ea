/* What happens next: whose time comes first, and of one time, in which order. */
#include "sim/parts/loop.h"

#include "sim/parts/carrier.h"
#include "sim/parts/shell.h"
#include "sim/parts/step.h"

static void tick(struct sim_world *world) {
    struct sim_node *node = container_of(heap_first(&world->ticks), struct sim_node, tick);
    uint64_t until_ms = node->stands_until_ms;
    if (node->deferred && node->deferred_ms > until_ms)
        until_ms = node->deferred_ms;
    if (until_ms > world->now_ms || node->deferred) { /* which come first */
        heap_set(&world->ticks, &node->tick, until_ms > world->now_ms ? until_ms : world->now_ms);
        return;
    }
    struct event event = {.kind = EVENT_TICK};
    step_give(world, node, &event);
}

/* The node's process stands still, or all of its host does. */
static bool waits(const struct sim_world *world, const struct occurrence *it) {
    const struct sim_node *node = it->node;
    return node && node->stands_until_ms > world->now_ms && !it->is_of_clock &&
           (!it->is_of_host || node->is_suspended);
}

static void happen(struct sim_world *world) {
    struct occurrence *now =
        container_of(heap_first(&world->occurrences), struct occurrence, timer);
    heap_remove(&world->occurrences, &now->timer);
    if (waits(world, now)) {
        heap_set(&world->occurrences, &now->timer, now->node->stands_until_ms);
        return;
    }
    now->happen(world, now);
    occurrence_free(now);
}

static void redial(struct sim_world *world) {
    carrier_on_time(container_of(heap_first(&world->carriers), struct sim_carrier, timer));
}

static void turn(struct sim_world *world) {
    struct sim_node *node = container_of(heap_first(&world->turns), struct sim_node, turn_timer);
    if (node->stands_until_ms > world->now_ms)
        heap_set(&world->turns, &node->turn_timer, node->stands_until_ms);
    else
        shell_turn(world, node);
}

/* As in a process: what comes in at a moment counts before its timers, and then the turn ends. */
void loop_run(struct sim_world *world, uint64_t until_ms) {
    const struct {
        struct heap *heap;
        void (*next)(struct sim_world *);
    } sources[] = {{&world->occurrences, happen}, {&world->ticks, tick}, {&world->carriers, redial},
                   {&world->turns, turn}};
    for (;;) {
        size_t which = 0;
        uint64_t next = UINT64_MAX;
        for (size_t i = 0; i < array_size(sources); i++) {
            const struct timer *first = heap_first(sources[i].heap);
            if (first && first->due_ms < next) {
                next = first->due_ms;
                which = i;
            }
        }
        if (next > until_ms)
            break;
        world->now_ms = next > world->now_ms ? next : world->now_ms;
        sources[which].next(world);
    }
    world->now_ms = until_ms;
}
