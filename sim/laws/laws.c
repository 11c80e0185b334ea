/* Which law hears of which fact. */
#include "sim/laws/laws.h"

#include <stddef.h>

#include "base/memory.h"
#include "core/books/book.h"
#include "core/role.h"
#include "message/codec.h"
#include "sim/laws/answers.h"
#include "sim/laws/committed.h"
#include "sim/laws/decisions.h"
#include "sim/laws/ends.h"
#include "sim/laws/fairness.h"
#include "sim/laws/hosts.h"
#include "sim/laws/kept/audited.h"
#include "sim/laws/kept/copies.h"
#include "sim/laws/kept/intervals.h"
#include "sim/laws/law.h"
#include "sim/laws/lost/leases.h"
#include "sim/laws/lost/restored.h"
#include "sim/laws/lines.h"
#include "sim/laws/peers/belief.h"
#include "sim/laws/peers/holds.h"
#include "sim/laws/peers/usage.h"
#include "sim/laws/peers/relays.h"
#include "sim/laws/placing/placed.h"
#include "sim/laws/placing/ruled.h"
#include "sim/laws/refusals.h"
#include "sim/laws/rest.h"
#include "sim/laws/sovereignty.h"
#include "sim/laws/reach/streams.h"
#include "sim/laws/timeline.h"
#include "sim/laws/wall.h"
#include "sim/world/node.h"

struct laws {
    struct answers answers;
    struct audited audited;
    struct committed committed;
    struct copies copies;
    struct restored restored;
    struct ruled ruled;
    struct ends ends;
    struct fairness fairness;
    struct hosts hosts;
    struct leases leases;
    struct lines lines;
    struct refusals refusals;
    struct sovereignty sovereignty;
    struct wall wall;
    uint32_t *long_steps; /* of each node: those that it has taken with long books */
};

static const struct {
    size_t offset, entry_size;
} ledgers[] = {
    {offsetof(struct laws, answers.asked), sizeof(struct asked)},
    {offsetof(struct laws, answers.keys), sizeof(struct used_key)},
    {offsetof(struct laws, answers.told), sizeof(struct entry)},
    {offsetof(struct laws, audited.ends), sizeof(struct audit_end)},
    {offsetof(struct laws, audited.rows), sizeof(struct audit_kept)},
    {offsetof(struct laws, audited.ops), sizeof(struct entry)},
    {offsetof(struct laws, audited.restarts), sizeof(struct audit_restarts)},
    {offsetof(struct laws, committed.deadlines), sizeof(struct deadline)},
    {offsetof(struct laws, committed.newest), sizeof(struct newest)},
    {offsetof(struct laws, committed.locked), sizeof(struct entry)},
    {offsetof(struct laws, copies.listed), sizeof(struct listed_copies)},
    {offsetof(struct laws, ends.evicted), sizeof(struct entry)},
    {offsetof(struct laws, ends.moved), sizeof(struct entry)},
    {offsetof(struct laws, fairness.paces), sizeof(struct last_pace)},
    {offsetof(struct laws, hosts.reboots), sizeof(struct reboots)},
    {offsetof(struct laws, leases.promises), sizeof(struct promise)},
    {offsetof(struct laws, lines.losses), sizeof(struct line_loss)},
    {offsetof(struct laws, refusals.rooms), sizeof(struct told_room)},
    {offsetof(struct laws, refusals.shapes), sizeof(struct asked_shape)},
    {offsetof(struct laws, restored.restarts), sizeof(struct restart)},
    {offsetof(struct laws, ruled.ops), sizeof(struct ruled_op)},
    {offsetof(struct laws, sovereignty.places), sizeof(struct last_place)},
    {offsetof(struct laws, sovereignty.destinations), sizeof(struct last_place)},
    {offsetof(struct laws, sovereignty.names), sizeof(struct last_place)},
    {offsetof(struct laws, wall.told), sizeof(struct entry)},
    {offsetof(struct laws, wall.said), sizeof(struct wall_said)},
};

static struct ledger *ledger_of(struct laws *laws, size_t which) {
    return (struct ledger *)(void *)((char *)laws + ledgers[which].offset);
}

