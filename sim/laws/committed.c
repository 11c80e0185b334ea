/* What a node has committed, held against what it had before. */
#include "sim/laws/committed.h"

#include "sim/laws/law.h"
#include "sim/world/node.h"

/* Law 6: a deadline ends what nobody confirmed. A host's job is waited for, late as it may be. */
static void check_deadline(struct committed *committed, const struct sim_world *world,
                           const struct sim_node *node, const struct operation *op) {
    enum { job_most_ms = 700000 };
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (ended) {
        ledger_drop(&committed->deadlines, ledger_get(&committed->deadlines, node, op->id));
        return;
    }
    if (ledger_get(&committed->deadlines, node, op->id))
        return;
    struct deadline *deadline = ledger_put(&committed->deadlines, node, op->id);
    deadline->allowed_ms =
        op->deadline_ms > op->created_ms ? op->deadline_ms - op->created_ms : 0;
    deadline->allowed_ms += node->settings.kind == ROLE_AGENT ? job_most_ms : 0;
    deadline->allowed_ms += deadline->allowed_ms * world->settings.drift / 1000000;
    deadline->due_ms = world->now_ms + deadline->allowed_ms;
}

/* Law 4: what is newer never gives way to what is older. */
static void check_newest(struct committed *committed, struct sim_world *world,
                         const struct sim_node *node, const struct vm *vm) {
    struct newest *seen = ledger_put(&committed->newest, node, vm->id);
    if (vm->generation < seen->generation || vm->place_generation < seen->place_generation ||
        vm->epoch < seen->epoch)
        law_fail(world, "newest wins",
                 "%s: %s goes from epoch %u generation %llu back to %u, %llu", node->name,
                 vm->id, seen->epoch, (unsigned long long)seen->generation, vm->epoch,
                 (unsigned long long)vm->generation);
    seen->generation = vm->generation;
    seen->place_generation = vm->place_generation;
    seen->epoch = vm->epoch;
}

static void forget(struct committed *committed, const struct sim_node *node,
                   const struct record *record) {
    if (record->table == &stored_vm_table) {
        const struct vm *vm = record->data;
        ledger_drop(&committed->newest, ledger_get(&committed->newest, node, vm->id));
    } else if (record->table == &operation_table) {
        const struct operation *op = record->data;
        ledger_drop(&committed->deadlines, ledger_get(&committed->deadlines, node, op->id));
    }
}

/* A locked VM is nobody's to act on, until it is unlocked. */
static void check_lock(struct committed *committed, struct sim_world *world,
                       const struct sim_node *node, const struct operation *op) {
    struct entry *locked = ledger_get(&committed->locked, node, op->vm);
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (!node_is_upstream(node))
        return;
    if (locked && !ended && op->verb != VERB_UNLOCK && !op->internal) /* which nobody asks for */
        law_fail(world, "locked", "%s (%s) is begun on %s, which is locked", op->id,
                 verb_names[op->verb], op->vm);
    if (op->verb == VERB_LOCK && op->state == OP_SUCCEEDED)
        (void)ledger_put(&committed->locked, node, op->vm);
    if (op->verb == VERB_UNLOCK && op->state == OP_SUCCEEDED && locked)
        ledger_drop(&committed->locked, locked);
}

static void check_op(struct committed *committed, struct sim_world *world,
                     const struct sim_node *node, const struct operation *op) {
    check_deadline(committed, world, node, op);
    check_lock(committed, world, node, op);
}

void committed_check(struct committed *committed, struct sim_world *world,
                     const struct sim_node *node, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind == EFFECT_FORGET)
            forget(committed, node, record);
        else if (record->table == &operation_table)
            check_op(committed, world, node, record->data);
        else if (record->table == &stored_vm_table)
            check_newest(committed, world, node, record->data);
    }
}

/* Time stood still for it, and its wall clock may be another. */
void committed_started(struct committed *committed, const struct sim_world *world,
                       const struct sim_node *node) {
    list_for(struct deadline, deadline, &committed->deadlines.entries, entry.in_ledger) {
        if (deadline->entry.node != node)
            continue;
        uint64_t again = world->now_ms + (world->settings.clock_jump ? deadline->allowed_ms : 0);
        deadline->due_ms = again > deadline->due_ms ? again : deadline->due_ms;
    }
}

void committed_check_minute(const struct committed *committed, struct sim_world *world) {
    list_for(const struct deadline, deadline, &committed->deadlines.entries, entry.in_ledger) {
        if (deadline->entry.node->role && deadline->due_ms + law_slack_ms <= world->now_ms)
            law_fail(world, "never stuck", "%s: %s should have ended at %llu ms",
                     deadline->entry.node->name, ledger_name(&deadline->entry),
                     (unsigned long long)deadline->due_ms);
    }
}
