/* Who asks and what only operators may; what has to hold before a request changes anything; and
 * that a repeat with the same key changes nothing. */
#include "core/upstream/requests.h"

#include <string.h>

#include "base/memory.h"
#include "core/below/belief.h"
#include "core/below/instruct.h"
#include "core/below/placement.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"
#include "core/manager/leftovers.h"
#include "core/manager/recover.h"
#include "core/upstream/adopt.h"
#include "core/upstream/clusters.h"
#include "core/upstream/elsewhere.h"
#include "core/upstream/guest/console.h"
#include "core/upstream/images/images.h"
#include "core/upstream/keep.h"
#include "core/upstream/operations.h"
#include "core/upstream/permit.h"
#include "core/upstream/place.h"
#include "core/upstream/quota.h"
#include "core/upstream/read.h"
#include "core/upstream/reshape_vm.h"
#include "core/upstream/rules.h"
#include "core/upstream/account/asker.h"
#include "core/upstream/account/ssh_keys.h"
#include "core/upstream/notify/chats.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/notify/holders.h"
#include "core/upstream/upstream.h"
#include "message/labels.h"

/* A used key: the same request gets the same operation, another one a refusal. True: answered. */
static bool repeated(const struct call *call) {
    const struct request *request = call->request;
    if (!*request->idempotency_key)
        return false;
    char key[sizeof(((struct idempotency *)NULL)->key)];
    text_format(key, sizeof(key), "%s/%s", call->tenant ? call->tenant->record.name : "",
                request->idempotency_key);
    const struct idempotency_entry *entry = map_get(&call->upstream->idempotency_by_key, key);
    if (!entry)
        return false;
    const struct book_op *op = book_op(&call->upstream->manager.book, entry->record.op);
    if (entry->record.request_hash != (request->body_hash & INT64_MAX))
        call_problem(call, CODE_KEY_REUSED, "Idempotency-Key",
                     "this key was used for another request %s", "before");
    else if (op)
        upstream_answer_op(call, book_op(&call->upstream->manager.book, entry->record.op));
    else if (!upstream_answer_archived(call, entry->record.op))
        call_problem(call, CODE_KEY_REUSED, "Idempotency-Key",
                     "the operation of this key (%s) is no longer kept", entry->record.op);
    return true;
}

static void forget_key(const struct call *call, struct idempotency_entry *entry) {
    effects_forget(call->moment->out, &idempotency_table, entry->record.key);
    upstream_remove_idempotency(call->upstream, entry);
}

/* Where too many are kept, whoever has most gives up its oldest: another one's repeat must not act
 * twice for that. */
static void forget_one_too_many(const struct call *call) {
    struct upstream *upstream = call->upstream;
    uint32_t most = upstream->settings.kept ? upstream->settings.kept : limit_idempotency_keys;
    if (upstream->idempotency_by_key.count <= most)
        return;
    const struct holder *held = holders_most(&upstream->key_holders);
    forget_key(call, keyring_oldest(container_of(held, struct keyring, held)));
}

static void remember_key(const struct call *call, const struct book_op *op) {
    const struct request *request = call->request;
    struct upstream *upstream = call->upstream;
    if (!*request->idempotency_key)
        return;
    struct idempotency record = {.request_hash = request->body_hash & INT64_MAX,
                                 .created_ms = call->moment->wall_ms};
    text_format(record.key, sizeof(record.key), "%s/%s",
                call->tenant ? call->tenant->record.name : "", request->idempotency_key);
    text_set(record.op, op->record.id);
    if (upstream_add_idempotency(upstream, &record))
        effects_save(call->moment->out, &idempotency_table, &record);
    forget_one_too_many(call);
}

static uint64_t allowed_ms(const struct call *call) {
    uint64_t asked = call->request->deadline_ms;
    return asked ? asked : call->upstream->settings.operation_ms;
}

