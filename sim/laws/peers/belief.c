/* What may not follow from a stranger's word, effect by effect. */
#include "sim/laws/peers/belief.h"

#include "base/text.h"
#include "core/downstream/lending.h"
#include "sim/laws/law.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

static bool says(const struct effect *effect, enum message_kind kind) {
    return effect->kind == EFFECT_SEND && effect->send.message.kind == kind;
}

void belief_check_twin(struct sim_world *world, const struct sim_node *manager,
                       const struct fact_stranger *twin) {
    for (size_t i = 0; i < twin->count; i++)
        if (says(&twin->effects[i], MESSAGE_WELCOME) &&
            text_equal(twin->effects[i].send.address, twin->name->address))
            law_fail(world, "absence is no evidence", "%s opens a session with somebody who is "
                     "not %s", manager->name, twin->name->node->name);
}

void belief_check_predecessor(struct sim_world *world, const struct sim_node *hearer,
                              const struct fact_stranger *predecessor) {
    for (size_t i = 0; i < predecessor->count; i++) {
        const struct effect *effect = &predecessor->effects[i];
        bool saves = effect->kind == EFFECT_SAVE &&
                     effect->record.table == &known_incarnation_table;
        if (saves || says(effect, MESSAGE_CAPACITY))
            law_fail(world, "the latest manager alone", "%s follows a manager that was followed",
                     hearer->name);
    }
}

/* What answers a hello that a server brings once more opens nothing: its place has another number
 * by now. */
static bool opens_session(const struct sim_world *world, const struct sim_node *node,
                          const struct effect *effect) {
    const struct sim_link *to = says(effect, MESSAGE_WELCOME)
                                    ? map_get(&world->addresses, effect->send.address)
                                    : NULL;
    if (!to || !to->node->role)
        return false;
    const struct manager *manager =
        container_of(role_book(to->node->role), const struct manager, book);
    const struct lending *lending =
        downstream_lending(container_of(manager, struct downstream, manager), node->name);
    return lending && lending->uplink.session.number == effect->send.header.to;
}

void belief_check_followed(struct sim_world *world, const struct sim_node *node,
                           const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++)
        if (opens_session(world, node, &effects->items[i]))
            law_fail(world, "the latest manager alone", "%s was followed, and opens a session "
                     "all the same", node->name);
}

/* Its domain, which is more than files for one that is to come. */
static const struct sim_domain *domain_at(const struct sim_world *world, const char *place,
                                          const char *vm) {
    const struct sim_node *host = node_named(world, place);
    const struct sim_domain *domain = host ? domain_of(world, host, vm) : NULL;
    return domain && !domain->is_shell ? domain : NULL;
}

/* What a host has that is to be put aside does not count. */
static bool is_somewhere(struct sim_world *world, const char *vm) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (domain_at(world, world->nodes[i]->name, vm) &&
            !(world->settings.leases && domain_evicted(world, world->nodes[i], vm)))
            return true;
    return false;
}

static void check_vm(struct sim_world *world, const struct sim_node *node, const struct vm *vm) {
    if (vm->state == VM_LOST && node_is_upstream(node) && is_somewhere(world, vm->id))
        law_fail(world, "absence is no evidence", "%s says that %s is lost, which is on a host",
                 node->name, vm->id);
    if (vm->state == VM_LOST && domain_at(world, vm->place, vm->id))
        law_fail(world, "absence is no evidence", "%s says that %s is lost, which is on %s",
                 node->name, vm->id, vm->place);
}

void belief_check_commit(struct sim_world *world, const struct sim_node *node,
                         const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind == EFFECT_SAVE && record->table == &stored_vm_table)
            check_vm(world, node, &((const struct stored_vm *)record->data)->vm);
    }
}

void belief_check_end(struct sim_world *world, const struct sim_node *node) {
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age) {
        const struct vm *above = &vm->record;
        const struct sim_node *place = *above->place ? node_named(world, above->place) : NULL;
        const struct book_vm *there = place ? book_vm(role_book(place->role), above->id) : NULL;
        if (there && there->record.generation > above->place_generation)
            law_fail(world, "the numbers catch up", "%s has asked for %llu of %s, %s knows %llu",
                     node->name, (unsigned long long)above->place_generation, above->id,
                     place->name, (unsigned long long)there->record.generation);
    }
}
