/* Who is asked for a VM: nobody twice, and everybody who might have it before the tenant is told
 * that nobody will. */

#include "base/text.h"
#include "message/labels.h"
#include "message/owner.h"
#include "sim/laws/check.h"
#include "sim/actors/permits.h"
#include "sim/world/node.h"

static bool has_refused(const struct operation *op, const char *place) {
    for (uint32_t i = 0; i < op->timeline_count; i++)
        if (op->timeline[i].step == STEP_REFUSED && text_equal(op->timeline[i].place, place))
            return true;
    return false;
}

static uint32_t count_refusals(const struct operation *op, const struct timeline_entry **out_last) {
    uint32_t count = 0;
    *out_last = NULL;
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        if (op->timeline[i].step != STEP_REFUSED)
            continue;
        *out_last = &op->timeline[i];
        count++;
    }
    return count;
}

/* Something is on its way there or back: what the cluster has told does not count it. */
static bool is_busy(const struct book *book, const char *place) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->vms) {
        const struct book_vm *vm = container_of(at, struct book_vm, by_age);
        if (vm->active && text_equal(vm->record.place, place))
            return true;
    }
    return false;
}

static bool has_room(const struct node *cluster, const char *shape) {
    for (uint32_t i = 0; i < cluster->capacity.fits_count; i++)
        if (text_equal(cluster->capacity.fits[i].shape, shape))
            return cluster->capacity.fits[i].count > 0;
    return false;
}

/* The clusters as the operator sees them at this moment. */
static void list_clusters(struct sim_world *world, struct sim_node *cloud,
                          struct effects *out_effects) {
    struct request request = {.kind = REQUEST_CLUSTER_LIST, .list.limit = limit_page};
    struct event event = {.kind = EVENT_REQUEST, .now_ms = node_now_ms(world, cloud),
                          .wall_ms = node_wall_ms(world, cloud), .request = &request};
    text_format(request.token_hash, sizeof(request.token_hash), "operator");
    role_step(cloud->role, &event, out_effects);
}

void check_cluster_saved(struct sim_world *world, struct sim_node *cloud,
                         const struct node *cluster) {
    struct promise *told = promise_put(world, "room", cloud, cluster->name);
    told->count = cluster->seen_ms != node_wall_ms(world, cloud);
}

/* Has it told what it has since its session opened? What is shown until then is of the one
 * before, and nothing to place by. */
static bool has_told(const struct sim_world *world, const struct sim_node *cloud,
                     const char *cluster) {
    const struct promise *told = promise_get(world, "room", cloud, cluster);
    return told && told->count;
}

/* A tenant who reads that every cluster refused can believe it. */
static void check_none_is_left(struct sim_world *world, struct sim_node *cloud,
                               const struct operation *op, const char *shape) {
    struct effects effects = {0};
    list_clusters(world, cloud, &effects);
    for (size_t i = 0; i < effects.count; i++) {
        const struct reply *reply = &effects.items[i].reply;
        for (uint32_t k = 0; k < reply->list_count; k++) {
            const struct node *cluster = reply->list[k].data;
            if (cluster->state == PEER_UP && has_room(cluster, shape) &&
                words_allow(permits_of(world, cloud, op->owner)->clusters, cluster->name) &&
                has_told(world, cloud, cluster->name) && !has_refused(op, cluster->name) &&
                !is_busy(role_book(cloud->role), cluster->name))
                check_fail(world, "a refusal leads on", "%s ends as refused; %s was not asked",
                           op->id, cluster->name);
        }
    }
    effects_deinit(&effects);
}

/* What is to be made is forgotten at the end. */
static void remember_shape(struct sim_world *world, const struct sim_node *cloud,
                           const struct operation *op) {
    const struct placing *placing = &op->placing;
    if (*placing->cluster || placing->must || placing->rule == GROUP_TOGETHER ||
        placing->rule == GROUP_APART_CLUSTERS)
        return; /* not everybody will do */
    struct promise *asked = promise_put(world, "shape", cloud, op->id);
    (void)text_copy(asked->value, sizeof(asked->value), op->definition.shape);
}

