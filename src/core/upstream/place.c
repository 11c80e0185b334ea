/* Where new VMs go: the cluster that is asked first, and who is asked next. */
#include "core/upstream/place.h"

#include <string.h>

#include "core/below/instruct.h"
#include "core/below/lend.h"
#include "core/below/placement.h"
#include "core/upstream/operations.h"
#include "core/upstream/upstream.h"
#include "message/labels.h"

/* The names of the clusters that a tenant's new VMs may be in; NULL or "": all. */
static const char *allowed_clusters(const struct upstream *upstream, const char *tenant) {
    const struct tenant_entry *entry = map_get(&upstream->tenants_by_name, tenant);
    return entry->record.permissions.clusters;
}

/* By what its operator lets the tenant use. */
static bool is_permitted_some(const struct call *call) {
    const char *allowed = call->tenant->record.permissions.clusters;
    return allowed && *allowed;
}

static bool is_bounded(const struct call *call, const struct operation *op) {
    return is_permitted_some(call) || ruling_bounds(&op->ruling);
}

/* Why fewer clusters are looked at than there are. */
static const char *by_whom(const struct operation *op) {
    return ruling_bounds(&op->ruling) ? "; the operator's rules say which a VM as this one may use"
                                      : "";
}

/* Names the first label that no cluster has besides those before it. */
static void tell_missing(const struct call *call, const struct operation *op) {
    const struct downlink *downlink = &call->upstream->manager.downlink;
    const char *allowed = call->tenant->record.permissions.clusters, *must = op->placing.must;
    char wanted[limit_labels + 1];
    size_t length = 0;
    do { /* one label more each time, until nobody has them all */
        bool found = false;
        length += must[length] == ',';
        while (must[length] && must[length] != ',')
            length++;
        text_format(wanted, sizeof(wanted), "%.*s", (int)length, must);
        for (size_t i = 0; i < downlink->count && !found; i++) {
            const struct peer *peer = &downlink->peers[i];
            found = words_allow(allowed, peer->setting.name) &&
                    ruling_allows(&op->ruling, peer->setting.name, peer_labels(peer)) &&
                    !labels_missing(peer_labels(peer), wanted, &(size_t){0});
        }
        if (!found)
            break;
    } while (must[length]);
    const char *only = op->placing.cluster;
    if (*only)
        call_problem(call, CODE_UNMET, "must", "cluster %s has not all of '%s'", only, must);
    else
        call_problem(call, CODE_UNMET, "must", "no cluster%s has '%s'%s",
                     is_bounded(call, op) ? " that you may use" : "", wanted, by_whom(op));
}

static void tell_group(const struct call *call, const struct operation *op) {
    const char *group = call->request->vm_create.group;
    const char *which = is_bounded(call, op) ? " and may use" : "";
    if (op->placing.rule == GROUP_TOGETHER)
        call_problem(call, CODE_UNMET, "group_rule",
                     "group '%s' is in no cluster that you ask for%s%s", group, which, by_whom(op));
    else
        call_problem(call, CODE_UNMET, "group_rule",
                     "each cluster that you ask for%s has a VM of group '%s' already%s", which,
                     group, by_whom(op));
}

static void tell_ruled_out(const struct call *call, const struct operation *op) {
    if (*op->placing.cluster)
        call_problem(call, CODE_NOT_ALLOWED, "cluster",
                     "by the operator's rules, a VM as this one may not be in cluster '%s': name "
                     "another, or none", op->placing.cluster);
    else
        call_problem(call, CODE_NOT_ALLOWED, "",
                     "by the operator's rules, a VM as this one may be in none of the clusters%s: "
                     "ask the operator",
                     is_permitted_some(call) ? " that you may use" : "");
}

static const char *kind_of_place(const struct call *call, const struct operation *op) {
    const struct placing *placing = &op->placing;
    bool asks = placing->must || placing->rule == GROUP_TOGETHER ||
                placing->rule == GROUP_APART_CLUSTERS;
    if (is_bounded(call, op))
        return asks ? " of those that you ask for and may use" : " that you may use";
    return asks ? " of those that you ask for" : "";
}

/* What is restarted in its cluster alone is that one's matter. */
static enum on_loss leased_above(enum on_loss on_loss) {
    return on_loss == ON_LOSS_ANYWHERE ? on_loss : ON_LOSS_STAY;
}

