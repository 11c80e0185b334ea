/* When the host is asked, and of which VMs its answer is told. */
#include "core/agent/usage.h"

#include "core/agent/vm.h"

uint64_t agent_usage_deadline_ms(const struct agent *agent) {
    const struct uplink *uplink = &agent->uplink;
    return uplink_is_open(uplink) && uplink->asked_usage_ms ? agent->usage_due_ms : book_never;
}

void agent_ask_usage(struct agent *agent) {
    if (!agent->scanned || agent->moment.now_ms < agent_usage_deadline_ms(agent))
        return;
    agent->usage_due_ms = agent->moment.now_ms + agent->uplink.asked_usage_ms;
    effects_add(agent->moment.out, EFFECT_USAGE);
}

static bool is_told(const struct agent *agent, const struct vm_usage *usage) {
    const struct book_vm *vm = book_vm(&agent->book, usage->vm);
    return vm && !agent_vm(vm)->is_met && vm->record.epoch == usage->epoch &&
           vm->record.state == VM_RUNNING;
}

void agent_on_usage(struct agent *agent, const struct event_usage *event) {
    struct vm_usage told[limit_usage_chunk];
    uint32_t count = 0;
    for (uint32_t i = 0; i < event->count && agent->uplink.asked_usage_ms; i++) {
        if (is_told(agent, &event->usages[i]))
            told[count++] = event->usages[i];
        if (count < limit_usage_chunk)
            continue;
        uplink_send_usages(&agent->uplink, told, count);
        count = 0;
    }
    if (count)
        uplink_send_usages(&agent->uplink, told, count);
}