static bool is_within_quota(const struct call *call, const struct size *size) {
    const struct tenant_entry *tenant = call->tenant;
    return upstream_tell_quota(
        call, tenant, amounts_exceeded(&tenant->record.quota, &tenant->used, size), size);
}

/* Everything about the wish that can be refused before anything changes. */
static bool admit(const struct call *call, const char *networks, const struct shape **out_shape,
                  struct image_entry **out_image) {
    const struct vm_create *wish = &call->request->vm_create;
    struct upstream *upstream = call->upstream;
    char network[limit_name_size];
    uint32_t most = upstream->settings.vms_most ? upstream->settings.vms_most : limit_vms;
    upstream_find_unknown(upstream, networks, network);
    *out_shape = upstream_find_shape(upstream, wish->shape);
    *out_image = images_find(upstream, call->tenant, wish->image);
    if (map_get(&call->tenant->vm_names, wish->name))
        call_problem(call, CODE_CONFLICT, "name", "you have a VM named '%s' already", wish->name);
    else if (!*out_shape)
        call_problem(call, CODE_UNKNOWN_SHAPE, "shape", "there is no shape '%s'", wish->shape);
    else if (!*out_image)
        call_problem(call, CODE_UNKNOWN_IMAGE, "image", "there is no image '%s'", wish->image);
    else if (*network)
        call_problem(call, CODE_UNKNOWN_NETWORK, "networks", "there is no network '%s'%s", network,
                     wish->networks ? "" : ", in which the operator's rules put a VM as this one");
    else if (!images_fit(call, &(*out_image)->record, &(*out_shape)->size, "shape"))
        return false;
    else if (upstream->manager.disk_full)
        call_problem(call, CODE_FULL, "", "%s", "the manager's disk is full: it takes no new VM "
                     "until there is room again");
    else if (!amounts_admit(most, upstream->manager.book.vms_count, call->tenant->used.vms,
                            upstream->tenants_by_name.count))
        call_problem(call, CODE_FULL, "", "this manager keeps at most %u VMs; you have your part "
                     "of what is left", most);
    else
        return is_within_quota(call, &(*out_shape)->size) &&
               upstream_admit_said(call, call->tenant,
                                   (wish->metadata ? strlen(wish->metadata) : 0) +
                                       (wish->title ? strlen(wish->title) : 0), 0);
    return false;
}

static struct book_vm *add_vm(const struct call *call, const struct definition *definition) {
    struct upstream *upstream = call->upstream;
    struct stored_vm record = {.vm = {.state = VM_PENDING, .size = definition->size, .epoch = 1,
                                      .created_ms = call->moment->wall_ms}};
    struct id id = id_make(&upstream->manager.ids, "vm", call->moment->wall_ms);
    text_set(record.vm.id, id.text);
    text_set(record.vm.name, definition->name);
    text_set(record.vm.asker, call->tenant->record.name);
    text_set(record.vm.shape, definition->shape);
    text_set(record.vm.image, definition->image_name);
    text_set(record.vm.group, call->request->vm_create.group);
    text_set(record.vm.digest, definition->image);
    record.vm.metadata = call->request->vm_create.metadata; /* copied by the book */
    record.vm.title = call->request->vm_create.title;       /* copied by the book */
    record.vm.networks = definition->networks;              /* copied by the book */
    record.vm.allow = definition->allow;                    /* copied by the book */
    record.vm.on_loss = definition->on_loss;
    record.vm.restart_from = definition->restart_from;
    record.vm.copy_every_s = definition->copy_every_s;
    record.vm.copy_max_age_s = definition->copy_max_age_s;
    struct book_vm *vm = book_add_vm(&upstream->manager.book, &record);
    upstream_link_vm(upstream, vm);
    return vm;
}

