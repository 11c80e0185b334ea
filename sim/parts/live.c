/* Hosts that send each other VMs which run: what is ready for one, what has come and stands still.
 * What fails after both hosts have all of a VM leaves a copy that stands still; it must never run,
 * and what is all that there is of a VM must never be discarded. */
#include "sim/parts/live.h"

#include <string.h>

#include "base/text.h"
#include "sim/parts/change.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

bool live_can_receive(const struct sim_world *world, const struct sim_node *node) {
    uint64_t chance = map_hash(world->settings.seed, node->name, strlen(node->name)) % 1000;
    return !world->settings.even && chance < world->settings.live;
}

enum code live_receive(struct sim_world *world, struct sim_node *node,
                       const struct effect_job *job) {
    struct sim_domain *domain = domain_of(world, node, job->vm);
    if (domain && !domain->is_shell)
        return CODE_BAD_STATE;
    if (!domain)
        domain = domain_add(world, node, job->vm, &job->definition.size);
    domain->is_shell = true;
    domain->epoch = job->epoch;
    text_set(domain->image, job->definition.image);
    change_connect(domain, job);
    world_observe(world, &(struct fact){FACT_HOST, node});
    return CODE_OK;
}

static struct sim_node *destination(const struct sim_world *world, const struct effect_job *job) {
    for (size_t i = 0; job->landing.uri && i < world->nodes_count; i++)
        if (text_equal(world->nodes[i]->migration_uri, job->landing.uri))
            return world->nodes[i];
    return NULL;
}

/* What has been made ready there; NULL: nothing, or something has come already. */
static struct sim_domain *find_shell(const struct sim_world *world, const struct effect_job *job) {
    const struct sim_node *to = destination(world, job);
    struct sim_domain *shell = to ? domain_of(world, to, job->vm) : NULL;
    return shell && shell->is_shell && shell->epoch == job->landing.epoch ? shell : NULL;
}

/* All of it is there, and stands still. */
static void copy(struct sim_world *world, const struct sim_domain *domain,
                 struct sim_domain *shell) {
    world_observe(world, &(struct fact){FACT_COPIES, domain->node, .domain = {domain, shell}});
    shell->is_shell = false;
    shell->is_cut = false;
    shell->size = domain->size;
    shell->started = domain->started;
    shell->boot = domain->boot;
    shell->on_loss = domain->on_loss;
    text_set(shell->image, domain->image);
    text_set(shell->name, domain->name);
    domain_set_state(world, shell, VM_PAUSED);
}

enum code live_migrate(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job) {
    struct sim_domain *shell = find_shell(world, job);
    if (!domain)
        return CODE_OK; /* it has gone, in an earlier try */
    if (domain->state == VM_PAUSED)
        domain_set_state(world, domain, VM_RUNNING);
    if (domain->state != VM_RUNNING)
        return CODE_BAD_STATE;
    if (domain->is_frozen)
        return CODE_HOST_FAILED;
    if (!shell || !text_equal(domain->image, job->definition.image))
        return CODE_HOST_FAILED;
    copy(world, domain, shell);
    domain_remove(world, domain);
    domain_tell(world, shell, DOMAIN_CHANGED);
    world->stats.migrations++;
    return CODE_OK;
}

void live_migrate_half(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job) {
    struct sim_domain *shell = find_shell(world, job);
    if (!shell || domain->is_shell || domain->state != VM_RUNNING ||
        !text_equal(domain->image, job->definition.image))
        return;
    copy(world, domain, shell);
    domain_tell(world, shell, DOMAIN_CHANGED);
    world->stats.half_migrations++;
}

enum code live_adopt(struct sim_world *world, struct sim_domain *domain,
                     const struct effect_job *job) {
    if (domain->epoch != job->epoch)
        return CODE_LOST;
    domain_set_state(world, domain, VM_RUNNING);
    world->stats.adoptions++;
    return CODE_OK;
}

void live_cut_arrivals(struct sim_world *world, const struct sim_node *node) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        list_for(struct occurrence, job, &world->nodes[i]->jobs, by_node) {
            if (job->job->kind == JOB_MIGRATE && destination(world, job->job) == node)
                job->code = CODE_HOST_FAILED;
        }
    }
}
