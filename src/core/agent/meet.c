/* What of a domain becomes the VM's record: all that it has; what was asked of it before, nobody
 * knows. */
#include "core/agent/meet.h"

#include "base/memory.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"

static struct book_vm *add(struct agent *agent, const struct event_domain *domain) {
    uint64_t now = agent->moment.wall_ms;
    struct stored_vm record = {.vm = {.state = domain->state, .epoch = domain->epoch,
                                      .generation = 1, .created_ms = now, .changed_ms = now}};
    text_set(record.vm.id, domain->vm);
    text_set(record.vm.asker, agent->uplink.setting.name);
    struct book_vm *vm = book_add_vm(&agent->book, &record);
    agent_count(agent, vm);
    book_save_vm(&agent->book, vm);
    return vm;
}

bool agent_is_to_meet(const struct book_vm *vm) {
    return !vm || (size_is_zero(&vm->record.size) && lifecycle_is_made(vm->record.state));
}

static void look(struct agent *agent, struct book_vm *vm) {
    agent_add_job(agent, vm, JOB_LOOK)->epoch = vm->record.epoch;
}

void agent_meet(struct agent *agent, struct book_vm *vm, const struct event_domain *domain) {
    if (!vm && (!lifecycle_is_made(domain->state) || agent->book.vms_count >= limit_vms))
        return;
    if (!vm)
        vm = add(agent, domain);
    agent_vm(vm)->is_met = agent_vm(vm)->is_found = true;
    agent->met++;
    vm->record.epoch = domain->epoch;
    look(agent, vm);
}

void agent_on_met_domain(struct agent *agent, struct book_vm *vm,
                         const struct event_domain *domain) {
    if (domain->why == DOMAIN_REBOOTED || !lifecycle_is_made(domain->state))
        return; /* of one that has gone the job's end tells */
    vm->record.state = domain->state;
    book_save_vm(&agent->book, vm);
}

static void take_in(struct agent *agent, struct book_vm *vm, const struct vm *is) {
    struct vm *record = &vm->record;
    text_set(record->name, *is->name ? is->name : record->id);
    text_set(record->digest, is->digest);
    record->rebuilt = true; /* for all that is known */
    record->networks = memory_text(is->networks);
    reshape_allow(record, is->allow);
    record->on_loss = is->on_loss;
    agent_guard(agent, vm);
    record->snapshots = memory_copy(is->snapshots, is->snapshots_count * sizeof(*is->snapshots));
    record->snapshots_count = is->snapshots_count;
    for (uint32_t i = 0; i < record->snapshots_count; i++)
        record->snapshots[i].created_ms = agent->moment.wall_ms;
    amounts_remove(&agent->used, &record->size);
    record->size = is->size;
    amounts_add(&agent->used, &record->size);
    book_save_vm(&agent->book, vm);
    effects_note(agent->moment.out, NOTE_WARNING, "",
                 "domain of VM %s was on this host but not in the books; it is in them again",
                 record->id);
}

void agent_on_met(struct agent *agent, struct book_vm *vm, const struct event_job *job) {
    enum { looks_most = 5 };
    bool failed = job->code != CODE_OK && job->code != CODE_LOST;
    if (failed && ++agent_vm(vm)->looks < looks_most && !agent->stopping) {
        look(agent, vm);
        return;
    }
    agent_vm(vm)->is_met = false;
    agent->met--;
    if (job->code == CODE_OK && job->found) {
        take_in(agent, vm, job->found);
        return;
    }
    effects_note(agent->moment.out, NOTE_WARNING, "",
                 "domain of VM %s is on this host but not in the books, and cannot be read (%s); "
                 "nothing was done to it", vm->record.id, code_names[job->code]);
    amounts_remove(&agent->used, &vm->record.size);
    book_remove_vm(&agent->book, vm);
}
