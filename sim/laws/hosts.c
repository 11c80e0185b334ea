/* The laws of hosts: what a level writes is what the host has, what is under way holds the larger
 * size, no host has more than it is, and no job does what nobody wants: a VM is in one place, none
 * is lost, and none is acted on twice. */
#include "sim/laws/hosts.h"

#include <stdio.h>

#include "base/text.h"
#include "core/books/amounts.h"
#include "core/books/reshape.h"
#include "core/role.h"
#include "message/labels.h"
#include "sim/laws/law.h"
#include "sim/parts/change.h"
#include "sim/parts/disk.h"
#include "sim/parts/domain.h"
#include "sim/parts/images/images.h"
#include "sim/world/node.h"

static bool within(const struct size *size, const struct size *of) {
    struct size growth = size_growth(of, size);
    return size_is_zero(&growth);
}

static uint32_t lent(uint32_t has, uint32_t percent) {
    return percent > 100 ? (uint32_t)((uint64_t)has * percent / 100) : has;
}

/* Law 10, in hardware: whatever is under way, a host never has more on it than it ever lent. */
void hosts_check(struct sim_world *world, const struct sim_node *node) {
    struct size sum = {0};
    struct size most = {lent(node->host.cpus, node->most_lent.cpus_percent),
                        lent(node->host.memory_mib, node->most_lent.memory_percent),
                        node->host.disk_gib};
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        const struct size *size = &container_of(at, struct sim_domain, by_node)->size;
        sum.cpus += size->cpus;
        sum.memory_mib += size->memory_mib;
        sum.disk_gib += size->disk_gib;
    }
    if (!world->settings.bare && !within(&sum, &most))
        law_fail(world, "no host is overfull", "%s has %u cpus, %u MiB, %u GiB of %u, %u, %u",
                 node->name, sum.cpus, sum.memory_mib, sum.disk_gib, most.cpus,
                 most.memory_mib, most.disk_gib);
}

/* What a level says of a VM is what the host has of it. */
void hosts_check_shape(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                       const struct sim_domain *domain) {
    const struct size *size = &vm->size, *has = &domain->size;
    if (!record_equal(&size_table, size, has))
        law_fail(world, "wanted is actual",
                 "%s says %s has %u cpus, %u MiB, %u GiB; it has %u, %u, %u", node->name, vm->id,
                 size->cpus, size->memory_mib, size->disk_gib, has->cpus, has->memory_mib,
                 has->disk_gib);
    if (*vm->digest && !text_equal(vm->digest, domain->image)) /* "": it was taken in again */
        law_fail(world, "wanted is actual", "%s says %s is of image %s, it is of %s",
                 node->name, vm->id, vm->digest, domain->image);
    if (!text_equal(vm->networks ? vm->networks : "", domain->networks))
        law_fail(world, "wanted is actual", "%s says %s is in networks '%s', it is in '%s'",
                 node->name, vm->id, vm->networks ? vm->networks : "", domain->networks);
    if (!text_equal(vm->allow ? vm->allow : "", domain->allow))
        law_fail(world, "wanted is actual", "%s says %s allows '%s', it allows '%s'", node->name,
                 vm->id, vm->allow ? vm->allow : "", domain->allow);
    for (uint32_t i = 0; i < vm->snapshots_count; i++) {
        const struct sim_snapshot *there = change_snapshot(domain, vm->snapshots[i].name);
        if (!there || there->memory != vm->snapshots[i].memory)
            law_fail(world, "wanted is actual", "%s says %s has snapshot %s, %s", node->name,
                     vm->id, vm->snapshots[i].name,
                     there ? "which is of another kind" : "which is not there");
    }
}

static bool knows(const struct vm *vm, const struct vm_ip *ip) {
    for (uint32_t i = 0; i < vm->ips_count; i++)
        if (record_equal(&vm_ip_table, &vm->ips[i], ip))
            return true;
    return false;
}