struct laws *laws_new(const struct sim_world *world) {
    struct laws *laws = memory_new(1, sizeof(*laws));
    for (size_t i = 0; i < array_size(ledgers); i++)
        ledger_init(ledger_of(laws, i), ledgers[i].entry_size);
    laws->sovereignty.used = memory_new(world->nodes_count, sizeof(*laws->sovereignty.used));
    laws->long_steps = memory_new(world->nodes_count, sizeof(*laws->long_steps));
    return laws;
}

void laws_free(struct laws *laws, const struct sim_world *world) {
    for (size_t i = 0; i < array_size(ledgers); i++)
        ledger_deinit(ledger_of(laws, i));
    for (uint32_t i = 0; i < world->nodes_count; i++)
        memory_free(laws->sovereignty.used[i]);
    memory_free(laws->sovereignty.used);
    memory_free(laws->long_steps);
    memory_free(laws);
}

/* Its store is empty: what the laws remember of it is not known there any more. Of a manager's,
 * some rows are older: their numbers go back, this once. */
static void forget_node(struct laws *laws, const struct sim_node *node) {
    for (size_t i = 0; i < array_size(ledgers); i++) {
        struct ledger *ledger = ledger_of(laws, i);
        if (node->settings.kind != ROLE_AGENT && ledger != &laws->committed.newest &&
            ledger != &laws->audited.ends && ledger != &laws->audited.rows)
            continue;
        list_for(struct entry, entry, &ledger->entries, in_ledger) {
            if (entry->node == node)
                ledger_drop(ledger, entry);
        }
    }
}

/* The role's own invariants. All of them walk everything: after each step where its books are
 * short; where they are long every 64th step and before its process ends, and after the others
 * those of the records that the step has saved. */
static void check_role(struct laws *laws, struct sim_world *world, const struct sim_node *node,
                       const struct effects *effects) {
    enum { short_rows = 32, full_steps = 64 };
    const struct book *book = role_book(node->role);
    if (book->vms_count + book->ops_count <= short_rows ||
        ++laws->long_steps[node->index] % full_steps == 0) {
        role_check(node->role);
        timeline_check_waits(world, node);
    } else {
        book_check_saved(book, effects);
    }
}

static void hear_of_op(struct laws *laws, struct sim_world *world, struct sim_node *node,
                       const struct operation *op) {
    if (op->ended_ms == node_wall_ms(world, node)) {
        fairness_check_had(world, node, op);
        ends_check(&laws->ends, world, node, op);
    }
    hosts_check_full(world, node, op);
    timeline_check(world, node, op);
    refusals_check(&laws->refusals, &laws->ends, world, node, op);
    placed_check_permits(world, node, op);
    ruled_check(&laws->ruled, world, node, op);
    sovereignty_check_op(&laws->ends, world, node, op);
}

static void hear_of_vm(struct laws *laws, struct sim_world *world, struct sim_node *node,
                       const struct stored_vm *stored) {
    sovereignty_check_vm(&laws->sovereignty, &laws->ends, world, node, stored);
    placed_check(world, node, &stored->vm);
    hosts_check_held(world, node, &stored->vm);
}

static void hear_of_step(struct laws *laws, struct sim_world *world, struct sim_node *node,
                         const struct effects *effects) {
    bool vms_changed = false;
    check_role(laws, world, node, effects);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        const struct record *record = &effect->record;
        if (effect->kind == EFFECT_NOTE && effect->note.level == NOTE_FAULT)
            law_fail(world, "what is said can be read", "%s: %s", node->name, effect->note.text);
        if (effect->kind == EFFECT_FORGET)
            ends_check_forgotten(world, node, record);
        if (effect->kind == EFFECT_REPLY)
            refusals_check_reply(world, node, &effect->reply);
        if (effect->kind == EFFECT_ARCHIVE)
            hosts_check_eviction(world, node, &effect->archive);
        if (effect->kind != EFFECT_SAVE)
            continue;
        if (record->table == &operation_table)
            hear_of_op(laws, world, node, record->data);
        if (record->table == &node_table)
            refusals_cluster_saved(&laws->refusals, world, node, record->data);
        if (record->table == &stored_vm_table)
            hear_of_vm(laws, world, node, record->data);
        vms_changed |= record->table == &stored_vm_table;
    }
    fairness_check(&laws->fairness, world, node, effects);
    if (world->settings.ips + world->settings.logs + world->settings.usage)
        wall_check_views(&laws->wall, world, node, effects);
    if (world->ways)
        streams_check_step(world, node);
    if (world->settings.leases)
        leases_check_step(&laws->leases, world, node, effects);
    if (vms_changed && node->lent)
        sovereignty_check_limits(&laws->sovereignty, world, node, effects);
}

