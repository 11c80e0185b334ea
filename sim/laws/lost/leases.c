/* What is promised, held against what is made of it, by the world's own clock. */
#include "sim/laws/lost/leases.h"

#include "core/link/lease.h"
#include "sim/laws/law.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

/* Emitted now: it counts as ended by the granter's clock after its margin, without what that has
 * for stopping. */
static void promise(struct leases *leases, const struct sim_world *world,
                    const struct sim_node *node, const struct effect_send *send) {
    uint64_t lease_ms = send->header.lease_ms;
    uint64_t margin_ms = lease_margin_ms(lease_ms) - lease_stop_ms;
    uint64_t ends = node_now_ms(world, node) + lease_ms + margin_ms;
    struct promise *to = ledger_put(&leases->promises, node, send->address);
    uint64_t ends_ms = node_world_ms(node, ends);
    if (to->ends_ms < ends_ms)
        to->ends_ms = ends_ms;
}

static void check_renewal(struct leases *leases, struct sim_world *world,
                          const struct sim_node *node, uint64_t until_ms) {
    ((struct promise *)ledger_put(&leases->promises, node, ""))->ends_ms = until_ms;
    const struct sim_node *manager = node_named(world, node->settings.managers[0].name);
    const struct promise *promised =
        ledger_get(&leases->promises, manager, node->links[0].address);
    uint64_t true_ms = node_world_ms(node, until_ms);
    world->stats.leases++;
    if (!promised || true_ms > promised->ends_ms)
        law_fail(world, "lease bound", "%s lets VMs run until %llu, %s counts on %llu", node->name,
                 (unsigned long long)true_ms, manager->name,
                 (unsigned long long)(promised ? promised->ends_ms : 0));
}

/* What runs by a lease is begun while there is one, by its host's clock. */
static void check_start(const struct leases *leases, struct sim_world *world,
                        const struct sim_node *node, const struct effect_job *job) {
    const struct promise *until = ledger_get(&leases->promises, node, "");
    const struct book_vm *vm = book_vm(role_book(node->role), job->vm);
    bool starts = job->kind == JOB_START || job->starts;
    if (starts && vm && vm->record.on_loss == ON_LOSS_RESTART &&
        (!until || until->ends_ms < node_now_ms(world, node)))
        law_fail(world, "a start has a lease", "%s starts %s, whose lease is over", node->name,
                 job->vm);
}

void leases_check_step(struct leases *leases, struct sim_world *world, const struct sim_node *node,
                       const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        bool is_sent = effect->kind == EFFECT_SEND || effect->kind == EFFECT_ACKNOWLEDGE;
        if (is_sent && effect->send.header.lease_ms)
            promise(leases, world, node, &effect->send);
        if (effect->kind == EFFECT_GUARD && effect->guard.order == GUARD_RENEW)
            check_renewal(leases, world, node, effect->guard.until_ms);
        if (effect->kind == EFFECT_JOB)
            check_start(leases, world, node, &effect->job);
    }
}

/* What was asked for before the loss, of what was half made or was to go, may come late. */
static bool is_older(const struct sim_node *node, const struct effect_job *job,
                     uint64_t generation) {
    const struct book *book = node->role ? role_book(node->role) : NULL;
    const struct book_vm *vm = book ? book_vm(book, job->vm) : NULL;
    const struct book_op *op = book ? book_op(book, job->op) : NULL;
    return !vm || !op || verb_makes(op->record.verb) || op->record.generation < generation;
}

void leases_check_job(struct sim_world *world, const struct sim_node *node,
                      const struct effect_job *job) {
    const struct sim_domain *domain = domain_of(world, node, job->vm);
    if (job->kind != JOB_REMOVE || !domain || domain->is_shell)
        return;
    uint64_t generation = domain_evicted(world, node, job->vm);
    if (generation && !is_older(node, job, generation))
        law_fail(world, "salvage is there", "%s deletes %s, which runs elsewhere from what was "
                 "there before", node->name, job->vm);
}

void leases_check_moved(struct sim_world *world, const struct sim_domain *domain) {
    bool is_guarded = domain_guarded(domain->node, domain->vm->id);
    if (domain->is_frozen && !domain->is_leased)
        law_fail(world, "stay", "%s stands still on %s, and runs by no lease", domain->vm->id,
                 domain->node->name);
    if (domain->is_leased && domain_goes_on(domain) && !is_guarded)
        law_fail(world, "guarded", "%s runs on %s, and nobody keeps its lease", domain->vm->id,
                 domain->node->name);
    if (domain->is_frozen && settings_are_calm(&world->settings))
        law_fail(world, "no needless freeze", "%s stands still on %s in a calm world",
                 domain->vm->id, domain->node->name);
}