/* Copies are in the cluster, and lost with it. */
static bool admit_restart(const struct call *call, enum on_loss on_loss) {
    const struct vm_create *wish = &call->request->vm_create;
    if (wish->restart_from == RESTART_FROM_IMAGE || on_loss == ON_LOSS_RESTART)
        return true;
    if (on_loss == ON_LOSS_ANYWHERE)
        call_problem(call, CODE_UNSUPPORTED, "restart_from",
                     "copies are kept in the VM's cluster, and are lost with it: what may be "
                     "restarted anywhere is made from its image; say on_loss 'restart' to have it "
                     "made from a copy on another host of its cluster");
    else
        call_problem(call, CODE_INVALID, "restart_from",
                     "a VM that is to stay where it is lost is made from nothing: say on_loss "
                     "'restart', too");
    return false;
}

/* The operation that makes the VM; what it points to is the request's and the caller's. */
static struct operation define(const struct call *call, const struct shape *shape,
                               const struct image *image, char *ssh_keys) {
    const struct vm_create *wish = &call->request->vm_create;
    struct operation operation = {.verb = VERB_DEFINE, .deadline_ms = allowed_ms(call),
                                  .placing = wish->placing};
    struct definition *definition = &operation.definition;
    text_set(definition->name, wish->name);
    text_set(definition->shape, wish->shape);
    text_set(definition->image, image->digest);
    text_set(definition->image_name, image->name);
    definition->machine = image->machine;
    definition->size = shape->size;
    definition->start = wish->start;
    definition->user_data = wish->user_data;
    definition->user_data_base64 = wish->user_data_base64;
    definition->ssh_keys = ssh_keys;
    upstream_group_id(call, definition->group);
    definition->apart = wish->placing.rule == GROUP_APART;
    definition->on_drain = wish->on_drain;
    definition->restart_from = wish->restart_from;
    definition->host_must = wish->host_must;
    definition->host_prefer = wish->host_prefer;
    definition->allow = wish->allow;
    return operation;
}

static void begin_define(const struct call *call, const struct operation *operation,
                         struct peer *peer) {
    struct upstream *upstream = call->upstream;
    const struct amounts had = call->tenant->used;
    struct book_vm *vm = add_vm(call, &operation->definition);
    happened_use(upstream, call->tenant, &had);
    upstream_keep_template(upstream, vm, operation);
    struct book_op *op = upstream_begin(upstream, vm, operation);
    if (peer) {
        placement_put(peer, vm, op);
        downlink_instruct(&upstream->manager.downlink, vm);
        book_save_vm(&upstream->manager.book, vm);
        book_save_op(&upstream->manager.book, op);
    } else {
        upstream_try_next(upstream, vm);
    }
    remember_key(call, op);
    upstream_answer_op(call, op);
}

static void on_vm_create(const struct call *call) {
    const struct vm_create *wish = &call->request->vm_create;
    const struct shape *shape = NULL;
    struct image_entry *image = NULL;
    struct peer *peer = NULL;
    char *ssh_keys = NULL;
    if (!call->tenant) {
        call_problem(call, CODE_FORBIDDEN, "",
                     "VMs belong to tenants: use a tenant's token, not the operator's");
        return;
    }
    const struct ruled_vm looked_at = {call->tenant->record.name, wish->image, wish->shape,
                                       wish->metadata};
    const struct rule *rule = rules_first(call->upstream, &looked_at);
    const char *networks = rules_networks(rule, wish->networks);
    enum on_loss on_loss = on_loss_wished(wish->on_loss, rule ? rule->on_loss : LOSS_WISH_NONE);
    if (repeated(call) || !upstream_permits_vm(call) || !rules_permit(call, rule) ||
        !admit_restart(call, on_loss) ||
        !upstream_admit_data(call, wish->user_data, wish->user_data_base64) ||
        !upstream_admit_ssh_keys(call, wish->ssh_keys, wish->ssh_public_keys, &ssh_keys) ||
        !admit(call, networks, &shape, &image))
        return;
    struct operation operation = define(call, shape, &image->record, ssh_keys);
    if (!upstream_admit_intervals(call, wish->copy_every_s, wish->copy_max_age_s,
                                  &operation.definition))
        return;
    operation.definition.on_loss = on_loss;
    operation.definition.networks = (char *)(uintptr_t)networks;
    rules_apply(rule, &operation);
    if (upstream_choose(call, &operation, &peer))
        begin_define(call, &operation, peer);
}