void hosts_check_ips(struct sim_world *world, const struct sim_node *node, const struct vm *vm,
                     const struct sim_domain *domain) {
    struct vm_ip ips[sim_ips_most];
    uint32_t of_interface[limit_vm_networks] = {0}, told = 0;
    bool is_told = domain_goes_on(domain) && !domain->vm->was_taken_in; /* or by the next session */
    uint32_t count = is_told ? domain_ips(world, domain, ips) : 0;
    if (vm->state != VM_RUNNING && vm->state != VM_PAUSED && vm->ips_count)
        law_fail(world, "wanted is actual", "%s says %s, which does not run, has IP addresses",
                 node->name, vm->id);
    for (uint32_t i = 0; i < count; i++) {
        bool again = false;
        for (uint32_t k = 0; k < i; k++)
            again |= record_equal(&vm_ip_table, &ips[k], &ips[i]);
        if (again || of_interface[ips[i].interface]++ >= limit_interface_ips)
            continue;
        told++;
        if (!knows(vm, &ips[i]))
            law_fail(world, "wanted is actual", "%s does not know that %s has %s", node->name,
                     vm->id, ips[i].ip);
    }
    if (count && told != vm->ips_count)
        law_fail(world, "wanted is actual", "%s says %s has %u IP addresses, it has %u",
                 node->name, vm->id, vm->ips_count, told);
}

/* While a resize is under way, what counts is the larger of what was and of what is to be. */
void hosts_check_held(struct sim_world *world, const struct sim_node *node,
                      const struct vm *saved) {
    const struct book_vm *vm = book_vm(role_book(node->role), saved->id);
    const struct operation *op = vm && vm->active ? &vm->active->record : NULL;
    if (!op || op->verb != VERB_RESIZE || size_is_zero(&op->was))
        return;
    struct size larger = size_larger(&op->was, &op->definition.size);
    if (!within(&larger, &vm->record.size))
        law_fail(world, "the larger is held", "%s holds %u cpus, %u MiB, %u GiB for %s",
                 node->name, vm->record.size.cpus, vm->record.size.memory_mib,
                 vm->record.size.disk_gib, saved->id);
}

static uint64_t fit_most(const struct sim_world *world, const struct amounts *most,
                         const char *shape) {
    struct size size = {0};
    for (uint32_t i = 0; i < world->settings.shapes; i++)
        if (text_equal(world->shapes[i].name, shape))
            return amounts_fit(most, &world->shapes[i].size);
    /* As a downstream manager above calls it. */
    bool is_size = sscanf(shape, "c%u-m%u-d%u", &size.cpus, &size.memory_mib, &size.disk_gib) == 3;
    return is_size ? amounts_fit(most, &size) : 0;
}

/* A cluster shows at most what is believed of one host, times its hosts: of each amount, and of how
 * many VMs of a shape fit. */
void hosts_check_claims(struct sim_world *world, const struct sim_node *node,
                        const struct message *message) {
    const struct amounts *most = &node->settings.most;
    const struct capacity *told = &message->capacity;
    uint64_t hosts = node->settings.agents_count;
    if (message->kind != MESSAGE_CAPACITY || !most->cpus)
        return;
    bool holds = told->cpus_total <= hosts * most->cpus &&
                 told->memory_mib_total <= hosts * most->memory_mib &&
                 told->disk_gib_total <= hosts * most->disk_gib &&
                 told->cpus_free <= told->cpus_total &&
                 told->memory_mib_free <= told->memory_mib_total &&
                 told->disk_gib_free <= told->disk_gib_total;
    for (uint32_t i = 0; i < told->fits_count; i++)
        holds &= told->fits[i].count <= hosts * fit_most(world, most, told->fits[i].shape);
    if (!holds)
        law_fail(world, "claims are bounded", "%s shows %llu cpus, %llu MiB, %llu GiB of %llu",
                 node->name, (unsigned long long)told->cpus_total,
                 (unsigned long long)told->memory_mib_total,
                 (unsigned long long)told->disk_gib_total, (unsigned long long)hosts);
}

/* Whose disk is full begins no VM, and ends and stops them all the same. What goes from one host to
 * another is its owner's matter. */