static void check_end_refused(struct sim_world *world, struct sim_node *cloud,
                              const struct operation *op) {
    struct promise *asked = promise_get(world, "shape", cloud, op->id);
    /* One that was revoked half-way may still be there: it leads nowhere else. */
    bool evicted = promise_get(world, "evicted", world->nodes[0], op->vm);
    bool refused =
        op->code == CODE_NO_CAPACITY || (op->code == CODE_NOT_ALLOWED && !evicted);
    const struct timeline_entry *last;
    if (asked && refused && count_refusals(op, &last) < limit_refusals)
        check_none_is_left(world, cloud, op, asked->value);
    promise_drop(world, asked);
}

void check_refusals(struct sim_world *world, struct sim_node *node, const struct operation *op) {
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (op->verb != VERB_DEFINE)
        return;
    if (node_is_upstream(node) && ended)
        check_end_refused(world, node, op);
    else if (node_is_upstream(node))
        remember_shape(world, node, op);
    const struct timeline_entry *last;
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        const struct operation before = {.timeline = op->timeline, .timeline_count = i};
        if (entry->step == STEP_REFUSED && has_refused(&before, entry->place))
            check_fail(world, "nobody is asked twice", "%s: %s refused %s twice", node->name,
                       entry->place, op->id);
    }
    if (!count_refusals(op, &last) || ended)
        return;
    if (vm && has_refused(op, vm->record.place))
        check_fail(world, "nobody is asked twice", "%s: %s goes to %s, which refused it",
                   node->name, op->id, vm->record.place);
    if (last->at_ms == node_wall_ms(world, node)) {
        world->stats.led_on += node_is_upstream(node);
        world->stats.led_on_below += !node_is_upstream(node);
    }
}

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
        check_fail(world, "a group is kept", "%s: %s is in %s, %s in %s: %s", node->name, vm->id,
                   vm->place, other->id, other->place, rule);
}

/* Is a host, if it is one, in all the networks that the VM is to be in? */
static void check_networks(struct sim_world *world, const struct sim_node *node,
                           const struct vm *vm) {
    const struct sim_node *host = node_named(world, vm->place);
    size_t length = 0;
    if (host && host->settings.kind == ROLE_AGENT &&
        labels_missing(host->settings.host_networks, vm->networks, &length))
        check_fail(world, "a host has the networks", "%s puts %s, which is in '%s', on %s",
                   node->name, vm->id, vm->networks, host->name);
}

void check_placed(struct sim_world *world, struct sim_node *node, const struct vm *saved) {
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
        check_fail(world, "a label is kept", "%s must be in '%s' and is in %s", vm->record.id,
                   op->record.placing.must, place->name);
    const struct book_group *group = book_group(book, vm->record.owner, vm->record.group);
    if (!group)
        return;
    list_each(at, next, &group->vms)
        check_beside(world, node, &vm->record,
                     &container_of(at, struct book_vm, by_group)->record);
}

/* Law 3, for operators: a shape and an image are permitted when the operation begins, a cluster
 * each time that it is chosen. What is no longer permitted stops nothing that was begun. */
void check_permits(struct sim_world *world, const struct sim_node *node,
                   const struct operation *op) {
    const struct tenant_permissions *permits = permits_of(world, node, op->owner);
    const struct definition *definition = &op->definition;
    uint64_t now_ms = node_wall_ms(world, node);
    bool made = op->verb == VERB_DEFINE || op->verb == VERB_REBUILD;
    bool sized = op->verb == VERB_DEFINE || op->verb == VERB_RESIZE;
    if (!node_is_upstream(node) || op->state == OP_SUCCEEDED || op->state == OP_FAILED)
        return;
    if (op->state == OP_PENDING && op->created_ms == now_ms &&
        ((sized && !words_allow(permits->shapes, definition->shape)) ||
         (made && !words_allow(permits->images, definition->image_name))))
        check_fail(world, "sovereignty", "%s begins %s (%s) for %s, whose VMs may not use "
                   "one of %s and %s", node->name, op->id, verb_names[op->verb], op->owner,
                   definition->shape, definition->image_name);
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        if (entry->step == STEP_PLACED && entry->at_ms == now_ms &&
            !words_allow(permits->clusters, entry->place))
            check_fail(world, "sovereignty", "%s asks %s for %s of %s, whose VMs may not be there",
                       node->name, entry->place, op->id, op->owner);
    }
}