static void on_vm_act(const struct call *call) {
    if (repeated(call))
        return;
    struct upstream *upstream = call->upstream;
    enum verb verb = call->request->verb;
    struct book_vm *vm = upstream_find_vm(call, call->request->key);
    if (!vm)
        return;
    if (!upstream_may_act(call, vm))
        return;
    if (vm->active && verb != VERB_DELETE) {
        call_problem(call, CODE_BUSY, "", "operation %s (%s) is under way on this VM",
                     vm->active->record.id, verb_names[vm->active->record.verb]);
        return;
    }
    if (!lifecycle_permits(verb, vm->record.state)) {
        call_problem(call, CODE_BAD_STATE, "", "%s is not possible while the VM is %s",
                     verb_names[verb], vm_state_names[vm->record.state]);
        return;
    }
    if (verb_reaches[verb] == VERB_ABOVE) {
        struct book_op *kept = upstream_keep(call, vm, allowed_ms(call));
        if (kept) {
            remember_key(call, kept);
            upstream_answer_op(call, kept);
        }
        return;
    }
    if (vm->active && vm->active->record.verb == VERB_DELETE) {
        if (vm->active->record.internal) {
            vm->active->record.internal = false; /* somebody has been told of it: it is kept */
            book_save_op(&call->upstream->manager.book, vm->active);
        }
        if (vm->stored.move) { /* gone there, it was to be made elsewhere: now it is to be gone */
            vm->stored.move = MOVE_NONE;
            lifecycle_set_state(&vm->record, VM_DELETING, call->moment->wall_ms);
            book_save_vm(&upstream->manager.book, vm);
        }
        remember_key(call, vm->active);
        upstream_answer_op(call, vm->active); /* it is on its way out already */
        return;
    }
    struct operation operation = {.verb = verb, .deadline_ms = allowed_ms(call)};
    if (!upstream_admit_reshape(call, vm, &operation))
        return;
    struct size reserved = book_take_reserved(vm->active);
    if (vm->active)
        upstream_end(upstream, vm->active, CODE_SUPERSEDED);
    if (verb == VERB_DELETE)
        lifecycle_set_state(&vm->record, VM_DELETING, call->moment->wall_ms);
    vm->stored.move = MOVE_NONE; /* a delete alone comes here then */
    struct book_op *op = upstream_begin(upstream, vm, &operation);
    op->reserved = reserved;
    op->record.timeline->by = call->tenant ? BY_ASKER : BY_OPERATOR;
    upstream_reshape_begins(upstream, vm);
    if (*vm->record.place) {
        op->record.place_generation = ++vm->record.place_generation;
        downlink_instruct(&upstream->manager.downlink, vm);
        book_save_vm(&call->upstream->manager.book, vm);
        book_save_op(&call->upstream->manager.book, op);
    } else { /* a lost one, whose place is gone too: nobody has to be asked */
        upstream_end(upstream, op, verb == VERB_DELETE ? CODE_OK : CODE_LOST);
        if (verb == VERB_DELETE)
            upstream_remove_vm(upstream, vm);
    }
    remember_key(call, op);
    upstream_answer_op(call, op);
}

static bool forget_cluster(const struct call *call, struct peer *peer) {
    if (peer_is_up(peer)) {
        call_problem(call, CODE_CONFLICT, "cluster", "cluster '%s' is connected: it is not gone",
                     call->request->key);
        return false;
    }
    upstream_write_off(call->upstream, peer);
    belief_forget(peer);
    return true;
}

static bool accept_cluster(const struct call *call, struct peer *peer) {
    bool accepted = downlink_accept(peer);
    if (!accepted)
        call_problem(call, CODE_CONFLICT, "cluster", "cluster '%s' has not come with another "
                     "store: there is nothing to accept", call->request->key);
    return accepted;
}