void hosts_check_full(struct sim_world *world, const struct sim_node *node,
                      const struct operation *op) {
    bool is_known = node->full_told_ms && node->full_told_ms < world->now_ms;
    const struct book_op *now = book_op(role_book(node->role), op->id); /* after the whole step */
    bool is_new = op->created_ms == node_wall_ms(world, node) && !op->internal && now &&
                  !book_op_has_ended(now);
    bool frees = op->verb == VERB_DELETE || op->verb == VERB_STOP || op->verb == VERB_SHUTDOWN;
    if (is_known && is_new && verb_makes(op->verb))
        law_fail(world, "a full disk takes no new VM", "%s begins %s of %s", node->name,
                 verb_names[op->verb], op->vm);
    if (frees && (op->code == CODE_NO_CAPACITY || op->code == CODE_FULL))
        law_fail(world, "a full disk lets VMs end", "%s of %s ends with %s at %s",
                 verb_names[op->verb], op->vm, code_names[op->code], node->name);
}

/* What a host says of where VMs come to reaches no other host: only its owner's word does. */
static void check_landing(struct sim_world *world, const struct sim_node *node,
                          const struct effect_job *job) {
    for (uint32_t i = 0; job->landing.uri && i < world->nodes_count; i++)
        if (text_equal(world->nodes[i]->migration_uri, job->landing.uri))
            return;
    law_fail(world, "landing", "%s is to send %s to %s, which no owner has said", node->name,
             job->vm, job->landing.uri ? job->landing.uri : "nowhere");
}

/* Without an operation nothing is started but what is known to have run. */
void hosts_job_begins(struct sim_world *world, const struct sim_node *node,
                      const struct effect_job *job) {
    if (job->kind == JOB_START && !*job->op && !world->settings.bare &&
        !disk_says(world, node, job->vm, VM_RUNNING) &&
        !disk_says(world, node, job->vm, VM_DELETING))
        law_fail(world, "as wanted", "%s starts %s, which nobody wants to run", node->name,
                 job->vm);
    if (job->kind == JOB_MIGRATE)
        check_landing(world, node, job);
}

/* Law 4: a reboot must not happen twice; all other jobs do no harm then. */
static void check_once(struct hosts *hosts, struct sim_world *world, const struct sim_node *node,
                       const struct effect_job *job) {
    struct reboots *reboots = ledger_put(&hosts->reboots, node, job->op);
    if (reboots->count++)
        law_fail(world, "once", "%s reboots %s a second time", job->op, job->vm);
}

/* What comes to be here stands still: this host's lease is over, which it may not know yet, or the
 * VM is to end there, and a job that was begun before hangs. */
static bool is_lost_here(const struct sim_world *world, const struct sim_node *node,
                         const char *vm) {
    const struct sim_guarded *guarded = domain_guarded(node, vm);
    return guarded && (guarded->is_ended ||
                       node_now_ms(world, node) >= node->until_ms[guarded->group]);
}

/* Whatever others have of it runs nowhere, and will not: it stands still, or its host does; or it
 * was to come there, and would not go on. */
static bool is_lost_elsewhere(const struct sim_world *world, const struct sim_vm *vm) {
    list_for(const struct sim_domain, domain, &vm->domains, by_vm) {
        bool may_be_lost = domain->is_shell ? is_lost_here(world, domain->node, vm->id)
                                           : on_loss_is_leased(domain->on_loss);
        if (!may_be_lost || domain_goes_on(domain))
            return false;
    }
    return true;
}

/* Law 5: what moves is gone there before it is here, but where one of both is lost. */
static void check_made(struct sim_world *world, const struct sim_node *node,
                       const struct effect_job *job) {
    const struct sim_vm *vm = domain_vm(world, job->vm);
    if (!domain_of(world, node, job->vm) && vm && !is_lost_elsewhere(world, vm) &&
        !is_lost_here(world, node, job->vm))
        law_fail(world, "not twice", "%s is made on %s, and is on another host", job->vm,
                 node->name);
}

/* Law 6: nobody loses a VM. What a manager has discarded on a destination is not all of it. */
static void check_removed(struct sim_world *world, const struct sim_node *node,
                          const struct sim_domain *domain) {
    const char *manager = node->settings.managers[0].name;
    const struct sim_row *row = NULL;
    struct record record = {0};
    if (!domain || domain->is_shell || world->settings.bare ||
        domain->by_vm.next != domain->by_vm.previous)
        return;
    row = disk_row(node_named(world, manager), &stored_vm_table, domain->vm->id);
    if (!row)
        return;
    disk_read(world, row, &record);
    const struct stored_vm *kept = record.data;
    if (kept->destination && text_equal(kept->destination, node->name))
        law_fail(world, "nobody loses a VM", "%s discards %s, which is nowhere else", node->name,
                 domain->vm->id);
    record_deinit(&record);
}

