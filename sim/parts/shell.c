/* When a node's turn ends and when its transaction is committed; where in between it may crash,
 * or its disk fail, and what is lost then. */
#include "sim/parts/shell.h"

#include "base/text.h"
#include "message/pending.h"
#include "sim/parts/blocks/blocks.h"
#include "sim/parts/carrier.h"
#include "sim/parts/disk.h"
#include "sim/parts/host.h"
#include "sim/parts/images/images.h"
#include "sim/parts/keys.h"
#include "sim/parts/network.h"
#include "sim/parts/people/contacts.h"
#include "sim/parts/process.h"
#include "sim/parts/warden.h"
#include "sim/parts/reach/ways.h"
#include "sim/world/fact.h"

enum { away_most_ms = 20000 };

static void commit(struct sim_world *world, struct sim_node *node) {
    world_observe(world, &(struct fact){FACT_COMMIT, node, .effects = &node->open});
    struct pending rows; /* what waits in production until here: the last word on each row */
    pending_init(&rows);
    for (size_t i = 0; i < node->open.count && !node->is_followed; i++) {
        struct effect *effect = &node->open.items[i];
        pending_add(&rows, &effect->record, effect->kind == EFFECT_FORGET);
    }
    list_for(const struct pending_row, row, &rows.rows, node) {
        if (row->is_deletion)
            disk_delete(node, &row->record);
        else
            disk_put(world, node, &row->record);
    }
    pending_deinit(&rows);
    effects_deinit(&node->open);
    turn_close(&node->turn);
}

/* Moves what is to be stored from what the turn wants into the open transaction. */
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

/* A line of the story, if one is wanted. */
static void tell(struct sim_world *world, const struct sim_node *node,
                 const struct effect *effect) {
    const struct message *message = &effect->send.message;
    const struct operation *op = effect->reply.record.data;
    bool sends = effect->kind == EFFECT_SEND;
    if (!world->story)
        return;
    if (sends && message->kind == MESSAGE_INSTRUCT)
        text_addf(world->story, "%s instructs %s\n", node->name,
                  verb_names[message->instruct.verb]);
    else if (sends && message->kind == MESSAGE_RESULT)
        text_addf(world->story, "%s results %s, %s\n", node->name,
                  code_names[message->result.code], vm_state_names[message->result.state]);
    else if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_OPERATION)
        text_addf(world->story, "%s replies %s %s, %s\n", node->name, verb_names[op->verb],
                  op_state_names[op->state], code_names[op->code]);
    else if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_PROBLEM)
        text_addf(world->story, "%s refuses %s\n", node->name, code_names[effect->reply.code]);
}

struct fetching {
    struct sim_world *world;
    const struct sim_node *node;
};

static bool fetch(void *context, struct record *record) {
    const struct fetching *fetching = context;
    return disk_fetch(fetching->world, fetching->node, record);
}

static void answer(struct sim_world *world, struct sim_node *node, struct reply *reply) {
    struct fetching fetching = {world, node};
    reply_fetch(reply, fetch, &fetching);
    world->stats.replies++;
    if (reply->kind == REPLY_PROBLEM)
        world->stats.refused[reply->code]++;
    world_observe(world, &(struct fact){FACT_ANSWERED, node, .reply = reply});
    ways_answer(world, node, reply);
}

static void perform(struct sim_world *world, struct sim_node *node, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct effect *effect = &node->pending.items[i];
        tell(world, node, effect);
        world->stats.syncs +=
            effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_SYNC;
        if (effect->kind == EFFECT_JOB)
            host_begin(world, node, &effect->job);
        else if (effect->kind == EFFECT_ROUTE)
            carrier_learn(&node->links[effect->route.link], &effect->route);
        else if (effect->kind == EFFECT_IMAGE)
            host_fetch_image(world, node, &effect->image);
        else if (effect->kind == EFFECT_ARCHIVE)
            images_obey(world, node, &effect->archive);
        else if (effect->kind == EFFECT_PIN || effect->kind == EFFECT_PIN_NEXT)
            keys_pin(world, node, effect);
        else if (effect->kind == EFFECT_REPLY && !node->is_followed)
            answer(world, node, &effect->reply);
        else if (effect->kind == EFFECT_DEPOSED)
            node->gave_way = true;
        else if (effect->kind == EFFECT_STREAM)
            ways_obey(world, node, &effect->stream);
        else if (effect->kind == EFFECT_READ)
            host_read(world, node, &effect->read);
        else if (effect->kind == EFFECT_USAGE)
            host_usage(world, node);
        else if (effect->kind == EFFECT_BUCKET)
            blocks_obey(world, node, &effect->bucket);
        else if (effect->kind == EFFECT_DELIVER)
            contacts_deliver(world, node, &effect->deliver);
        else if (effect->kind == EFFECT_GUARD)
            warden_obey(world, node, &effect->guard);
    }
    network_send(world, node, node->pending.items, count);
}

static void crash(struct sim_world *world, struct sim_node *node) {
    process_crash(world, node, 100 + disk_draw(world, away_most_ms));
}

/* A crash comes before the commit, or after it at any point of what follows. A commit that fails
 * ends the process: nothing of the transaction is there, and nothing was told. */
void shell_turn(struct sim_world *world, struct sim_node *node) {
    bool must_commit = turn_must_commit(&node->turn, &node->pending, world->now_ms);
    store(node);
    size_t count = node->pending.count;
    size_t point = node->doomed ? disk_draw(world, count + 2) : count + 1;
    bool failed = must_commit && !node->is_followed &&
                  disk_fault(world, world->settings.disk_failure);
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