static void hear_of_crash(struct laws *laws, const struct sim_node *node) {
    role_check(node->role); /* the last time */
    answers_crashed(&laws->answers, node);
    lines_crashed(&laws->lines, node);
}

static void hear_of_start(struct laws *laws, const struct sim_world *world,
                          const struct sim_node *node) {
    sovereignty_count(&laws->sovereignty, world, node);
    sovereignty_started(&laws->sovereignty, node);
    committed_started(&laws->committed, world, node);
}

static void hear_of_minute(struct laws *laws, struct sim_world *world) {
    lines_check(world);
    committed_check_minute(&laws->committed, world);
    answers_check_minute(&laws->answers, world);
    wall_check_signs(world);
    if (world->settings.intervals && !world->settings.clock_jump)
        intervals_check_minute(world);
    if (world->ways)
        streams_check_minute(world);
}

static void hear_of_answer(struct laws *laws, struct sim_world *world,
                           const struct sim_node *node, const struct reply *reply) {
    answers_check(&laws->answers, world, node, reply);
    audited_check_answer(&laws->audited, world, node, reply);
    decisions_check_kept(world, node);
}

static void hear_of_message(struct laws *laws, struct sim_world *world, const struct sim_node *node,
                            const struct message *message) {
    wall_said(&laws->wall, node, message);
    hosts_check_claims(world, node, message);
}

static void hear_of_unreadable(struct sim_world *world, const struct fact_unreadable *what) {
    law_fail(world, "what is written can be read", "%s: %s %s", what->what, what->fault->field,
             what->fault->text);
}

static void hear_of_move(struct sim_world *world, const struct sim_domain *domain) {
    hosts_moved(world, domain);
    if (world->settings.leases)
        leases_check_moved(world, domain);
}

static void hear_of_act(struct laws *laws, struct sim_world *world, const struct sim_node *node,
                        const struct effect_job *job) {
    hosts_job_acts(&laws->hosts, world, node, job);
    if (world->settings.leases)
        leases_check_job(world, node, job);
    if (world->settings.from_copy && !world->settings.clock_jump)
        restored_check_job(&laws->restored, world, node, job);
}

static void hear_of_host(struct laws *laws, struct sim_world *world, const struct fact *fact) {
    if (fact->kind == FACT_JOB_BEGINS)
        hosts_job_begins(world, fact->node, fact->job);
    else if (fact->kind == FACT_JOB_ACTS)
        hear_of_act(laws, world, fact->node, fact->job);
    else if (fact->kind == FACT_HOST)
        hosts_check(world, fact->node);
    else if (fact->kind == FACT_MOVED)
        hear_of_move(world, fact->domain.domain);
    else if (fact->kind == FACT_EVICTED)
        hosts_check_evicted(world, fact->node, fact->archive);
    else
        hosts_copies(world, &fact->domain);
}

static void hear_of_servers(struct laws *laws, struct sim_world *world, const struct fact *fact) {
    if (fact->kind == FACT_LINE_LOST)
        lines_lost(&laws->lines, world, &fact->line);
    else if (fact->kind == FACT_LINE_UP)
        lines_up(&laws->lines, world, &fact->line);
    else if (fact->kind == FACT_DUE)
        lines_due(&laws->lines, world, fact->due);
    else if (fact->kind == FACT_RELAY)
        relays_check(world, fact->relay);
    else
        relays_check_passed(world, &fact->relayed);
}

/* Stores that are lost, and strangers by others' names. */
static void hear_of_others(struct laws *laws, struct sim_world *world, const struct fact *fact) {
    if (fact->kind == FACT_STORE_LOST)
        forget_node(laws, fact->node);
    else if (fact->kind == FACT_TWIN)
        belief_check_twin(world, fact->node, &fact->stranger);
    else
        belief_check_predecessor(world, fact->node, &fact->stranger);
}