/* A person's word on a cluster that is not heard. */
static bool recover_cluster(const struct call *call, struct peer *peer) {
    struct manager *manager = &call->upstream->manager;
    bool is_off = call->request->kind == REQUEST_CLUSTER_DECLARE_OFF;
    if (peer_is_up(peer)) {
        call_problem(call, CODE_CONFLICT, "cluster", "cluster '%s' is connected: it is not %s",
                     peer->setting.name, is_off ? "off" : "lost");
        return false;
    }
    if (!is_off && recover_lease(manager, peer) != LEASE_HELD) {
        call_problem(call, CODE_CONFLICT, "cluster", "nothing of cluster '%s' is held back",
                     peer->setting.name);
        return false;
    }
    effects_note(manager->moment.out, NOTE_WARNING, "",
                 is_off ? "the operator says that cluster %s is off: its VMs run there no more"
                        : "the operator says that VMs of cluster %s are to be restarted elsewhere",
                 peer->setting.name);
    recover_now(manager, peer, is_off ? RECOVER_OFF : RECOVER_HELD);
    return true;
}

/* What becomes of a cluster, by its operator's word. */
static void change_cluster(const struct call *call) {
    static bool (*const changes[REQUEST_KIND_COUNT])(const struct call *, struct peer *) = {
        [REQUEST_CLUSTER_FORGET] = forget_cluster,
        [REQUEST_CLUSTER_ACCEPT] = accept_cluster,
        [REQUEST_CLUSTER_DECLARE_OFF] = recover_cluster,
        [REQUEST_CLUSTER_RECOVER] = recover_cluster,
    };
    struct peer *peer = downlink_by_name(&call->upstream->manager.downlink, call->request->key);
    struct node node;
    if (!peer) {
        call_not_found(call, "cluster");
        return;
    }
    if (!changes[call->request->kind](call, peer))
        return;
    upstream_node(peer, &node);
    upstream_show_lease(peer, &node);
    call_answer(call, REPLY_RECORD, &node_table, &node);
    record_clear(&node_table, &node);
}

static void list_leftovers(const struct call *call) {
    leftovers_list(call, &call->upstream->manager);
}

static void discard_leftover(const struct call *call) {
    leftovers_discard(call, &call->upstream->manager);
}

static void on_op_show(const struct call *call) {
    const char *id = call->request->key;
    struct book_op *op = book_op(&call->upstream->manager.book, id);
    if (op && call->tenant && !text_equal(op->record.asker, call->tenant->record.name))
        op = NULL;
    if (op)
        upstream_answer_op(call, op);
    else if (!upstream_answer_archived(call, id))
        call_problem(call, CODE_NOT_FOUND, "operation", "there is no operation '%s'", id);
}

static void create_tenant(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct tenant tenant = {.created_ms = call->moment->wall_ms};
    text_set(tenant.name, call->request->tenant_create.name);
    text_set(tenant.token_hash, call->request->new_token_hash);
    if (map_get(&upstream->tenants_by_name, tenant.name)) {
        call_problem(call, CODE_CONFLICT, "name", "there is a tenant '%s' already", tenant.name);
    } else if (upstream->tenants_by_name.count >= limit_tenants) {
        call_problem(call, CODE_FULL, "", "this manager keeps at most %d tenants", limit_tenants);
    } else if (access_find(&upstream->access, tenant.token_hash, 0)) {
        call_problem(call, CODE_INTERNAL, "", "the token that was drawn for '%s' is another's",
                     tenant.name);
    } else {
        const struct access_asker asker = {tenant.name, tenant.created_ms};
        upstream_add_tenant(upstream, &tenant);
        effects_save(call->moment->out, &tenant_table, &tenant);
        access_add_first(&upstream->access, call->moment, &asker, tenant.token_hash);
        call_answer(call, REPLY_CREATED, &tenant_table, &tenant);
    }
}