static void tell_too_old(const struct call *call, const struct operation *op) {
    const struct definition *newest = &op->definition;
    if (newest->on_loss == ON_LOSS_ANYWHERE)
        call_problem(call, CODE_UNSUPPORTED, "on_loss",
                     "no cluster%s has VMs that may be restarted in another one: that needs leases "
                     "here, and there of this manager's alone",
                     kind_of_place(call, op));
    else if (newest->copy_max_age_s)
        call_problem(call, CODE_UNSUPPORTED,
                     newest->copy_every_s ? "copy_every_s" : "copy_max_age_s",
                     "no cluster%s copies disks by itself: it is a single host, which has no place "
                     "for copies, or runs an older version",
                     kind_of_place(call, op));
    else if (machine_version(&newest->machine))
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(newest),
                     "no cluster%s gives a VM the firmware, disk bus, clock and TPM that image "
                     "'%s' needs: they run an older version; upgrade one",
                     kind_of_place(call, op), newest->image_name);
    else
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(newest),
                     "no cluster%s takes it: they run an older version; upgrade one",
                     kind_of_place(call, op));
}

static void tell_no_room(const struct call *call, const struct operation *op,
                         const struct placement_wish *wish) {
    const struct downlink *downlink = &call->upstream->manager.downlink;
    const char *only = op->placing.cluster, *shape = op->definition.shape;
    if (placement_obstacle(downlink, wish, PLACEMENT_NO_ROOM) == OBSTACLE_SHAPE)
        call_problem(call, CODE_UNMET, "shape", "no cluster%s is large enough for shape '%s'",
                     kind_of_place(call, op), shape);
    else
        call_problem(call, CODE_NO_CAPACITY, "shape",
                     "%s%s%s has %sroom for a VM of shape '%s' now",
                     *only ? "cluster " : "no cluster", only,
                     *only ? "" : kind_of_place(call, op), *only ? "no " : "", shape);
}

/* What stands in the way of a new VM. */
static void tell_why(const struct call *call, const struct operation *op,
                     const struct placement_wish *wish, enum placement found) {
    const char *only = op->placing.cluster;
    switch (found) {
    case PLACEMENT_FOUND:
        return;
    case PLACEMENT_NOT_ALLOWED:
        call_problem(call, CODE_NOT_ALLOWED, "cluster",
                     "none of the clusters that you may use is there any more: '%s'",
                     wish->allowed);
        return;
    case PLACEMENT_RULED_OUT:
        tell_ruled_out(call, op);
        return;
    case PLACEMENT_NO_LABELS:
        tell_missing(call, op);
        return;
    case PLACEMENT_NO_NETWORKS:
        call_problem(call, CODE_UNMET, "networks", "no cluster%s takes VMs that are in '%s'",
                     kind_of_place(call, op), wish->networks);
        return;
    case PLACEMENT_TOO_OLD:
        tell_too_old(call, op);
        return;
    case PLACEMENT_NO_GROUP:
        tell_group(call, op);
        return;
    case PLACEMENT_NO_ROOM:
        tell_no_room(call, op, wish);
        return;
    case PLACEMENT_UNREACHABLE:
        call_problem(call, CODE_UNREACHABLE, "cluster", "%s%s%s is %sconnected now",
                     *only ? "cluster " : "no cluster", only,
                     *only ? "" : kind_of_place(call, op), *only ? "not " : "");
        return;
    }
}

/* Where it may go; all of it is borrowed. */
static struct placement_wish wish_of(const struct upstream *upstream, const char *tenant,
                                     const struct operation *op, const char *group) {
    return (struct placement_wish){
        .size = &op->definition.size,
        .placing = &op->placing,
        .ruling = &op->ruling,
        .networks = op->definition.networks,
        .version = instruct_version(&op->definition),
        .leased = leased_above(op->definition.on_loss),
        .copied = op->definition.copy_max_age_s ? COPIED_BELOW : COPIED_NOWHERE,
        .image = op->definition.image,
        .group = book_group(&upstream->manager.book, tenant, group),
        .allowed = allowed_clusters(upstream, tenant)};
}

