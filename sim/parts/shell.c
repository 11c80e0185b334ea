/* When a node's turn ends and when its transaction is committed; where in between it may crash,
 * or its disk fail, and what is lost then. */
#include "sim/parts/shell.h"

#include "sim/parts/carrier.h"
#include "sim/laws/check.h"

enum { slow_most_ms = 300, away_most_ms = 20000 };

static uint64_t draw(struct sim_world *world, uint64_t bound) {
    world_note(world, STREAM_DISK, world->disk.state[0]);
    return prng_below(&world->disk, bound);
}

/* Faults of processes and disks; even worlds (pair.c) have theirs elsewhere. */
static bool fault(struct sim_world *world, uint32_t per_mille) {
    return per_mille && !world->settings.even && !world->healing && draw(world, 1000) < per_mille;
}

void shell_take(struct sim_world *world, struct sim_node *node, size_t before) {
    bool first = !before, more = node->pending.count > before;
    if (fault(world, world->settings.crash)) {
        node->doomed = true;
        heap_set(&world->turns, &node->turn_timer, world->now_ms);
    } else if (more && first) {
        uint64_t takes = fault(world, world->settings.slow_disk)
                             ? draw(world, slow_most_ms)
                             : 0;
        heap_set(&world->turns, &node->turn_timer, world->now_ms + takes);
    }
}

static void commit(struct sim_world *world, struct sim_node *node) {
    check_commit(world, node, &node->open);
    for (size_t i = 0; i < node->open.count; i++) {
        const struct effect *effect = &node->open.items[i];
        if (effect->kind == EFFECT_SAVE)
            disk_put(world, node, &effect->record);
        else
            disk_delete(node, &effect->record);
    }
    effects_deinit(&node->open);
    turn_close(&node->turn);
}

/* From what the turn wants to what stands in the open transaction. */
static void store(struct sim_node *node) {
    struct effects *pending = &node->pending;
    size_t kept = 0;
    for (size_t i = 0; i < pending->count; i++) {
        if (turn_way(&pending->items[i]) == TURN_STORES)
            *effects_add(&node->open, EFFECT_SAVE) = pending->items[i];
        else
            pending->items[kept++] = pending->items[i];
    }
    pending->count = kept;
}

static void perform(struct sim_world *world, struct sim_node *node, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct effect *effect = &node->pending.items[i];
        world_tell(world, node, effect);
        world->stats.syncs +=
            effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_SYNC;
        if (effect->kind == EFFECT_JOB)
            host_begin(world, node, &effect->job);
        else if (effect->kind == EFFECT_ROUTE)
            carrier_learn(&node->links[effect->route.link], &effect->route);
        else if (effect->kind == EFFECT_IMAGE)
            host_fetch_image(world, node, effect->image.digest);
        else if (effect->kind == EFFECT_PIN || effect->kind == EFFECT_PIN_NEXT)
            keys_pin(world, node, effect);
        else if (effect->kind == EFFECT_REPLY)
            check_answered(world, node, &effect->reply);
    }
    network_send(world, node, node->pending.items, count);
}

static void crash(struct sim_world *world, struct sim_node *node) {
    world_crash(world, node, 100 + draw(world, away_most_ms));
}

/* A crash comes before the commit, or after it at any point of what follows. A commit that fails
 * ends the process: nothing of the transaction is there, and nothing was told. */
void shell_turn(struct sim_world *world, struct sim_node *node) {
    bool must_commit = turn_must_commit(&node->turn, &node->pending, world->now_ms);
    store(node);
    size_t count = node->pending.count;
    size_t point = node->doomed ? draw(world, count + 2) : count + 1;
    bool failed = must_commit && fault(world, world->settings.disk_failure);
    world->stats.disk_failures += failed;
    if (!point || failed) {
        crash(world, node);
        return;
    }
    world->stats.turns++;
    if (must_commit)
        commit(world, node);
    perform(world, node, point - 1);
    if (world->spare.items)
        effects_deinit(&node->pending);
    effects_clear(&node->pending);
    world->spare = node->pending.items ? node->pending : world->spare;
    node->pending = (struct effects){0};
    if (node->doomed)
        crash(world, node);
    else if (node->turn.is_open)
        heap_set(&world->turns, &node->turn_timer, node->turn.due_ms);
    else
        heap_remove(&world->turns, &node->turn_timer);
}

void shell_drop(struct sim_world *world, struct sim_node *node) {
    world->stats.uncommitted += node->open.count;
    effects_deinit(&node->pending);
    effects_deinit(&node->open);
    turn_close(&node->turn);
    heap_remove(&world->turns, &node->turn_timer);
    node->doomed = false;
}