/* A lowered quota ends no VM: it stops new ones. */
static void set_quota(const struct call *call) {
    struct tenant_entry *tenant =
        map_get(&call->upstream->tenants_by_name, call->request->key);
    if (!tenant) {
        call_not_found(call, "tenant");
        return;
    }
    tenant->record.quota = call->request->limits;
    effects_save(call->moment->out, &tenant_table, &tenant->record);
    upstream_answer_account(call, tenant);
}

/* Whoever gets the name next shall not find the history of the one before. */
static void forget_history(const struct call *call, struct tenant_entry *tenant) {
    struct upstream *upstream = call->upstream;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &tenant->ops)
        upstream_remove_op(upstream, &container_of(node, struct upstream_op, by_tenant)->base);
    upstream_forget_archived(upstream, tenant);
    for (struct idempotency_entry *entry; (entry = keyring_oldest(&tenant->keyring));)
        forget_key(call, entry);
}

static void delete_tenant(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, call->request->key);
    if (!tenant) {
        call_problem(call, CODE_NOT_FOUND, "tenant", "there is no tenant '%s'", call->request->key);
        return;
    }
    if (!list_is_empty(&tenant->vms)) {
        call_problem(call, CODE_CONFLICT, "tenant", "tenant '%s' has VMs", call->request->key);
        return;
    }
    if (upstream_images_bytes(upstream, tenant)) {
        call_problem(call, CODE_CONFLICT, "tenant", "tenant '%s' has images: delete them first",
                     call->request->key);
        return;
    }
    map_remove(&upstream->tenants_by_name, tenant->record.name);
    access_forget_all(&upstream->access, call->moment, tenant->record.name);
    deliveries_remove_all(&upstream->manager.deliveries, call->moment, tenant->record.name);
    list_remove(&tenant->by_name);
    effects_forget(call->moment->out, &tenant_table, tenant->record.name);
    forget_history(call, tenant);
    call_answer(call, REPLY_GONE, &tenant_table, &tenant->record);
    map_deinit(&tenant->vm_names);
    heap_deinit(&tenant->keyring.keys);
    record_clear(&tenant_table, &tenant->record);
    memory_free(tenant);
}

static void on_enrol(const struct call *call) {
    struct manager *manager = &call->upstream->manager;
    enrol_on_request(
        &(struct enrol_call){call, &manager->enrol, &manager->downlink, &manager->ids});
}

