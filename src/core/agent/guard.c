/* What the warden is told, in which order, and told again when there is another one. */
#include "core/agent/guard.h"

#include "core/above/uplink.h"
#include "core/books/lifecycle.h"

bool agent_lacks_lease(const struct agent *agent, const struct book_vm *vm) {
    uint64_t until_ms = agent->uplink.lease.until_ms;
    return agent_is_leased(vm) &&
           (!agent->uplink.guarded || until_ms < agent->moment.now_ms + 2 * lease_stop_ms);
}

void agent_guard_end(struct agent *agent, struct book_vm *vm) {
    if (!agent_vm(vm)->is_guarded)
        return;
    agent_vm(vm)->is_frozen = false; /* it stands still no more: it ends */
    text_set(agent_tell_guard(agent, GUARD_END)->vm, vm->record.id);
}

void agent_guard_all(struct agent *agent) {
    list_for(struct book_vm, vm, &agent->book.vms, by_age) {
        if (agent_vm(vm)->is_guarded)
            text_set(agent_tell_guard(agent, GUARD_TAKE)->vm, vm->record.id);
        else
            agent_guard(agent, vm);
        if (vm->active && vm->active->record.verb == VERB_EVICT)
            agent_guard_end(agent, vm);
    }
}

void agent_renew(struct agent *agent) {
    uint64_t until_ms = agent->uplink.lease.until_ms;
    if (!agent->uplink.guarded || until_ms <= agent->renewed_ms)
        return;
    agent->renewed_ms = until_ms;
    agent_tell_guard(agent, GUARD_RENEW)->until_ms = until_ms;
}

static void on_there(struct agent *agent) {
    uplink_set_guarded(&agent->uplink, true);
    agent->renewed_ms = 0; /* it may be a new one */
    if (!agent->scanned)
        return;
    agent_guard_all(agent);
    agent_renew(agent);
}

void agent_on_guard(struct agent *agent, const struct event *event) {
    struct book_vm *vm = book_vm(&agent->book, event->guard.vm);
    switch (event->guard.news) {
    case GUARD_THERE:
        on_there(agent);
        return;
    case GUARD_AWAY:
        uplink_set_guarded(&agent->uplink, false);
        return;
    case GUARD_FROZEN:
    case GUARD_THAWED:
        if (vm)
            agent_vm(vm)->is_frozen = event->guard.news == GUARD_FROZEN;
        return;
    }
}
