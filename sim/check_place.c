/* Who is asked for a VM: nobody twice, and everybody who might have it before the tenant is told
 * that nobody will. */

#include "base/text.h"
#include "sim/check.h"

static bool has_refused(const struct operation *op, const char *place) {
    for (uint32_t i = 0; i < op->refusals_count; i++)
        if (text_equal(op->refusals[i].place, place))
            return true;
    return false;
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
                !has_refused(op, cluster->name) &&
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
    struct promise *asked = promise_put(world, "shape", cloud, op->id);
    (void)text_copy(asked->value, sizeof(asked->value), op->definition.shape);
}

static void check_end_refused(struct sim_world *world, struct sim_node *cloud,
                              const struct operation *op) {
    struct promise *asked = promise_get(world, "shape", cloud, op->id);
    bool refused = op->code == CODE_NO_CAPACITY || op->code == CODE_NOT_ALLOWED;
    if (asked && refused && !*op->placing.cluster && op->refusals_count < limit_refusals)
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
    for (uint32_t i = 0; i < op->refusals_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (text_equal(op->refusals[i].place, op->refusals[k].place))
                check_fail(world, "nobody is asked twice", "%s: %s refused %s twice", node->name,
                           op->refusals[i].place, op->id);
    if (ended || !op->refusals_count)
        return;
    if (vm && has_refused(op, vm->record.place))
        check_fail(world, "nobody is asked twice", "%s: %s goes to %s, which refused it",
                   node->name, op->id, vm->record.place);
    if (op->refusals[op->refusals_count - 1].at_ms == node_wall_ms(world, node)) {
        world->stats.led_on += node_is_upstream(node);
        world->stats.led_on_below += !node_is_upstream(node);
    }
}
