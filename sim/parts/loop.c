/* What happens next: whose time comes first, and of one time, in which order. */
#include "sim/parts/loop.h"

#include "sim/parts/carrier.h"
#include "sim/parts/shell.h"
#include "sim/parts/step.h"

static void tick(struct sim_world *world) {
    struct sim_node *node = container_of(heap_first(&world->ticks), struct sim_node, tick);
    struct event event = {.kind = EVENT_TICK};
    step_give(world, node, &event);
}

static void happen(struct sim_world *world) {
    struct occurrence *now =
        container_of(heap_first(&world->occurrences), struct occurrence, timer);
    heap_remove(&world->occurrences, &now->timer);
    now->happen(world, now);
    occurrence_free(now);
}

static void redial(struct sim_world *world) {
    carrier_on_time(container_of(heap_first(&world->carriers), struct sim_carrier, timer));
}

static void turn(struct sim_world *world) {
    shell_turn(world, container_of(heap_first(&world->turns), struct sim_node, turn_timer));
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