bool upstream_choose(const struct call *call, const struct operation *op,
                     struct peer **out_peer) {
    const struct downlink *downlink = &call->upstream->manager.downlink;
    const char *only = op->placing.cluster, *group = call->request->vm_create.group;
    const struct placement_wish wish =
        wish_of(call->upstream, call->tenant->record.name, op, group);
    if (*only && !downlink_by_name(downlink, only)) {
        call_problem(call, CODE_NOT_FOUND, "cluster", "there is no cluster '%s'", only);
        return false;
    }
    if (op->placing.rule != GROUP_ANYHOW && !*group) {
        call_problem(call, CODE_INVALID, "group_rule", "the rule '%s' needs a group",
                     group_rule_names[op->placing.rule]);
        return false;
    }
    enum placement found = placement_choose(downlink, &wish, out_peer);
    if (found == PLACEMENT_FOUND)
        return true;
    if (found >= PLACEMENT_NO_ROOM && found <= PLACEMENT_UNREACHABLE &&
        placement_awaits(downlink, &wish))
        return true;
    tell_why(call, op, &wish, found);
    return false;
}

void upstream_group_id(const struct call *call, char *out_id) {
    const char *group = call->request->vm_create.group;
    char words[limit_digest_size + limit_name_size];
    struct id_maker maker = {0};
    if (!*group)
        return;
    const struct tenant *tenant = &call->tenant->record;
    /* What its first token hashed to keeps it from being guessed from a list of names. */
    text_format(words, sizeof(words), "%s/%s", *tenant->salt ? tenant->salt : tenant->token_hash,
                group);
    prng_init(&maker.prng, map_hash(0, words, strlen(words)));
    text_set_sized(out_id, limit_id_size, id_make(&maker, "gr", 1).text);
}

/* Why an operation waits, or ends, that nobody has refused. */
static enum code code_of(enum placement found) {
    switch (found) {
    case PLACEMENT_NO_LABELS:
    case PLACEMENT_NO_NETWORKS:
    case PLACEMENT_NO_GROUP:
        return CODE_UNMET;
    case PLACEMENT_NOT_ALLOWED:
    case PLACEMENT_RULED_OUT:
        return CODE_NOT_ALLOWED;
    case PLACEMENT_UNREACHABLE:
        return CODE_UNREACHABLE;
    case PLACEMENT_TOO_OLD:
        return CODE_UNSUPPORTED;
    case PLACEMENT_FOUND:
    case PLACEMENT_NO_ROOM:
        break;
    }
    return CODE_NO_CAPACITY;
}

static void await_cluster(struct upstream *upstream, struct book_op *op, enum code code) {
    (void)book_tell(op, &(struct timeline_entry){.at_ms = upstream->manager.moment.wall_ms,
                                                 .step = STEP_WAITING,
                                                 .code = code});
    struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
    uint64_t pause_ms = book_backoff_ms(op->attempts++, &upstream->manager.prng);
    uint64_t most_ms = upstream->manager.downlink.hold_down_ms / 4;
    pause_ms = pause_ms < most_ms ? pause_ms : most_ms;
    if (vm->stored.move && op->tried_count) /* then all are asked again */
        pause_ms = manager_pause_ms;
    op->resend_ms = upstream->manager.moment.now_ms + pause_ms;
    book_schedule(&upstream->manager.book, op);
    book_save_vm(&upstream->manager.book, vm);
    book_save_op(&upstream->manager.book, op);
}

void upstream_try_next(struct upstream *upstream, struct book_vm *vm) {
    struct book_op *op = vm->active;
    struct peer *peer = NULL;
    struct placement_wish wish =
        wish_of(upstream, vm->record.asker, &op->record, vm->record.group);
    wish.size = &vm->record.size;
    wish.op = op;
    op->resend_ms = book_never;
    enum placement found = placement_choose(&upstream->manager.downlink, &wish, &peer);
    if (found == PLACEMENT_FOUND) {
        placement_put(peer, vm, op);
        downlink_instruct(&upstream->manager.downlink, vm);
        book_save_vm(&upstream->manager.book, vm);
        book_save_op(&upstream->manager.book, op);
        return;
    }
    if (vm->stored.move || placement_awaits(&upstream->manager.downlink, &wish)) {
        await_cluster(upstream, op, code_of(found));
        return;
    }
    op->record.obstacle = placement_common_obstacle(op);
    upstream_end(upstream, op, op->tried_count ? placement_verdict(op) : code_of(found));
    upstream_remove_vm(upstream, vm); /* nothing is half-made */
}