/* Is the domain defined by the job, now or anew? */
static bool defines(const struct effect_job *job, const struct sim_domain *domain) {
    bool reshapes = job->kind == JOB_RESIZE || job->kind == JOB_REBUILD || job->kind == JOB_REVERT;
    reshapes |= job->kind == JOB_ALLOW || job->kind == JOB_CONNECT;
    return job->kind == JOB_CREATE ||
           (job->kind == JOB_RECEIVE && (!domain || domain->is_shell)) ||
           (reshapes && domain && !domain->is_shell);
}

/* What is made anew is told the name that its tenant had for it when that was asked for. */
static void check_name(struct sim_world *world, const struct sim_node *node,
                       const struct effect_job *job) {
    for (uint32_t i = 0; i < world->settings.upstreams; i++) {
        const struct role *role = world->nodes[i]->role;
        const struct book_op *op = role ? book_op(role_book(role), job->op) : NULL;
        if (op && !book_op_has_ended(op) &&
            !text_equal(op->record.definition.name, job->definition.name))
            law_fail(world, "the newest name", "%s makes %s anew as '%s', not as '%s'", node->name,
                     job->vm, job->definition.name, op->record.definition.name);
    }
}

static void check_networks(struct sim_world *world, const struct sim_node *node,
                           const struct effect_job *job) {
    const char *networks = job->definition.networks;
    size_t length = 0;
    if (labels_missing(node->settings.host_networks, networks, &length))
        law_fail(world, "a host has the networks", "%s defines %s, which is in '%s'", node->name,
                 job->vm, networks);
}

/* Nothing but what is to change a VM's rules does. */
static void check_kept(struct sim_world *world, const struct sim_node *node,
                       const struct effect_job *job) {
    const struct sim_domain *domain = domain_of(world, node, job->vm);
    const char *allow = job->definition.allow ? job->definition.allow : "";
    bool is_made = job->kind == JOB_CREATE || job->kind == JOB_RECEIVE;
    if (job->kind != JOB_ALLOW && !is_made && !text_equal(domain->allow, allow))
        law_fail(world, "rules are kept", "%s defines %s, which allows '%s', to allow '%s'",
                 node->name, job->vm, domain->allow, allow);
}

/* A VM is open to those alone whom its tenant allows it, whatever it is made anew by. */
static void check_rules(struct sim_world *world, const struct sim_node *node,
                        const struct effect_job *job) {
    const char *allow = job->definition.allow;
    size_t length = 0;
    if (allow && labels_missing(node->settings.host_filtered, job->definition.networks, &length))
        law_fail(world, "rules are kept", "%s defines %s, which allows '%s', and keeps no rules",
                 node->name, job->vm, allow);
    check_kept(world, node, job);
    for (uint32_t i = 0; i < world->nodes_count && !world->settings.reallow; i++) {
        const struct sim_node *above = world->nodes[i];
        const struct book_vm *vm = above->role && above->settings.kind == ROLE_UPSTREAM
                                       ? book_vm(role_book(above->role), job->vm)
                                       : NULL;
        if (vm && vm->record.allow && !text_equal(vm->record.allow, allow ? allow : ""))
            law_fail(world, "rules are kept", "%s defines %s, which allows '%s', to allow '%s'",
                     node->name, job->vm, vm->record.allow, allow ? allow : "");
    }
}

/* The agent should have known. */
static void check_reverts(struct sim_world *world, const struct sim_domain *domain,
                          const struct effect_job *job) {
    const struct sim_snapshot *snapshot = change_snapshot(domain, job->snapshot);
    const struct size *size = &job->definition.size;
    if (!snapshot)
        law_fail(world, "wanted is actual", "%s reverts %s to %s, which is not there", job->op,
                 domain->vm->id, job->snapshot);
    if (snapshot->memory && (snapshot->size.cpus != size->cpus ||
                             snapshot->size.memory_mib != size->memory_mib))
        law_fail(world, "wanted is actual", "%s reverts %s to the memory of another size",
                 job->op, domain->vm->id);
}