static void (*const handlers[REQUEST_KIND_COUNT])(const struct call *) = {
    [REQUEST_VM_CREATE] = on_vm_create,
    [REQUEST_VM_LIST] = upstream_list_vms,
    [REQUEST_VM_SHOW] = upstream_show_vm,
    [REQUEST_VM_LOG] = upstream_read_log,
    [REQUEST_VM_USAGE] = upstream_show_usage,
    [REQUEST_VM_CONSOLE] = upstream_open_stream,
    [REQUEST_VM_FORWARD] = upstream_open_stream,
    [REQUEST_VM_SCREEN] = upstream_open_stream,
    [REQUEST_VM_ACT] = on_vm_act,
    [REQUEST_OP_LIST] = upstream_list_ops,
    [REQUEST_OP_SHOW] = on_op_show,
    [REQUEST_SHAPE_LIST] = upstream_list_shapes,
    [REQUEST_NETWORK_LIST] = upstream_list_networks,
    [REQUEST_IMAGE_LIST] = upstream_list_images,
    [REQUEST_IMAGE_SHOW] = upstream_show_image,
    [REQUEST_IMAGE_ADMIT] = images_admit,
    [REQUEST_IMAGE_ADD] = images_add,
    [REQUEST_IMAGE_DELETE] = images_delete,
    [REQUEST_IMAGE_SHARE] = images_share,
    [REQUEST_IMAGE_UNSHARE] = images_share,
    [REQUEST_TENANT_IMAGES] = images_set_quota,
    [REQUEST_CLUSTER_LIST] = upstream_list_clusters,
    [REQUEST_CLUSTER_SHOW] = upstream_show_cluster,
    [REQUEST_TENANT_CREATE] = create_tenant,
    [REQUEST_TENANT_LIST] = upstream_list_tenants,
    [REQUEST_TENANT_SHOW] = upstream_show_tenant,
    [REQUEST_TENANT_DELETE] = delete_tenant,
    [REQUEST_CLUSTER_FORGET] = change_cluster,
    [REQUEST_CLUSTER_ACCEPT] = change_cluster,
    [REQUEST_CLUSTER_DECLARE_OFF] = change_cluster,
    [REQUEST_CLUSTER_RECOVER] = change_cluster,
    [REQUEST_LEFTOVER_LIST] = list_leftovers,
    [REQUEST_LEFTOVER_ADOPT] = upstream_adopt,
    [REQUEST_LEFTOVER_DISCARD] = discard_leftover,
    [REQUEST_TENANT_QUOTA] = set_quota,
    [REQUEST_TENANT_PERMISSIONS_SET] = upstream_set_permissions,
    [REQUEST_TENANT_PERMISSIONS_RESET] = upstream_set_permissions,
    [REQUEST_WHOAMI] = upstream_whoami,
    [REQUEST_METRICS] = upstream_tell_metrics,
    [REQUEST_AUDIT_LIST] = upstream_list_audit,
    [REQUEST_TOKEN_CREATE] = on_enrol,
    [REQUEST_TOKEN_LIST] = on_enrol,
    [REQUEST_TOKEN_REVOKE] = on_enrol,
    [REQUEST_KEY_REVOKE] = on_enrol,
    [REQUEST_ACCESS_CREATE] = upstream_create_access,
    [REQUEST_ACCESS_LIST] = upstream_list_access,
    [REQUEST_ACCESS_REVOKE] = upstream_revoke_access,
    [REQUEST_CONTACT_ADD] = holders_on_request,
    [REQUEST_CONTACT_LIST] = holders_on_request,
    [REQUEST_CONTACT_REMOVE] = holders_on_request,
    [REQUEST_CONTACT_PROVE] = holders_on_request,
    [REQUEST_DELIVERY_LIST] = chats_list,
    [REQUEST_DELIVERY_END] = chats_end,
    [REQUEST_RULE_ADD] = rules_add,
    [REQUEST_RULE_LIST] = rules_list,
    [REQUEST_RULE_SHOW] = rules_show,
    [REQUEST_RULE_SET] = rules_set,
    [REQUEST_RULE_MOVE] = rules_move,
    [REQUEST_RULE_DELETE] = rules_delete,
    [REQUEST_SSH_KEY_ADD] = upstream_add_ssh_key,
    [REQUEST_SSH_KEY_LIST] = upstream_list_ssh_keys,
    [REQUEST_SSH_KEY_REMOVE] = upstream_remove_ssh_key,
};

void upstream_on_request(struct upstream *upstream, const struct event *event) {
    struct call call = {
        .moment = &upstream->manager.moment, .request = event->request, .upstream = upstream};
    char tenant[limit_name_size] = "", token[limit_name_size] = "";
    struct audit_asked asked = {.request = event->request, .tenant = tenant, .token_name = token,
                                .before = call.moment->out->count};
    bool is_admitted = upstream_admits(&call);
    if (upstream->manager.stopping)
        return;
    if (call.token) /* it and its tenant may be gone after that */
        text_set(token, call.token->name);
    if (call.tenant)
        text_set(tenant, call.tenant->record.name);
    asked.who = call.tenant ? AUDIT_TENANT : AUDIT_OPERATOR;
    asked.tenant_ms = call.tenant ? call.tenant->record.created_ms : 0;
    if (is_admitted && handlers[event->request->kind])
        handlers[event->request->kind](&call);
    else if (is_admitted)
        call_problem(&call, CODE_UNSUPPORTED, "", "%s", "a cluster's owner is asked this, not us");
    audit_note(&upstream->manager.audit, call.moment, &asked);
}
