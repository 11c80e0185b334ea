/* What belongs to which of the two processes, and how the links pass from one to the other. */
#include "sim/parts/aside.h"

#include "base/memory.h"
#include "sim/parts/link.h"
#include "sim/parts/process.h"
#include "sim/parts/step.h"
#include "sim/world/node.h"

void aside_stop(struct sim_world *world, struct sim_node *node, uint64_t after_ms) {
    node->aside = memory_new(1, sizeof(*node->aside));
    turn_init(&node->aside->turn);
    node->aside->role = process_take(world, node, after_ms);
}

static void swap(struct sim_world *world, struct sim_node *node) {
    struct sim_aside other = *node->aside;
    *node->aside = (struct sim_aside){node->role, node->pending, node->open, node->turn,
                                       node->doomed};
    node->role = other.role;
    node->pending = other.pending;
    node->open = other.open;
    node->turn = other.turn;
    node->doomed = other.doomed;
    heap_remove(&world->turns, &node->turn_timer);
    if (node->pending.count || node->turn.is_open || node->doomed)
        heap_set(&world->turns, &node->turn_timer, world->now_ms);
    heap_set(&world->ticks, &node->tick, node_world_ms(node, role_deadline_ms(node->role)));
}

static void set_links(struct sim_world *world, struct sim_node *node, enum presence presence) {
    for (uint32_t i = 0; i < node->links_count; i++)
        if (presence == PRESENCE_DOWN || world->servers[node->links[i].server].up)
            link_set(world, node, i, presence);
}

void aside_return(struct sim_world *world, struct sim_node *node) {
    set_links(world, node, PRESENCE_DOWN);
    swap(world, node);
    node->is_followed = true;
    world->stats.predecessors++;
    for (uint32_t i = 0; i < node->links_count; i++) {
        struct event event = {.kind = EVENT_LINK, .presence = {.link = i}};
        step_give(world, node, &event);
    }
    set_links(world, node, PRESENCE_UP);
}

void aside_end(struct sim_world *world, struct sim_node *node) {
    bool acts = node->is_followed;
    if (acts) {
        set_links(world, node, PRESENCE_DOWN);
        swap(world, node);
        node->is_followed = false;
    }
    effects_deinit(&node->aside->pending);
    effects_deinit(&node->aside->open);
    role_free(node->aside->role);
    memory_free(node->aside);
    node->aside = NULL;
    node->gave_way = false;
    if (acts)
        set_links(world, node, PRESENCE_UP);
}
