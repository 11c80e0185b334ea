/* Which domains there are, and what each of them is: the one writer of their states. */
#include "sim/parts/domain.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/below/downlink.h"
#include "core/manager/recover.h"
#include "message/leftover.h"
#include "sim/parts/disk.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

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

const struct sim_guarded *domain_guarded(const struct sim_node *node, const char *vm) {
    list_for(const struct sim_guarded, guarded, &node->guarded, node) {
        if (text_equal(guarded->vm, vm))
            return guarded;
    }
    return NULL;
}

/* What its manager knows may not be on its disk yet. */
static bool knows_evicted(const struct sim_node *manager, const struct sim_node *place,
                          const char *vm) {
    const struct downlink *downlink = role_downlink(manager->role);
    const struct peer *peer = downlink_by_name(downlink, place->name);
    return peer && recover_evicts(container_of(downlink, struct manager, downlink), peer, vm);
}

/* By this manager, from a place of its own. */
static uint64_t evicted_by(struct sim_world *world, const struct sim_node *manager,
                           const struct sim_node *place, const char *vm) {
    uint64_t generation = 0;
    list_for(const struct sim_row, row, &manager->rows, node) {
        struct record record = {0};
        if (row->table != &eviction_table)
            continue;
        disk_read(world, row, &record);
        const struct eviction *eviction = record.data;
        if (!eviction->done_ms && text_equal(eviction->vm, vm) &&
            text_equal(eviction->place, place->name))
            generation = eviction->generation;
        record_deinit(&record);
    }
    bool is_known = manager->role && knows_evicted(manager, place, vm);
    return !generation && is_known ? UINT64_MAX : generation;
}

uint64_t domain_evicted(struct sim_world *world, const struct sim_node *host, const char *vm) {
    const struct sim_node *manager = node_named(world, host->settings.managers[0].name);
    uint64_t generation = evicted_by(world, manager, host, vm);
    for (; !generation && world->settings.anywhere && manager->settings.managers_count;
         manager = node_named(world, manager->settings.managers[0].name))
        for (size_t i = 0; !generation && i < manager->settings.managers_count; i++)
            if (evicted_by(world, node_named(world, manager->settings.managers[i].name), manager,
                           vm))
                generation = UINT64_MAX;
    return generation;
}

bool domain_goes_on(const struct sim_domain *domain) {
    return domain->state == VM_RUNNING && !domain->is_frozen && !domain->node->is_suspended;
}

static void observe(struct sim_world *world, struct sim_domain *domain) {
    world_observe(world, &(struct fact){FACT_MOVED, domain->node, .domain = {domain}});
}

void domain_freeze(struct sim_world *world, struct sim_domain *domain, bool is_frozen) {
    if (domain->is_frozen == is_frozen)
        return;
    world->stats.freezes += is_frozen;
    world->stats.thaws += !is_frozen;
    domain->vm->running -= domain_goes_on(domain);
    domain->is_frozen = is_frozen;
    domain->vm->running += domain_goes_on(domain);
    observe(world, domain);
}

void domain_suspend_all(struct sim_world *world, struct sim_node *node, bool is_suspended) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains)
        container_of(at, struct sim_domain, by_node)->vm->running -=
            domain_goes_on(container_of(at, struct sim_domain, by_node));
    node->is_suspended = is_suspended;
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, by_node);
        domain->vm->running += domain_goes_on(domain);
        observe(world, domain);
    }
}

/* A guarded one that comes to run when its time is over, or after it was ended while what begins it
 * was under way, stands still from the first instruction. */
static bool is_born_frozen(const struct sim_world *world, const struct sim_domain *domain) {
    const struct sim_node *node = domain->node;
    const struct sim_guarded *guarded = domain_guarded(node, domain->vm->id);
    return guarded && (guarded->is_ended ||
                       node_now_ms(world, node) >= node->until_ms[guarded->group]);
}

/* The one writer of a domain's state. */
void domain_set_state(struct sim_world *world, struct sim_domain *domain, enum vm_state state) {
    bool boots = domain->state != VM_PAUSED && domain->state != VM_SUSPENDED;
    domain->vm->running -= domain_goes_on(domain);
    if (state != VM_RUNNING)
        domain->is_frozen = false;
    else if (domain->state != VM_RUNNING)
        domain->is_frozen = is_born_frozen(world, domain);
    if (state == VM_RUNNING && domain->state != VM_RUNNING && boots)
        domain->boot = ++domain->vm->boots;
    if (state == VM_RUNNING && domain->state != VM_RUNNING)
        domain->started = domain->size;
    domain->state = state;
    domain->vm->running += domain_goes_on(domain);
    domain->is_cut &= state != VM_RUNNING;
    domain->forgot = false;
    observe(world, domain);
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

uint32_t domain_ips(const struct sim_world *world, const struct sim_domain *domain,
                    struct vm_ip out_ips[sim_ips_most]) {
    enum { lasts_ms = 300000 };
    const char *id = domain->vm->id;
    uint64_t chance = map_hash(world->settings.seed + 7, id, strlen(id)) % 1000;
    uint64_t phase = world->healing ? 0 : world->now_ms / lasts_ms;
    uint64_t drawn = map_hash(domain->boot + (phase << 32), id, strlen(id));
    uint32_t count = chance < world->settings.ips ? 1 + (uint32_t)(drawn % sim_ips_most) : 0;
    for (uint32_t i = 0; i < count; i++) {
        out_ips[i] = (struct vm_ip){.interface = (uint32_t)(drawn >> 8) % limit_vm_networks};
        if (i % 3)
            out_ips[i].interface = i % limit_vm_networks;
        text_format(out_ips[i].ip, sizeof(out_ips[i].ip), i % 5 ? "192.0.2.%u" : "2001:db8::%x",
                    1 + (unsigned)(drawn >> 16) % 200 + i / 2);
    }
    return count;
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
