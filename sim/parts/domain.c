/* Which domains there are, and what each of them is: the one writer of their states. */
#include "sim/parts/domain.h"

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"

const struct sim_vm *domain_vm(const struct sim_world *world, const char *vm) {
    return map_get(&world->vms, vm);
}

struct sim_domain *domain_of(const struct sim_world *world, const struct sim_node *node,
                             const char *id) {
    const struct sim_vm *vm = domain_vm(world, id);
    if (!vm)
        return NULL;
    list_for(struct sim_domain, domain, &vm->domains, by_vm) {
        if (domain->node == node)
            return domain;
    }
    return NULL;
}

void domain_tell(struct sim_world *world, struct sim_domain *domain, enum domain_news why) {
    struct event event = {.kind = EVENT_DOMAIN};
    text_set(event.domain.vm, domain->vm->id);
    event.domain.epoch = domain->epoch;
    event.domain.state = domain->state;
    event.domain.why = why;
    domain->forgot &= why != DOMAIN_CHANGED; /* an event of libvirt's says what it is now */
    if (domain->node->role)
        step_give(world, domain->node, &event);
}

/* The one writer of a domain's state. */
void domain_set_state(struct sim_world *world, struct sim_domain *domain, enum vm_state state) {
    bool boots = domain->state != VM_PAUSED && domain->state != VM_SUSPENDED;
    domain->vm->running += state == VM_RUNNING;
    domain->vm->running -= domain->state == VM_RUNNING;
    if (state == VM_RUNNING && domain->state != VM_RUNNING && boots)
        domain->boot = ++domain->vm->boots;
    if (state == VM_RUNNING && domain->state != VM_RUNNING)
        domain->started = domain->size;
    domain->state = state;
    domain->is_cut &= state != VM_RUNNING;
    domain->forgot = false;
    world_observe(world, &(struct fact){FACT_MOVED, domain->node, .domain = {domain}});
}

static struct sim_vm *vm_of(struct sim_world *world, const char *id) {
    struct sim_vm *vm = map_get(&world->vms, id);
    if (!vm) {
        vm = memory_new(1, sizeof(*vm));
        text_set(vm->id, id);
        list_init(&vm->domains);
        map_put(&world->vms, vm->id, vm);
    }
    return vm;
}

struct sim_domain *domain_add(struct sim_world *world, struct sim_node *node,
                              const char *id, const struct size *size) {
    struct sim_domain *domain = memory_new(1, sizeof(*domain));
    domain->vm = vm_of(world, id);
    domain->node = node;
    domain->state = VM_STOPPED;
    domain->size = *size;
    list_add(&node->domains, &domain->by_node);
    list_add(&domain->vm->domains, &domain->by_vm);
    return domain;
}

void domain_take_over(struct sim_world *world, struct sim_node *node, const struct vm *vm) {
    struct sim_domain *domain = domain_add(world, node, vm->id, &vm->size);
    domain->epoch = vm->epoch;
    text_set(domain->image, vm->digest);
    domain_set_state(world, domain, vm->state);
}

void domain_remove(struct sim_world *world, struct sim_domain *domain) {
    struct sim_vm *vm = domain->vm;
    domain_set_state(world, domain, VM_STOPPED);
    list_remove(&domain->by_node);
    list_remove(&domain->by_vm);
    memory_free(domain);
    if (!list_is_empty(&vm->domains))
        return;
    map_remove(&world->vms, vm->id);
    memory_free(vm);
}

void domain_forget_all(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        while (!list_is_empty(&world->nodes[i]->domains))
            domain_remove(world, container_of(world->nodes[i]->domains.next, struct sim_domain,
                                          by_node));
}
