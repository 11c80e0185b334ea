/* When the turn of a step ends: at once, later where the disk is slow, or never where the process
 * crashes in it. */
#include "sim/parts/step.h"

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/disk.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

enum { slow_most_ms = 300 };

static void trace_event(const struct sim_world *world, const struct sim_node *node,
                        const struct event *event) {
    struct text line = {0};
    if (!world->settings.trace)
        return;
    event_print(event, &line);
    world_trace(world, node, text_data(&line));
    text_deinit(&line);
}

static void trace_effects(const struct sim_world *world, const struct sim_node *node,
                          const struct effects *effects) {
    struct text line = {0};
    for (size_t i = 0; world->settings.trace && i < effects->count; i++) {
        text_clear(&line);
        text_add(&line, "  => ");
        effect_print(&effects->items[i], &line);
        world_trace(world, node, text_data(&line));
    }
    text_deinit(&line);
}

/* Does the step say or write anything beyond keep-alives? */
static bool is_busy(const struct event *event, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        bool beats = effect->kind == EFFECT_USAGE ||
                     (effect->kind == EFFECT_SEND &&
                      (effect->send.message.kind == MESSAGE_BEAT ||
                       effect->send.message.kind == MESSAGE_USAGES));
        bool renews = effect->kind == EFFECT_GUARD && effect->guard.order == GUARD_RENEW;
        if (!beats && !renews && effect->kind != EFFECT_ACKNOWLEDGE)
            return true;
    }
    return event->kind != EVENT_TICK && event->kind != EVENT_FRAME && event->kind != EVENT_IPS &&
           event->kind != EVENT_USAGE;
}

/* What a step added to node->pending, from the index `before` on, waits for the turn's end. */
static void gather(struct sim_world *world, struct sim_node *node, size_t before) {
    bool first = !before, more = node->pending.count > before;
    if (!node->is_followed && disk_fault(world, world->settings.crash)) {
        node->doomed = true;
        heap_set(&world->turns, &node->turn_timer, world->now_ms);
    } else if (more && first) {
        uint64_t takes = disk_fault(world, world->settings.slow_disk)
                             ? disk_draw(world, slow_most_ms)
                             : 0;
        heap_set(&world->turns, &node->turn_timer, world->now_ms + takes);
    }
}

static void give(struct sim_world *world, struct sim_node *node, struct event *event);

static void on_deferred(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    node->deferred--;
    if (!occurrence_is_stale(occurrence))
        give(world, node, occurrence->event);
}

/* A process that stands still sees it later, and in its order; what an event points to lives as
 * long as the world, but for what a host has found. */
static void defer(struct sim_world *world, struct sim_node *node, const struct event *event) {
    uint64_t until_ms = node->stands_until_ms;
    until_ms = node->deferred_ms > until_ms ? node->deferred_ms : until_ms;
    until_ms = world->now_ms > until_ms ? world->now_ms : until_ms;
    node->deferred++;
    node->deferred_ms = until_ms;
    struct occurrence *later = world_later(world, node, until_ms - world->now_ms, on_deferred);
    later->event = memory_copy(event, sizeof(*event));
    if (event->kind != EVENT_JOB || !event->job.found)
        return;
    later->event->job.found = memory_new(1, sizeof(struct vm));
    record_clone(&vm_table, event->job.found, later->event->job.found);
}

void step_give(struct sim_world *world, struct sim_node *node, struct event *event) {
    if (node->stands_until_ms > world->now_ms || node->deferred)
        defer(world, node, event);
    else
        give(world, node, event);
}

static void give(struct sim_world *world, struct sim_node *node, struct event *event) {
    if (!node->pending.items) {
        node->pending = world->spare;
        world->spare = (struct effects){0};
    }
    size_t before = node->pending.count;
    event->now_ms = node_now_ms(world, node);
    event->wall_ms = node_wall_ms(world, node);
    trace_event(world, node, event);
    world_mix_number(world, world->now_ms << 8 | event->kind);
    world_mix_number(world, node->index);
    world->stats.steps++;
    role_step(node->role, event, &node->pending);
    struct effects effects = {.items = node->pending.items ? node->pending.items + before : NULL,
                              .count = node->pending.count - before};
    trace_effects(world, node, &effects);
    if (is_busy(event, &effects))
        world->busy_ms = world->now_ms;
    world_observe(world, &(struct fact){FACT_STEP, node, .effects = &effects});
    heap_set(&world->ticks, &node->tick,
             node_world_ms(node, role_deadline_ms(node->role)));
    gather(world, node, before);
}

void step_drop(struct sim_world *world, struct sim_node *node) {
    world->stats.uncommitted += node->open.count;
    effects_deinit(&node->pending);
    effects_deinit(&node->open);
    turn_close(&node->turn);
    heap_remove(&world->turns, &node->turn_timer);
    node->doomed = false;
}