static void check_snapshots(struct sim_world *world, const struct sim_domain *domain,
                            const struct effect_job *job) {
    if (!change_snapshot(domain, job->snapshot) &&
        domain->snapshots_count == array_size(domain->snapshots))
        law_fail(world, "limits", "%s has too many snapshots", domain->vm->id);
}

/* Law 5: what a job makes a disk from has been fetched, and is there yet. */
static void check_image(struct sim_world *world, const struct sim_node *node,
                        const struct effect_job *job) {
    if (!images_has(node, job->definition.image))
        law_fail(world, "nothing is half-made", "%s makes %s from image %s, which is not there",
                 node->name, job->vm, job->definition.image);
}

static bool is_above_by(const struct sim_node *node, const char *asker, uint32_t link) {
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (node->settings.managers[i].link == link &&
            text_equal(node->settings.managers[i].name, asker))
            return true;
    return false;
}

void hosts_check_evicted(struct sim_world *world, const struct sim_node *node,
                         const struct effect_archive *archive) {
    const char *image = archive->digest;
    list_for(const struct sim_domain, domain, &node->domains, by_node) {
        if (text_equal(domain->image, image))
            law_fail(world, "none is lost", "%s stands on image %s, which %s has removed",
                     domain->vm->id, image, node->name);
    }
}

void hosts_check_eviction(struct sim_world *world, const struct sim_node *node,
                          const struct effect_archive *archive) {
    const char *image = archive->digest;
    if (node->settings.kind != ROLE_DOWNSTREAM || archive->word != ARCHIVE_REMOVE)
        return;
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age) {
        const struct operation *op = vm->active ? &vm->active->record : NULL;
        if (is_above_by(node, vm->record.asker, archive->link) &&
            (text_equal(vm->record.digest, image) ||
             (op && text_equal(op->definition.image, image))))
            law_fail(world, "none is lost", "%s removes image %s, which %s of %s needs",
                     node->name, image, vm->record.id, vm->record.asker);
    }
}

void hosts_job_acts(struct hosts *hosts, struct sim_world *world, const struct sim_node *node,
                    const struct effect_job *job) {
    const struct sim_domain *domain = domain_of(world, node, job->vm);
    if (job->kind == JOB_REBOOT && !world->settings.bare)
        check_once(hosts, world, node, job);
    if (job->kind == JOB_CREATE)
        check_made(world, node, job);
    if (job->kind == JOB_CREATE || job->kind == JOB_RECEIVE || job->kind == JOB_REBUILD)
        check_image(world, node, job);
    if (job->kind == JOB_REMOVE)
        check_removed(world, node, domain);
    if (defines(job, domain))
        check_networks(world, node, job), check_rules(world, node, job);
    if (job->kind == JOB_REBUILD && domain && !domain->is_shell && !world->settings.bare)
        check_name(world, node, job);
    if (job->kind == JOB_REVERT && domain && !domain->is_shell)
        check_reverts(world, domain, job);
    if (job->kind == JOB_SNAPSHOT && domain && !domain->is_shell)
        check_snapshots(world, domain, job);
}

void hosts_moved(struct sim_world *world, const struct sim_domain *domain) {
    if (domain->vm->running > 1)
        law_fail(world, "not twice", "%s runs in %u places", domain->vm->id,
                 domain->vm->running);
}

void hosts_copies(struct sim_world *world, const struct fact_domain *fact) {
    const struct sim_domain *domain = fact->domain, *copy = fact->copy;
    if (!text_equal(copy->image, domain->image) || copy->size.disk_gib != domain->size.disk_gib)
        law_fail(world, "nothing is half-made", "%s comes to a disk of another image or size",
                 domain->vm->id);
    if (!text_equal(copy->networks, domain->networks))
        law_fail(world, "a host has the networks", "%s is in '%s' and comes to where '%s' was "
                 "asked for", domain->vm->id, domain->networks, copy->networks);
    if (!text_equal(copy->allow, domain->allow))
        law_fail(world, "rules are kept", "%s allows '%s' and comes to where '%s' was asked for",
                 domain->vm->id, domain->allow, copy->allow);
}
