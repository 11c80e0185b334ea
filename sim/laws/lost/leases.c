/* What is promised, held against what is made of it, by the world's own clock. */
#include "sim/laws/lost/leases.h"

#include "core/agent/vm.h"
#include "core/link/lease.h"
#include "message/leftover.h"
#include "sim/laws/law.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

/* Emitted now: it counts as ended by the granter's clock after its margin, without what that has
 * for stopping. */
static void promise(struct leases *leases, const struct sim_world *world,
                    const struct sim_node *node, const struct effect_send *send,
                    enum lease_reach reach) {
    const struct frame_header *header = &send->header;
    uint64_t lease_ms = reach == LEASE_ANYWHERE ? header->anywhere_ms : header->lease_ms;
    uint64_t margin_ms = lease_margin_ms(lease_ms) - lease_stop_ms;
    uint64_t ends = node_now_ms(world, node) + lease_ms + margin_ms;
    struct promise *to = ledger_put(&leases->promises, node, send->address);
    uint64_t ends_ms = node_world_ms(node, ends);
    if (lease_ms && to->ends_ms[reach] < ends_ms)
        to->ends_ms[reach] = ends_ms;
}

/* What whoever gave it counts on; of one that was passed on, whoever is at the top. */
static const struct promise *promise_to(const struct leases *leases, const struct sim_world *world,
                                        const struct sim_node *node, enum lease_reach reach) {
    const struct sim_node *manager = node_named(world, node->settings.managers[0].name);
    uint32_t up = node->settings.managers[0].link;
    while (reach == LEASE_ANYWHERE && !node_is_upstream(manager)) {
        node = manager;
        up = node->settings.managers[0].link;
        manager = node_named(world, node->settings.managers[0].name);
    }
    return ledger_get(&leases->promises, manager, node->links[up].address);
}

static void check_renewal(struct leases *leases, struct sim_world *world,
                          const struct sim_node *node, const struct effect_guard *guard) {
    enum lease_reach reach = (enum lease_reach)guard->group;
    ((struct promise *)ledger_put(&leases->promises, node, ""))->ends_ms[reach] = guard->until_ms;
    const struct promise *promised = promise_to(leases, world, node, reach);
    uint64_t true_ms = node_world_ms(node, guard->until_ms);
    world->stats.leases++;
    if (!promised || true_ms > promised->ends_ms[reach])
        law_fail(world, "lease bound", "%s lets VMs run until %llu, as far as %d, its granter "
                 "counts on %llu", node->name, (unsigned long long)true_ms, reach,
                 (unsigned long long)(promised ? promised->ends_ms[reach] : 0));
}

/* What runs by a lease is begun while there is one, by its host's clock. */
static void check_start(const struct leases *leases, struct sim_world *world,
                        const struct sim_node *node, const struct effect_job *job) {
    const struct promise *until = ledger_get(&leases->promises, node, "");
    const struct book_vm *vm = book_vm(role_book(node->role), job->vm);
    bool starts = job->kind == JOB_START || job->starts;
    if (starts && vm && on_loss_is_leased(vm->record.on_loss) &&
        (!until || until->ends_ms[agent_reach(vm)] < node_now_ms(world, node)))
        law_fail(world, "a start has a lease", "%s starts %s, whose lease is over", node->name,
                 job->vm);
}

void leases_check_step(struct leases *leases, struct sim_world *world, const struct sim_node *node,
                       const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        bool is_sent = effect->kind == EFFECT_SEND || effect->kind == EFFECT_ACKNOWLEDGE;
        for (int reach = 0; is_sent && reach < LEASE_REACH_COUNT; reach++)
            promise(leases, world, node, &effect->send, (enum lease_reach)reach);
        if (effect->kind == EFFECT_GUARD && effect->guard.order == GUARD_RENEW)
            check_renewal(leases, world, node, &effect->guard);
        if (effect->kind == EFFECT_SAVE && effect->record.table == &eviction_table)
            world->stats.elsewhere += node_is_upstream(node) &&
                                      !((const struct eviction *)effect->record.data)->done_ms;
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
    if (domain->is_frozen && !on_loss_is_leased(domain->on_loss))
        law_fail(world, "stay", "%s stands still on %s, and runs by no lease", domain->vm->id,
                 domain->node->name);
    if (on_loss_is_leased(domain->on_loss) && domain_goes_on(domain) && !is_guarded)
        law_fail(world, "guarded", "%s runs on %s, and nobody keeps its lease", domain->vm->id,
                 domain->node->name);
    if (domain->is_frozen && settings_are_calm(&world->settings))
        law_fail(world, "no needless freeze", "%s stands still on %s in a calm world",
                 domain->vm->id, domain->node->name);
}
