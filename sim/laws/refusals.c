/* Who is asked for a VM: nobody twice, and everybody who might have it before the tenant is told
 * that nobody will. */
#include "sim/laws/refusals.h"

#include "base/text.h"
#include "core/below/downlink.h"
#include "core/below/peer.h"
#include "core/books/book.h"
#include "core/role.h"
#include "message/owner.h"
#include "sim/actors/permits.h"
#include "sim/laws/law.h"
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
    list_for(const struct book_vm, vm, &book->vms, by_age) {
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

void refusals_cluster_saved(struct refusals *refusals, const struct sim_world *world,
                            const struct sim_node *cloud, const struct node *cluster) {
    struct told_room *room = ledger_put(&refusals->rooms, cloud, cluster->name);
    room->is_told = cluster->seen_ms != node_wall_ms(world, cloud);
}

/* Has it told what it has since its session opened? What is shown until then is of the one
 * before, and nothing to place by. */
static bool has_told(const struct refusals *refusals, const struct sim_node *cloud,
                     const char *cluster) {
    const struct told_room *room = ledger_get(&refusals->rooms, cloud, cluster);
    const struct peer *peer = downlink_by_name(role_downlink(cloud->role), cluster);
    return room && room->is_told && peer->has_told; /* since the start, whatever is stored */
}

/* What may be restarted anywhere is asked of those alone that keep leases, and have nothing to put
 * aside. */
static bool keeps(const struct node *cluster, const struct asked_shape *asked) {
    return asked->on_loss != ON_LOSS_ANYWHERE || (cluster->guarded && !cluster->evictions);
}

/* A tenant who reads that every cluster refused can believe it. */
static void check_none_is_left(const struct refusals *refusals, struct sim_world *world,
                               struct sim_node *cloud, const struct operation *op,
                               const struct asked_shape *asked) {
    const char *shape = asked->shape;
    struct effects effects = {0};
    list_clusters(world, cloud, &effects);
    for (size_t i = 0; i < effects.count; i++) {
        const struct reply *reply = &effects.items[i].reply;
        for (uint32_t k = 0; k < reply->list_count; k++) {
            const struct node *cluster = reply->list[k].data;
            if (cluster->state == PEER_UP && has_room(cluster, shape) && keeps(cluster, asked) &&
                words_allow(permits_of(world, cloud, op->asker)->clusters, cluster->name) &&
                has_told(refusals, cloud, cluster->name) && !has_refused(op, cluster->name) &&
                !is_busy(role_book(cloud->role), cluster->name))
                law_fail(world, "a refusal leads on", "%s ends as refused; %s was not asked",
                         op->id, cluster->name);
        }
    }
    effects_deinit(&effects);
}

/* What is to be made is forgotten at the end. */
static void remember_shape(struct refusals *refusals, const struct sim_node *cloud,
                           const struct operation *op) {
    const struct placing *placing = &op->placing;
    if (*placing->cluster || placing->must || placing->rule == GROUP_TOGETHER ||
        placing->rule == GROUP_APART_CLUSTERS || op->internal || ruling_bounds(&op->ruling))
        return; /* not everybody will do; or it is asked for again */
    struct asked_shape *asked = ledger_put(&refusals->shapes, cloud, op->id);
    text_format(asked->shape, sizeof(asked->shape), "%s", op->definition.shape);
    asked->on_loss = op->definition.on_loss;
}

static void check_end(struct refusals *refusals, const struct ends *ends, struct sim_world *world,
                      struct sim_node *cloud, const struct operation *op) {
    struct asked_shape *asked = ledger_get(&refusals->shapes, cloud, op->id);
    /* One that was revoked half-way may still be there: it leads nowhere else. */
    bool evicted = ends_was_evicted(ends, world, op->vm);
    bool refused =
        op->code == CODE_NO_CAPACITY || (op->code == CODE_NOT_ALLOWED && !evicted);
    const struct timeline_entry *last;
    if (asked && refused && count_refusals(op, &last) < limit_refusals)
        check_none_is_left(refusals, world, cloud, op, asked);
    ledger_drop(&refusals->shapes, asked);
}

void refusals_check(struct refusals *refusals, const struct ends *ends, struct sim_world *world,
                    struct sim_node *node, const struct operation *op) {
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    if (op->verb != VERB_DEFINE)
        return;
    if (node_is_upstream(node) && ended)
        check_end(refusals, ends, world, node, op);
    else if (node_is_upstream(node))
        remember_shape(refusals, node, op);
    const struct timeline_entry *last;
    for (uint32_t i = 0; i < op->timeline_count; i++) {
        const struct timeline_entry *entry = &op->timeline[i];
        const struct operation before = {.timeline = op->timeline, .timeline_count = i};
        if (entry->step == STEP_REFUSED && has_refused(&before, entry->place))
            law_fail(world, "nobody is asked twice", "%s: %s refused %s twice", node->name,
                     entry->place, op->id);
    }
    if (!count_refusals(op, &last) || ended)
        return;
    if (vm && has_refused(op, vm->record.place))
        law_fail(world, "nobody is asked twice", "%s: %s goes to %s, which refused it",
                 node->name, op->id, vm->record.place);
    if (last->at_ms == node_wall_ms(world, node)) {
        world->stats.led_on += node_is_upstream(node);
        world->stats.led_on_below += !node_is_upstream(node);
    }
}

void refusals_check_reply(struct sim_world *world, const struct sim_node *node,
                          const struct reply *reply) {
    if (reply->kind != REPLY_PROBLEM || !text_equal(reply->text, "no cluster is connected now"))
        return;
    const struct downlink *downlink = role_downlink(node->role);
    for (size_t i = 0; i < downlink->count; i++) {
        const struct peer *peer = &downlink->peers[i];
        uint64_t gone_ms = node_now_ms(world, node) - peer->state_ms;
        if (peer->state == PEER_SUSPECT && gone_ms < downlink->hold_down_ms)
            law_fail(world, "who may be back is waited for",
                     "%s says that no cluster is connected; %s has been gone for %llu ms",
                     node->name, peer->setting.name, (unsigned long long)gone_ms);
    }
}
