/* Where a VM is put, held against what was asked for and what is permitted. */
#include "sim/laws/placing/placed.h"

#include "base/text.h"
#include "core/books/book.h"
#include "core/role.h"
#include "message/labels.h"
#include "message/owner.h"
#include "sim/actors/permits.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

static const struct peer_setting *setting_of(const struct sim_node *node, const char *place) {
    for (size_t i = 0; i < node->settings.agents_count; i++)
        if (text_equal(node->settings.agents[i].name, place))
            return &node->settings.agents[i];
    return NULL;
}

/* A group's rule is in its name, which the upstream alone knows (workload.c). */
static const char *rule_of(const struct sim_world *world, const struct sim_node *node,
                           const struct vm *vm) {
    if (node_is_upstream(node))
        return vm->group;
    for (uint32_t i = 0; i < world->settings.upstreams; i++) {
        const struct sim_node *cloud = world->nodes[i];
        const struct book_vm *above =
            cloud->role ? book_vm(role_book(cloud->role), vm->id) : NULL;
        if (above)
            return above->record.group;
    }
    return "";
}

static void check_beside(struct sim_world *world, const struct sim_node *node,
                         const struct vm *vm, const struct vm *other) {
    const char *rule = rule_of(world, node, vm);
    bool same = text_equal(vm->place, other->place), upstream = node_is_upstream(node);
    bool apart = text_starts(rule, upstream ? "apart-clusters" : "apart") &&
                 (upstream || !text_starts(rule, "apart-"));
    if (vm != other && *vm->place && *other->place && *rule &&
        ((apart && same) || (upstream && text_starts(rule, "together") && !same)))
        law_fail(world, "a group is kept", "%s: %s is in %s, %s in %s: %s", node->name, vm->id,
                 vm->place, other->id, other->place, rule);
}

/* Is a host, if it is one, in all the networks that the VM is to be in? */
static void check_networks(struct sim_world *world, const struct sim_node *node,
                           const struct vm *vm) {
    const struct sim_node *host = node_named(world, vm->place);
    size_t length = 0;
    if (host && host->settings.kind == ROLE_AGENT &&
        labels_missing(host->settings.host_networks, vm->networks, &length))
        law_fail(world, "a host has the networks", "%s puts %s, which is in '%s', on %s",
                 node->name, vm->id, vm->networks, host->name);
}

void placed_check(struct sim_world *world, struct sim_node *node, const struct vm *saved) {
    const struct book *book = role_book(node->role);
    const struct book_vm *vm = book_vm(book, saved->id);
    struct list *at = NULL, *next = NULL;
    if (!vm || node->settings.kind == ROLE_AGENT)
        return;
    check_networks(world, node, &vm->record);
    const struct peer_setting *place = setting_of(node, vm->record.place);
    const struct book_op *op = vm->active;
    size_t length = 0;
    if (place && op && labels_missing(place->labels, op->record.placing.must, &length))
        law_fail(world, "a label is kept", "%s must be in '%s' and is in %s", vm->record.id,
                 op->record.placing.must, place->name);
    const struct book_group *group = book_group(book, vm->record.asker, vm->record.group);
    if (!group)
        return;
    list_each(at, next, &group->vms)
        check_beside(world, node, &vm->record,
                     &container_of(at, struct book_vm, by_group)->record);
}

/* Law 3, for operators: a shape and an image are permitted when the operation begins, a cluster
 * each time that it is chosen. What is no longer permitted stops nothing that was begun. */
void placed_check_permits(struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    const struct tenant_permissions *permits = permits_of(world, node, op->asker);
    const struct definition *definition = &op->definition;
    uint64_t now_ms = node_wall_ms(world, node);
    bool made = op->verb == VERB_DEFINE || op->verb == VERB_REBUILD;
    bool sized = op->verb == VERB_DEFINE || op->verb == VERB_RESIZE;
    if (!node_is_upstream(node) || op->state == OP_SUCCEEDED || op->state == OP_FAILED)
        return;
    if (op->state == OP_PENDING && op->created_ms == now_ms && !op->internal &&
        ((sized && !words_allow(permits->shapes, definition->shape)) ||
         (made && !words_allow(permits->images, definition->image_name))))
        law_fail(world, "sovereignty", "%s begins %s (%s) for %s, whose VMs may not use "
                 "one of %s and %s", node->name, op->id, verb_names[op->verb], op->asker,
                 definition->shape, definition->image_name);
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        if (entry->step == STEP_PLACED && entry->at_ms == now_ms &&
            !words_allow(permits->clusters, entry->place))
            law_fail(world, "sovereignty", "%s asks %s for %s of %s, whose VMs may not be there",
                     node->name, entry->place, op->id, op->asker);
    }
}
