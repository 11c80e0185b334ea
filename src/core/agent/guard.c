/* What the warden is told, in which order, and told again when there is another one. */
#include "core/agent/guard.h"

#include <string.h>

#include "core/above/uplink.h"
#include "core/books/lifecycle.h"

bool agent_lacks_lease(const struct agent *agent, const struct book_vm *vm) {
    uint64_t until_ms = agent->uplink.lease.until_ms[agent_reach(vm)];
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
            agent_tell_taken(agent, vm);
        else
            agent_guard(agent, vm);
        if (vm->active && vm->active->record.verb == VERB_EVICT)
            agent_guard_end(agent, vm);
    }
}

bool agent_renew(struct agent *agent) {
    bool renewed = false;
    for (uint32_t reach = 0; agent->uplink.guarded && reach < LEASE_REACH_COUNT; reach++) {
        uint64_t until_ms = agent->uplink.lease.until_ms[reach];
        if (until_ms <= agent->renewed_ms[reach])
            continue;
        renewed |= until_ms > agent->moment.now_ms;
        agent->renewed_ms[reach] = until_ms;
        struct effect_guard *guard = agent_tell_guard(agent, GUARD_RENEW);
        guard->group = reach;
        guard->until_ms = until_ms;
    }
    return renewed;
}

bool agent_is_renewed(const struct agent *agent, const struct book_vm *vm) {
    return agent_is_leased(vm) && agent->renewed_ms[agent_reach(vm)] > agent->moment.now_ms;
}

static void on_there(struct agent *agent) {
    uplink_set_guarded(&agent->uplink, true);
    memset(agent->renewed_ms, 0, sizeof(agent->renewed_ms)); /* it may be a new one */
    if (!agent->scanned)
        return;
    agent_guard_all(agent);
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