/* In a bare world nothing is looked at but what takes no time; what a manager does that was
 * followed is nobody's, if it does no harm. */
static bool is_heard(struct sim_world *world, const struct fact *fact) {
    enum fact_kind kind = fact->kind;
    bool is_followed = fact->node && fact->node->is_followed;
    if (is_followed && kind == FACT_STEP)
        belief_check_followed(world, fact->node, fact->effects);
    if (is_followed)
        return false;
    return !world->settings.bare || kind == FACT_UNREADABLE || kind == FACT_JOB_ACTS ||
           kind == FACT_MOVED || kind == FACT_COPIES;
}

static void hear_of_commit(struct laws *laws, struct sim_world *world, struct sim_node *node,
                           const struct effects *effects) {
    committed_check(&laws->committed, world, node, effects);
    belief_check_commit(world, node, effects);
    audited_check(&laws->audited, world, node, effects);
    if ((world->settings.copies || world->settings.intervals) && !world->settings.clock_jump)
        copies_check(&laws->copies, world, node, effects);
    if (world->settings.intervals && node->settings.kind == ROLE_DOWNSTREAM)
        intervals_check(world, node, effects);
    if (world->settings.from_copy && !world->settings.clock_jump)
        restored_check(&laws->restored, world, node, effects);
}

void laws_observe(struct sim_world *world, const struct fact *fact) {
    struct laws *laws = world->laws;
    struct sim_node *node = fact->node;
    if (!is_heard(world, fact))
        return;
    switch (fact->kind) {
    case FACT_STARTS:
        break;
    case FACT_STARTED:
        hear_of_start(laws, world, node);
        break;
    case FACT_CRASHES:
        hear_of_crash(laws, node);
        break;
    case FACT_STEP:
        hear_of_step(laws, world, node, fact->effects);
        break;
    case FACT_COMMIT:
        hear_of_commit(laws, world, node, fact->effects);
        break;
    case FACT_MINUTE:
        hear_of_minute(laws, world);
        break;
    case FACT_ASKED:
        answers_asked(&laws->answers, world, node, fact->request);
        break;
    case FACT_ANSWERED:
        hear_of_answer(laws, world, node, fact->reply);
        break;
    case FACT_SAID:
        hear_of_message(laws, world, node, fact->message);
        break;
    case FACT_UPLINK:
        wall_check(&laws->wall, world, node, &fact->uplink);
        break;
    case FACT_UNREADABLE:
        hear_of_unreadable(world, &fact->unreadable);
        break;
    case FACT_LINE_LOST:
    case FACT_LINE_UP:
    case FACT_DUE:
    case FACT_RELAY:
    case FACT_RELAYED:
        hear_of_servers(laws, world, fact);
        break;
    case FACT_JOB_BEGINS:
    case FACT_JOB_ACTS:
    case FACT_HOST:
    case FACT_MOVED:
    case FACT_EVICTED:
    case FACT_COPIES:
        hear_of_host(laws, world, fact);
        break;
    case FACT_DECISION:
        decisions_check(world, node, &fact->decision);
        break;
    case FACT_CONSENT:
        decisions_check_consent(world, node, &fact->consent);
        break;
    case FACT_STREAM:
        streams_check_taken(world, node, &fact->stream);
        break;
    case FACT_STORE_LOST:
    case FACT_TWIN:
    case FACT_PREDECESSOR:
        hear_of_others(laws, world, fact);
        break;
    }
}

void laws_check_end(struct sim_world *world) {
    struct laws *laws = world->laws;
    rest_check_sessions(world);
    lines_check_end(world);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        sovereignty_count(&laws->sovereignty, world, world->nodes[i]);
        rest_check(world, world->nodes[i]);
        belief_check_end(world, world->nodes[i]);
        holds_check_end(world, world->nodes[i]);
        usage_check_end(world, world->nodes[i]);
        copies_check_end(world, world->nodes[i]);
        restored_check_end(world, world->nodes[i]);
        wall_check_signs_at_rest(world, world->nodes[i]);
    }
    for (uint32_t i = 0; i < world->settings.upstreams && !world->settings.greedy; i++)
        rest_check_balance(&laws->sovereignty, world, world->nodes[i]);
    answers_check_end(&laws->answers, world);
}
