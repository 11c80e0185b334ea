/* Hosts that send each other VMs which run: what is ready for one, what has come and stands still,
 * and the laws about them. What fails after both hosts have all of a VM leaves a copy that stands
 * still; it must never run, and what is all that there is of a VM must never be discarded. */

#include <string.h>

#include "base/text.h"
#include "sim/laws/check.h"

bool host_receives(const struct sim_world *world, const struct sim_node *node) {
    uint64_t chance = map_hash(world->settings.seed, node->name, strlen(node->name)) % 1000;
    return !world->settings.even && chance < world->settings.live;
}

enum code host_receive(struct sim_world *world, struct sim_node *node,
                       const struct effect_job *job) {
    struct sim_domain *domain = host_domain(world, node, job->vm);
    if (domain && !domain->is_shell)
        return CODE_BAD_STATE;
    if (!domain)
        domain = host_add_domain(world, node, job->vm, &job->definition.size);
    domain->is_shell = true;
    domain->epoch = job->epoch;
    (void)text_copy(domain->image, sizeof(domain->image), job->definition.image);
    host_connect(world, domain, job);
    check_host(world, node);
    return CODE_OK;
}

static struct sim_node *destination(const struct sim_world *world, const struct effect_job *job) {
    static const char scheme[] = "sim:";
    const char *uri = job->landing.uri;
    return uri && text_starts(uri, scheme) ? world_node(world, uri + strlen(scheme)) : NULL;
}

/* What has been made ready there; NULL: nothing, or something has come already. */
static struct sim_domain *find_shell(const struct sim_world *world, const struct effect_job *job) {
    const struct sim_node *to = destination(world, job);
    struct sim_domain *shell = to ? host_domain(world, to, job->vm) : NULL;
    return shell && shell->is_shell && shell->epoch == job->landing.epoch ? shell : NULL;
}

/* All of it is there, and stands still. */
static void copy(struct sim_world *world, const struct sim_domain *domain,
                 struct sim_domain *shell) {
    if (!text_equal(shell->image, domain->image) || shell->size.disk_gib != domain->size.disk_gib)
        check_fail(world, "nothing is half-made", "%s comes to a disk of another image or size",
                   domain->vm->id);
    if (!text_equal(shell->networks, domain->networks))
        check_fail(world, "a host has the networks", "%s is in '%s' and comes to where '%s' was "
                   "asked for", domain->vm->id, domain->networks, shell->networks);
    shell->is_shell = false;
    shell->is_cut = false;
    shell->size = domain->size;
    shell->started = domain->started;
    shell->boot = domain->boot;
    (void)text_copy(shell->image, sizeof(shell->image), domain->image);
    host_move(world, shell, VM_PAUSED);
}

enum code host_migrate(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job) {
    struct sim_domain *shell = find_shell(world, job);
    if (!domain)
        return CODE_OK; /* it has gone, in an earlier try */
    if (domain->state == VM_PAUSED)
        host_move(world, domain, VM_RUNNING);
    if (domain->state != VM_RUNNING)
        return CODE_BAD_STATE;
    if (!shell || !text_equal(domain->image, job->definition.image))
        return CODE_HOST_FAILED;
    copy(world, domain, shell);
    host_take_away(world, domain);
    host_tell_changed(world, shell);
    world->stats.migrations++;
    return CODE_OK;
}

void host_migrate_half(struct sim_world *world, struct sim_domain *domain,
                       const struct effect_job *job) {
    struct sim_domain *shell = find_shell(world, job);
    if (!shell || domain->is_shell || domain->state != VM_RUNNING ||
        !text_equal(domain->image, job->definition.image))
        return;
    copy(world, domain, shell);
    host_tell_changed(world, shell);
    world->stats.half_migrations++;
}

enum code host_adopt(struct sim_world *world, struct sim_domain *domain,
                     const struct effect_job *job) {
    if (domain->epoch != job->epoch)
        return CODE_LOST;
    host_move(world, domain, VM_RUNNING);
    world->stats.adoptions++;
    return CODE_OK;
}

void host_cut_arrivals(struct sim_world *world, const struct sim_node *node) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct list *at = NULL, *next = NULL;
        list_each(at, next, &world->nodes[i]->jobs) {
            struct occurrence *job = container_of(at, struct occurrence, by_node);
            if (job->job->kind == JOB_MIGRATE && destination(world, job->job) == node)
                job->code = CODE_HOST_FAILED;
        }
    }
}

/* Law 6: nobody loses a VM. What a manager has discarded on a destination is not all of it. */
void check_removed(struct sim_world *world, const struct sim_node *node,
                   const struct sim_domain *domain) {
    const char *manager = node->settings.managers[0].name;
    const struct sim_row *row = NULL;
    struct record record = {0};
    if (!domain || domain->is_shell || world->settings.bare ||
        domain->by_vm.next != domain->by_vm.previous)
        return;
    row = disk_row(world_node(world, manager), &vm_table, domain->vm->id);
    if (!row)
        return;
    disk_read(world, row, &record);
    const struct vm *kept = record.data;
    if (kept->destination && text_equal(kept->destination, node->name))
        check_fail(world, "nobody loses a VM", "%s discards %s, which is nowhere else", node->name,
                   domain->vm->id);
    record_deinit(&record);
}
