/* What of the host is used and what is left of it, as far as it is lent; the only writer of a
 * VM's state, and the end of its operation, with the capacity told before the result. */
#include "core/agent/vm.h"

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"

static void vm_begins(struct book *book, struct book_vm *vm) {
    (void)book;
    list_init(&agent_vm(vm)->by_work);
}

static void vm_ends(struct book *book, struct book_vm *vm) {
    struct agent *agent = container_of(book, struct agent, book);
    agent->guarded -= agent_vm(vm)->is_guarded;
    agent->uplink.leased = agent->guarded;
    list_remove(&agent_vm(vm)->by_work);
}

const struct book_kind agent_books = {.vm_size = sizeof(struct agent_vm),
                                      .op_size = sizeof(struct agent_op),
                                      .vm_begins = vm_begins,
                                      .vm_ends = vm_ends};

void agent_count(struct agent *agent, struct book_vm *vm) {
    bool occupies = lifecycle_occupies(vm->record.state);
    if (vm->counted == occupies)
        return;
    uint64_t sign = occupies ? 1 : UINT64_MAX; /* modulo 2^64: minus one */
    vm->counted = occupies;
    agent->used.vms += sign;
    agent->used.cpus += sign * vm->record.size.cpus;
    agent->used.memory_mib += sign * vm->record.size.memory_mib;
    agent->used.disk_gib += sign * vm->record.size.disk_gib;
}

static uint64_t left(uint64_t total, uint64_t used) { return total > used ? total - used : 0; }

static uint32_t percent_of(uint32_t amount, uint32_t percent) {
    uint64_t part = (uint64_t)amount * (percent ? percent : 100) / 100;
    return part < UINT32_MAX ? (uint32_t)part : UINT32_MAX;
}

/* What the host offers, as much of it as it is to lend. */
static struct size lent(const struct agent *agent) {
    const struct overcommit *overcommit = &agent->uplink.overcommit;
    return (struct size){percent_of(agent->host.cpus, overcommit->cpus_percent),
                         percent_of(agent->host.memory_mib, overcommit->memory_percent),
                         agent->host.disk_gib};
}

bool agent_has_room(const struct agent *agent, const struct size *size) {
    struct size all = lent(agent);
    return left(all.cpus, agent->used.cpus) >= size->cpus &&
           left(all.memory_mib, agent->used.memory_mib) >= size->memory_mib &&
           left(all.disk_gib, agent->used.disk_gib) >= size->disk_gib;
}

bool agent_is_full(const struct agent *agent) {
    return agent->host_is_full || agent->books_are_full;
}

bool agent_could_have(const struct agent *agent, const struct size *size) {
    struct size all = lent(agent);
    return all.cpus >= size->cpus && all.memory_mib >= size->memory_mib &&
           all.disk_gib >= size->disk_gib;
}

void agent_tell_capacity(struct agent *agent) {
    const struct uplink *uplink = &agent->uplink;
    struct size all = lent(agent);
    struct capacity capacity = {
        .cpus_total = all.cpus,
        .cpus_free = left(all.cpus, agent->used.cpus),
        .memory_mib_total = all.memory_mib,
        .memory_mib_free = left(all.memory_mib, agent->used.memory_mib),
        .disk_gib_total = all.disk_gib,
        .disk_gib_free = left(all.disk_gib, agent->used.disk_gib),
        .disk_full = agent_is_full(agent),
    };
    const struct amounts free = {.cpus = capacity.cpus_free,
                                 .memory_mib = capacity.memory_mib_free,
                                 .disk_gib = capacity.disk_gib_free};
    capacity.fits = memory_new(uplink->shapes_count, sizeof(*capacity.fits));
    for (size_t i = 0; i < uplink->shapes_count; i++) {
        struct fit *fit = &capacity.fits[capacity.fits_count++];
        text_set(fit->shape, uplink->shapes[i].name);
        fit->count = capacity.disk_full ? 0 : amounts_fit(&free, &uplink->shapes[i].size);
    }
    uplink_tell_capacity(&agent->uplink, &capacity);
}

bool agent_is_leased(const struct book_vm *vm) { return on_loss_is_leased(vm->record.on_loss); }

enum lease_reach agent_reach(const struct book_vm *vm) {
    return vm->record.on_loss == ON_LOSS_ANYWHERE ? LEASE_ANYWHERE : LEASE_CLUSTER;
}

struct effect_guard *agent_tell_guard(struct agent *agent, enum guard_order order) {
    struct effect_guard *guard = &effects_add(agent->moment.out, EFFECT_GUARD)->guard;
    guard->order = order;
    return guard;
}

void agent_tell_taken(struct agent *agent, const struct book_vm *vm) {
    struct effect_guard *guard = agent_tell_guard(agent, GUARD_TAKE);
    guard->group = agent_reach(vm);
    text_set(guard->vm, vm->record.id);
}

void agent_guard(struct agent *agent, struct book_vm *vm) {
    bool is_here = vm->record.state != VM_DELETED && vm->record.state != VM_FAILED;
    bool is_to_be = agent_is_leased(vm) && is_here;
    if (is_to_be == agent_vm(vm)->is_guarded)
        return;
    agent_vm(vm)->is_guarded = is_to_be;
    agent->guarded += is_to_be ? 1 : UINT64_MAX; /* modulo 2^64: minus one */
    agent->uplink.leased = agent->guarded;
    if (is_to_be)
        agent_tell_taken(agent, vm);
    else
        text_set(agent_tell_guard(agent, GUARD_DROP)->vm, vm->record.id);
}

void agent_set_state(struct agent *agent, struct book_vm *vm, enum vm_state state) {
    if (vm->record.state == state || !lifecycle_may_follow(vm->record.state, state))
        return;
    lifecycle_set_state(&vm->record, state, agent->moment.wall_ms);
    agent_count(agent, vm);
    agent_guard(agent, vm);
    book_save_vm(&agent->book, vm);
    uplink_capacity_changed(&agent->uplink);
    if (!vm->active && agent->scanned)
        uplink_send_vm(&agent->uplink, vm);
}

struct amounts *agent_used(struct agent *agent, const struct book_vm *vm) {
    return vm->counted ? &agent->used : NULL;
}

struct effect_job *agent_add_job(struct agent *agent, struct book_vm *vm, enum job_kind kind) {
    struct agent_vm *here = agent_vm(vm);
    list_remove(&here->by_work);
    list_add(&agent->working, &here->by_work);
    struct effect_job *job = &effects_add(agent->moment.out, EFFECT_JOB)->job;
    here->job = job->job = ++agent->last_job;
    here->job_image[0] = 0;
    here->ran = false;
    here->fell = 0;
    agent->jobs++;
    job->kind = kind;
    job->epoch = vm->record.epoch;
    text_set(job->vm, vm->record.id);
    return job;
}

void agent_end(struct agent *agent, struct book_op *op, enum code code) {
    struct book_vm *vm = book_vm(&agent->book, op->record.vm);
    reshape_settle(vm, code, agent_used(agent, vm));
    book_end(&agent->book, op, code);
    uplink_result_due(&agent->uplink, op);
}
