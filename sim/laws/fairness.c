/* Several upstreams share a cluster: who waits at a host has its part of what is under way there,
 * by its weight, and what is kept for one can be had by it. */
#include "sim/laws/fairness.h"

#include "base/text.h"
#include "core/below/pace.h"
#include "core/books/book.h"
#include "core/books/lifecycle.h"
#include "core/effect.h"
#include "core/role.h"
#include "sim/actors/askers.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

enum { askers_most = 16 };

struct turns {
    uint64_t under_way[askers_most], waiting[askers_most], all;
};

/* How many of the VMs at the place it has been asked for, and how many are held back. */
static struct turns count(struct sim_world *world, const struct sim_node *node,
                          const char *place) {
    struct turns turns = {0};
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age) {
        const struct book_op *op = vm->active;
        size_t which = askers_which(world, node, vm->record.asker);
        if (!op || which >= askers_most || !text_equal(book_asked_place(vm), place) ||
            !op->record.place_generation) /* waits for its image yet */
            continue;
        if (op->attempts) {
            turns.under_way[which]++;
            turns.all++;
        } else if (op->resend_ms == book_never &&
                   op->deadline_ms > node_now_ms(world, node)) {
            turns.waiting[which]++;
        }
    }
    return turns;
}

static uint64_t weight(const struct sim_node *node, size_t which) {
    uint64_t weight = node->shared[which].weight;
    return weight ? weight : 1;
}

static void check_place(struct sim_world *world, const struct sim_node *node,
                        const struct peer_setting *place) {
    const struct turns turns = count(world, node, place->name);
    size_t askers = node->settings.managers_count;
    uint64_t sum = 0;
    for (size_t i = 0; i < askers; i++)
        sum += weight(node, i);
    for (size_t i = 0; i < askers; i++) {
        uint64_t part = place->at_once * weight(node, i) / sum;
        world->stats.waited += turns.waiting[i] > 0;
        if (turns.waiting[i] &&
            (turns.under_way[i] < (part ? part : 1) || turns.all < place->at_once) &&
            node_now_ms(world, node) - role_pace(node->role)->askers[i].newest_ms >
                pace_spacing_ms) /* else it may be held, or another place may have its turn */
            law_fail(world, "fair",
                     "%llu of %s wait for %s with %llu under way of %llu, %llu in all",
                     (unsigned long long)turns.waiting[i], node->settings.managers[i].name,
                     place->name, (unsigned long long)turns.under_way[i],
                     (unsigned long long)(part ? part : 1), (unsigned long long)turns.all);
    }
}

/* What the asker had begun of late before this step, by what is told now. */
static uint64_t begun_before(const struct sim_node *node, const struct pace *before,
                             size_t which) {
    uint64_t halvings =
        (role_pace(node->role)->halved_ms - before->halved_ms) / pace_halving_ms;
    return halvings < 64 ? before->askers[which].begun >> halvings : 0;
}

/* Was the asker ahead of another one, which began nothing in this step, with so many begun? */
static bool is_ahead(const struct sim_node *node, const struct pace *before, size_t which,
                     uint64_t begun) {
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        uint64_t other = role_pace(node->role)->askers[i].begun;
        if (other && other == begun_before(node, before, i) &&
            begun * weight(node, i) > other * weight(node, which))
            return true;
    }
    return false;
}

/* Something newer on the same VM took the place of what was begun. */
static bool supersedes(const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_SAVE && effect->record.table == &operation_table &&
            ((const struct operation *)effect->record.data)->code == CODE_SUPERSEDED)
            return true;
    }
    return false;
}

/* Who is ahead begins no two operations in one step. */
static void check_pace(struct sim_world *world, const struct sim_node *node, struct pace *before,
                       const struct effects *effects) {
    const struct pace *pace = role_pace(node->role);
    for (size_t i = 0; i < node->settings.managers_count; i++) {
        uint64_t now = pace->askers[i].begun, begun = now - begun_before(node, before, i);
        if (begun > pace_one && begun <= now && is_ahead(node, before, i, now - pace_one) &&
            !supersedes(effects))
            law_fail(world, "paced", "%s is ahead and begins %llu operations at once",
                     node->settings.managers[i].name, (unsigned long long)(begun / pace_one));
    }
    *before = *pace;
}

/* After a step in which a place was asked for something, it is connected: then nobody waits who
 * need not. (Full sessions hold back what they like.) */
void fairness_check(struct fairness *fairness, struct sim_world *world,
                    const struct sim_node *node, const struct effects *effects) {
    if (!node->shared || node->settings.managers_count < 2)
        return;
    struct last_pace *last = ledger_put(&fairness->paces, node, "");
    check_pace(world, node, &last->pace, effects);
    if (world->settings.window)
        return;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind != EFFECT_SEND || effect->send.message.kind != MESSAGE_INSTRUCT)
            continue;
        for (size_t k = 0; k < node->settings.agents_count; k++)
            if (text_equal(node->settings.agents[k].address, effect->send.address))
                check_place(world, node, &node->settings.agents[k]);
    }
}

/* Where all goes well, VMs are as small as hosts' processors, and nobody has decided anew. */
static bool is_calm(const struct sim_settings *settings) {
    struct sim_settings one = *settings;
    one.upstreams = 1;
    return settings->shapes == 1 && settings->levels == 2 && settings_are_calm(&one);
}

/* What the other VMs of its upstream use. */
static struct amounts used_beside(const struct sim_node *node, const struct vm *vm) {
    struct amounts used = {0};
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &role_book(node->role)->vms) {
        const struct vm *each = &container_of(at, struct book_vm, by_age)->record;
        if (each == vm || !text_equal(each->asker, vm->asker) || !lifecycle_occupies(each->state))
            continue;
        used.cpus += each->size.cpus;
        used.memory_mib += each->size.memory_mib;
    }
    return used;
}

void fairness_check_had(struct sim_world *world, const struct sim_node *node,
                        const struct operation *op) {
    size_t which = askers_which(world, node, op->asker);
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    if (!node->shared || !vm || op->code != CODE_NO_CAPACITY || !is_calm(&world->settings))
        return;
    const struct amounts *lent = &node->lent[which];
    const struct amounts used = used_beside(node, &vm->record);
    const struct amounts *kept = &node->shared[which].kept;
    const struct size *size = &vm->record.size;
    bool limited = lent->vms || lent->cpus || lent->memory_mib || lent->disk_gib;
    bool within = used.cpus + size->cpus <= kept->cpus &&
                  used.memory_mib + size->memory_mib <= kept->memory_mib;
    if (within && !limited)
        law_fail(world, "what is kept is had", "%s has no room for %s, for which it is kept",
                 node->name, op->vm);
}
