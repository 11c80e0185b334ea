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

static bool is_bounded(const struct call *call) {
    const char *allowed = call->tenant->record.permissions.clusters;
    return allowed && *allowed;
}

/* Names the first label that no cluster has besides those before it. */
static void tell_missing(const struct call *call, const char *must) {
    const struct downlink *downlink = &call->upstream->manager.downlink;
    const char *allowed = call->tenant->record.permissions.clusters;
    char wanted[limit_labels + 1];
    size_t length = 0;
    do { /* one label more each time, until nobody has them all */
        bool found = false;
        length += must[length] == ',';
        while (must[length] && must[length] != ',')
            length++;
        text_format(wanted, sizeof(wanted), "%.*s", (int)length, must);
        for (size_t i = 0; i < downlink->count && !found; i++)
            found = words_allow(allowed, downlink->peers[i].setting.name) &&
                    !labels_missing(peer_labels(&downlink->peers[i]), wanted, &(size_t){0});
        if (!found)
            break;
    } while (must[length]);
    const char *only = call->request->vm_create.placing.cluster;
    if (*only)
        call_problem(call, CODE_UNMET, "must", "cluster %s has not all of '%s'", only, must);
    else
        call_problem(call, CODE_UNMET, "must", "no cluster%s has '%s'",
                     is_bounded(call) ? " that you may use" : "", wanted);
}

static void tell_group(const struct call *call) {
    const struct vm_create *wish = &call->request->vm_create;
    const char *which = is_bounded(call) ? " and may use" : "";
    if (wish->placing.rule == GROUP_TOGETHER)
        call_problem(call, CODE_UNMET, "group_rule",
                     "group '%s' is in no cluster that you ask for%s", wish->group, which);
    else
        call_problem(call, CODE_UNMET, "group_rule",
                     "each cluster that you ask for%s has a VM of group '%s' already", which,
                     wish->group);
}

static const char *kind_of_place(const struct call *call) {
    const struct placing *placing = &call->request->vm_create.placing;
    bool asks = placing->must || placing->rule == GROUP_TOGETHER ||
                placing->rule == GROUP_APART_CLUSTERS;
    if (is_bounded(call))
        return asks ? " of those that you ask for and may use" : " that you may use";
    return asks ? " of those that you ask for" : "";
}

/* What is restarted in its cluster alone is that one's matter. */
static enum on_loss leased_above(enum on_loss on_loss) {
    return on_loss == ON_LOSS_ANYWHERE ? on_loss : ON_LOSS_STAY;
}

/* Of what it will be instructed, what an older place would not see; all of it is borrowed. */
static struct definition newest_of(const struct vm_create *create, const struct image *image) {
    return (struct definition){
        .machine = image->machine,
        .on_loss = create->on_loss,
        .restart_from = create->restart_from,
        .user_data_base64 = create->user_data_base64,
        .ssh_keys = create->ssh_keys ? create->ssh_keys : create->ssh_public_keys};
}

static void tell_too_old(const struct call *call, const struct definition *newest) {
    if (newest->on_loss == ON_LOSS_ANYWHERE)
        call_problem(call, CODE_UNSUPPORTED, "on_loss",
                     "no cluster%s has VMs that may be restarted in another one: that needs leases "
                     "here, and there of this manager's alone",
                     kind_of_place(call));
    else if (machine_version(&newest->machine))
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(newest),
                     "no cluster%s gives a VM the firmware, disk bus and clock that image '%s' "
                     "needs: they run an older version; upgrade one",
                     kind_of_place(call), call->request->vm_create.image);
    else
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(newest),
                     "no cluster%s takes it: they run an older version; upgrade one",
                     kind_of_place(call));
}

bool upstream_choose(const struct call *call, const struct shape *shape, const struct image *image,
                     struct peer **out_peer) {
    const struct vm_create *create = &call->request->vm_create;
    const struct placing *placing = &create->placing;
    const struct downlink *downlink = &call->upstream->manager.downlink;
    const char *only = placing->cluster;
    const struct definition newest = newest_of(create, image);
    struct placement_wish wish = {
        .size = &shape->size,
        .placing = placing,
        .networks = create->networks,
        .version = instruct_version(&newest),
        .leased = leased_above(create->on_loss),
        .group =
            book_group(&call->upstream->manager.book, call->tenant->record.name, create->group),
        .allowed = allowed_clusters(call->upstream, call->tenant->record.name)};
    if (*only && !downlink_by_name(downlink, only)) {
        call_problem(call, CODE_NOT_FOUND, "cluster", "there is no cluster '%s'", only);
        return false;
    }
    if (placing->rule != GROUP_ANYHOW && !*create->group) {
        call_problem(call, CODE_INVALID, "group_rule", "the rule '%s' needs a group",
                     group_rule_names[placing->rule]);
        return false;
    }
    enum placement found = placement_choose(downlink, &wish, out_peer);
    if (found >= PLACEMENT_NO_ROOM && found <= PLACEMENT_UNREACHABLE &&
        placement_awaits(downlink, &wish))
        return true;
    switch (found) {
    case PLACEMENT_FOUND:
        return true;
    case PLACEMENT_NOT_ALLOWED:
        call_problem(call, CODE_NOT_ALLOWED, "cluster",
                     "none of the clusters that you may use is there any more: '%s'",
                     wish.allowed);
        return false;
    case PLACEMENT_NO_LABELS:
        tell_missing(call, placing->must);
        return false;
    case PLACEMENT_NO_NETWORKS:
        call_problem(call, CODE_UNMET, "networks", "no cluster%s takes VMs that are in '%s'",
                     kind_of_place(call), create->networks);
        return false;
    case PLACEMENT_TOO_OLD:
        tell_too_old(call, &newest);
        return false;
    case PLACEMENT_NO_GROUP:
        tell_group(call);
        return false;
    case PLACEMENT_NO_ROOM:
        if (placement_obstacle(downlink, &wish, found) == OBSTACLE_SHAPE) {
            call_problem(call, CODE_UNMET, "shape", "no cluster%s is large enough for shape '%s'",
                         kind_of_place(call), shape->name);
            return false;
        }
        call_problem(call, CODE_NO_CAPACITY, "shape",
                     "%s%s%s has %sroom for a VM of shape '%s' now",
                     *only ? "cluster " : "no cluster", only, *only ? "" : kind_of_place(call),
                     *only ? "no " : "", shape->name);
        return false;
    case PLACEMENT_UNREACHABLE:
        call_problem(call, CODE_UNREACHABLE, "cluster", "%s%s%s is %sconnected now",
                     *only ? "cluster " : "no cluster", only, *only ? "" : kind_of_place(call),
                     *only ? "not " : "");
        return false;
    }
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
    struct placement_wish wish = {
        .size = &vm->record.size,
        .placing = &op->record.placing,
        .op = op,
        .networks = op->record.definition.networks,
        .version = instruct_version(&op->record.definition),
        .leased = leased_above(op->record.definition.on_loss),
        .group = book_group(&upstream->manager.book, vm->record.asker, vm->record.group),
        .allowed = allowed_clusters(upstream, vm->record.asker)};
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
