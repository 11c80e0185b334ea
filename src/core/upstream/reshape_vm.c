/* Resizing, rebuilding, snapshots, interfaces and rules at the upstream manager: what may be asked
 * for, what it takes of a tenant's quota, and which image a VM is of. */
#include "core/upstream/reshape_vm.h"

#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/books/copies.h"
#include "core/books/reshape.h"
#include "core/upstream/images/images.h"
#include "core/upstream/permit.h"
#include "core/upstream/quota.h"
#include "core/upstream/account/ssh_keys.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/rules.h"
#include "core/upstream/upstream.h"
#include "message/records/interface.h"

static struct tenant_entry *tenant_of(const struct upstream *upstream,
                                      const struct book_vm *vm) {
    return map_get(&upstream->tenants_by_name, vm->record.asker);
}

/* --- what may be asked for --- */

static bool refuse_resize(const struct call *call, const struct vm *vm, enum code code) {
    const char *shape = call->request->reshape.shape;
    if (code == CODE_CONFLICT)
        call_problem(call, code, "shape",
                     "the disk cannot grow while the VM has %u snapshots: delete them first",
                     vm->snapshots_count);
    else
        call_problem(call, code, "shape",
                     "the VM has a disk of %u GiB, shape '%s' has less: a disk cannot shrink",
                     vm->size.disk_gib, shape);
    return false;
}

static bool admit_resize(const struct call *call, const struct book_vm *vm,
                         struct operation *operation) {
    const struct tenant_entry *tenant = tenant_of(call->upstream, vm);
    const char *name = call->request->reshape.shape;
    const struct shape *shape = upstream_find_shape(call->upstream, name);
    if (!upstream_permits(call, tenant, PERMIT_SHAPE, name))
        return false;
    if (!shape) {
        call_problem(call, CODE_UNKNOWN_SHAPE, "shape", "there is no shape '%s'", name);
        return false;
    }
    const struct image_entry *image =
        map_get(&call->upstream->images_by_name, vm->record.image);
    if (image && !images_fit(call, &image->record, &shape->size, "shape"))
        return false;
    if (!rules_permit_reshape(call, vm, vm->record.image, shape->name))
        return false;
    operation->definition.size = shape->size;
    if (image)
        operation->definition.machine = image->record.machine;
    text_set(operation->definition.shape, shape->name);
    enum code code = reshape_refusal(&vm->record, operation);
    if (code != CODE_OK)
        return refuse_resize(call, &vm->record, code);
    struct size growth = reshape_growth(&vm->record, operation);
    enum amount outgrown = amounts_outgrown(&tenant->record.quota, &tenant->used, &growth);
    return upstream_tell_quota(call, tenant, outgrown, &growth);
}

bool upstream_admit_data(const struct call *call, const char *text, const char *base64) {
    if (text && base64)
        call_problem(call, CODE_INVALID, "user_data_base64", "stands beside user_data: give one");
    return !text || !base64;
}

/* An older place would not see what is new, and keep what the VM was made with. */
static bool place_takes(const struct call *call, const struct book_vm *vm,
                        const struct definition *definition) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    if (!peer || !peer_is_old(peer, instruct_version(definition)))
        return true;
    if (machine_version(&definition->machine))
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(definition),
                     "cluster %s runs an older version, which does not give a VM the firmware, "
                     "disk bus, clock and TPM that image '%s' needs: upgrade it",
                     peer->setting.name, definition->image_name);
    else
        call_problem(call, CODE_UNSUPPORTED, instruct_newest(definition),
                     "cluster %s runs an older version, which does not take that: upgrade it",
                     peer->setting.name);
    return false;
}

static bool admit_rebuild(const struct call *call, const struct book_vm *vm,
                          struct operation *operation) {
    const struct vm_reshape *wish = &call->request->reshape;
    const char *name = *wish->image ? wish->image : vm->record.image;
    const struct image_entry *image =
        images_find(call->upstream, tenant_of(call->upstream, vm), name);
    struct definition *definition = &operation->definition;
    if (!upstream_permits(call, tenant_of(call->upstream, vm), PERMIT_IMAGE, name))
        return false;
    if (!image) {
        call_problem(call, CODE_UNKNOWN_IMAGE, "image", "there is no image '%s'", name);
        return false;
    }
    if (!images_fit(call, &image->record, &vm->record.size, "image") ||
        !rules_permit_reshape(call, vm, image->record.name, vm->record.shape))
        return false;
    if (!upstream_admit_data(call, wish->user_data, wish->user_data_base64) ||
        !upstream_admit_ssh_keys(call, wish->ssh_keys, wish->ssh_public_keys,
                                 &definition->ssh_keys))
        return false;
    text_set(definition->image, image->record.digest);
    text_set(definition->image_name, image->record.name);
    definition->machine = image->record.machine;
    definition->user_data = wish->user_data; /* copied by the book */
    definition->user_data_base64 = wish->user_data_base64;
    return place_takes(call, vm, definition);
}

/* libvirt keeps neither UEFI's variables nor a TPM's state with a snapshot, and so takes none. */
static bool snapshot_lacks(const struct call *call, const struct book_vm *vm) {
    const struct image_entry *image =
        map_get(&call->upstream->images_by_name, vm->record.image);
    bool has_tpm = image && image->record.machine.tpm;
    if (!image || (image->record.machine.firmware < FIRMWARE_UEFI && !has_tpm))
        return false;
    call_problem(call, CODE_CONFLICT, "", "%s",
                 has_tpm ? "a VM with a TPM takes no snapshots: its state would not be kept"
                         : "a VM that starts by UEFI takes no snapshots: its variables would not "
                           "be kept");
    return true;
}

static bool admit_snapshot(const struct call *call, const struct book_vm *vm,
                           struct operation *operation) {
    const char *name = call->request->reshape.snapshot;
    if (operation->verb == VERB_SNAPSHOT && snapshot_lacks(call, vm))
        return false;
    text_set(operation->snapshot, name);
    enum code code = reshape_refusal(&vm->record, operation);
    if (code == CODE_NOT_FOUND)
        call_problem(call, code, "name", "the VM has no snapshot '%s'", name);
    else if (code == CODE_FULL)
        call_problem(call, code, "name", "a VM has at most %d snapshots: delete one first",
                     limit_snapshots);
    else if (code == CODE_CONFLICT && operation->verb == VERB_SNAPSHOT)
        call_problem(call, code, "name", "the VM has a snapshot '%s' already", name);
    else if (code == CODE_CONFLICT)
        call_problem(call, code, "name",
                     "snapshot '%s' has the memory of a VM of another size: resize it first to "
                     "what it had then", name);
    return code == CODE_OK;
}

/* --- interfaces --- */

/* An older cluster could not read it. */
static bool place_connects(const struct call *call, const struct book_vm *vm) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    if (!peer || !peer_is_old(peer, protocol_version_interfaces))
        return true;
    call_problem(call, CODE_UNSUPPORTED, "",
                 "cluster %s runs an older version, in which a VM keeps the interfaces that it was "
                 "made with: upgrade it",
                 vm->record.place);
    return false;
}

static bool admit_interface_add(const struct call *call, const struct book_vm *vm,
                                struct definition *definition) {
    struct upstream *upstream = call->upstream;
    const char *network = call->request->reshape.network;
    bool known = upstream_has_network(upstream, network);
    bool full = interfaces_count(vm->record.networks) >= limit_vm_networks;
    if (!known)
        call_problem(call, CODE_UNKNOWN_NETWORK, "network", "there is no network '%s'", network);
    else if (full)
        call_problem(call, CODE_FULL, "network", "a VM has at most %d interfaces: remove one first",
                     limit_vm_networks);
    else
        definition->networks = interfaces_with(vm->record.networks, network, upstream->connected);
    return known && !full;
}

static bool admit_interface_remove(const struct call *call, const struct book_vm *vm,
                                   struct definition *definition) {
    struct upstream *upstream = call->upstream;
    const char *which = call->request->reshape.interface;
    struct interface has[limit_vm_networks];
    const struct vm *record = &vm->record;
    uint32_t count = interfaces_of(upstream->settings.hash, record->id, record->networks, has);
    uint32_t found = 0, number = 0;
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(has[i].network, which) || text_equal(has[i].mac, which)) {
            number = has[i].number;
            found++;
        }
    if (!found)
        call_problem(call, CODE_NOT_FOUND, "interface",
                     "the VM has no interface in a network '%s', nor one of that MAC address",
                     which);
    else if (found > 1)
        call_problem(call, CODE_CONFLICT, "interface",
                     "the VM has %u interfaces in '%s': say which by its MAC address", found,
                     which);
    else
        definition->networks = interfaces_without(record->networks, number, upstream->connected);
    return found == 1;
}

static bool admit_connect(const struct call *call, const struct book_vm *vm,
                          struct operation *operation) {
    struct definition *definition = &operation->definition;
    bool right = operation->verb == VERB_INTERFACE_ADD
                     ? admit_interface_add(call, vm, definition)
                     : admit_interface_remove(call, vm, definition);
    if (!right || !place_connects(call, vm))
        return false;
    enum code code = reshape_refusal(&vm->record, operation);
    if (code != CODE_OK)
        call_problem(call, code, "",
                     "the VM has a snapshot with its memory, which knows the interfaces of that "
                     "time alone: delete it first");
    return code == CODE_OK;
}

/* An older cluster would ask the guest all the same. */
static bool admit_reboot(const struct call *call, const struct book_vm *vm,
                         struct operation *operation) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    operation->hard = call->request->hard;
    if (!operation->hard || !peer || !peer_is_old(peer, protocol_version_reset))
        return true;
    call_problem(call, CODE_UNSUPPORTED, "",
                 "cluster %s runs an older version, which asks the guest to reboot, and no more",
                 vm->record.place);
    return false;
}

/* A lone host has no block store above it. */
static bool admit_copy(const struct call *call, const struct book_vm *vm) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    bool is_old = peer && peer_is_old(peer, protocol_version_copy);
    bool has_none = peer && peer_is_up(peer) && !peer_is_manager(peer);
    if (is_old)
        call_problem(call, CODE_UNSUPPORTED, "",
                     "cluster %s runs an older version, which makes no copies: upgrade it",
                     vm->record.place);
    else if (has_none)
        call_problem(call, CODE_UNSUPPORTED, "",
                     "cluster %s is a single host, which has no place for copies",
                     vm->record.place);
    return !is_old && !has_none;
}

bool upstream_admit_intervals(const struct call *call, uint32_t every_s, uint32_t max_age_s,
                              struct definition *out) {
    enum { usual_factor = 3, least_factor = 2 };
    out->copy_every_s = every_s;
    out->copy_max_age_s = every_s && !max_age_s ? usual_factor * every_s : max_age_s;
    if (out->copy_max_age_s > limit_copy_s)
        out->copy_max_age_s = limit_copy_s;
    if (out->copy_max_age_s >= least_factor * every_s)
        return true;
    call_problem(call, CODE_INVALID, "copy_max_age_s",
                 "a copy that is made each %u s would count as late by %u s now and then, as it "
                 "takes a while: give twice copy_every_s at the least", every_s, max_age_s);
    return false;
}

/* An older cluster would not know what it is asked for. */
static bool admit_allow(const struct call *call, const struct book_vm *vm,
                        struct operation *operation) {
    const struct peer *peer =
        downlink_by_name(&call->upstream->manager.downlink, vm->record.place);
    operation->definition.allow = call->request->vm_allow.allow; /* copied by the book */
    if (!peer || !peer_is_old(peer, protocol_version_reallow))
        return true;
    call_problem(call, CODE_UNSUPPORTED, "allow",
                 "cluster %s runs an older version, which gives a VM its rules when it is created "
                 "alone: upgrade it", vm->record.place);
    return false;
}

bool upstream_admit_reshape(const struct call *call, const struct book_vm *vm,
                            struct operation *operation) {
    struct definition *definition = &operation->definition;
    if (operation->verb == VERB_REBOOT)
        return admit_reboot(call, vm, operation);
    if (operation->verb == VERB_COPY)
        return admit_copy(call, vm);
    if (!reshape_tells(operation->verb))
        return true;
    text_set(definition->name, vm->record.name);
    text_set(definition->shape, vm->record.shape);
    text_set(definition->image, vm->record.digest);
    definition->size = vm->record.size;
    definition->upgrade = call->request->reshape.upgrade;
    if (operation->verb == VERB_ALLOW)
        return admit_allow(call, vm, operation);
    if (operation->verb == VERB_RESIZE)
        return admit_resize(call, vm, operation);
    if (operation->verb == VERB_REBUILD)
        return admit_rebuild(call, vm, operation);
    if (verb_connects(operation->verb))
        return admit_connect(call, vm, operation);
    *definition = (struct definition){0};
    return admit_snapshot(call, vm, operation);
}

/* --- what is under way --- */

/* The image that a VM is being made anew from is not deleted meanwhile. */
static void hold_image(struct upstream *upstream, const struct operation *op, uint64_t sign) {
    struct image_entry *image =
        op->verb == VERB_REBUILD
            ? map_get(&upstream->images_by_name, op->definition.image_name)
            : NULL;
    if (image)
        image->vms += sign;
}

void upstream_reshape_loaded(struct upstream *upstream, const struct book_op *op) {
    hold_image(upstream, &op->record, 1);
}

void upstream_reshape_begins(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = tenant_of(upstream, vm);
    const struct amounts had = tenant->used;
    hold_image(upstream, &vm->active->record, 1);
    reshape_hold(vm, &tenant->used);
    happened_use(upstream, tenant, &had);
}

void upstream_reshape_ends(struct upstream *upstream, const struct book_op *op) {
    hold_image(upstream, &op->record, UINT64_MAX);
}

/* --- what came of it --- */

static const struct image_entry *image_of_digest(const struct upstream *upstream,
                                                 const char *digest, const char *tenant) {
    list_for(const struct image_entry, image, &upstream->images, by_name) {
        if (text_equal(image->record.digest, digest) &&
            upstream_image_is_for(&image->record, tenant))
            return image;
    }
    return NULL;
}

/* "": none that is known here by a name. */
static void set_image(struct upstream *upstream, struct vm *vm, const char *name) {
    struct image_entry *old = map_get(&upstream->images_by_name, vm->image);
    struct image_entry *image = map_get(&upstream->images_by_name, name);
    if (old)
        old->vms--;
    if (image)
        image->vms++;
    char copy[limit_name_size];
    text_set(copy, name);
    text_set(vm->image, copy);
}

/* Law 4 for images: what the place says that the disk is made from. */
static void learn_image(struct upstream *upstream, struct book_vm *vm) {
    const struct image_entry *now = map_get(&upstream->images_by_name, vm->record.image);
    if (now && text_equal(now->record.digest, vm->record.digest))
        return;
    now = image_of_digest(upstream, vm->record.digest, vm->record.asker);
    set_image(upstream, &vm->record, now ? now->record.name : "");
}

void upstream_learn(struct upstream *upstream, struct book_vm *vm, const struct facts *told) {
    uint64_t wall_ms = upstream->manager.moment.wall_ms;
    struct facts believed = *told, *facts = &believed; /* shares what that one has */
    if (!upstream_believes_networks(upstream, vm->record.networks, told->networks))
        believed.networks = NULL;
    bool changed = reshape_learn(vm, facts, &tenant_of(upstream, vm)->used, wall_ms);
    if (!size_is_zero(&facts->size))
        changed |= copies_learn(&vm->record, facts, wall_ms);
    if (!changed)
        return;
    learn_image(upstream, vm);
    happened_restart(upstream, vm, "");
    happened_copy(upstream, vm);
    book_save_vm(&upstream->manager.book, vm);
    if (vm->active)
        book_save_op(&upstream->manager.book, vm->active);
}

void upstream_reshape_expires(struct upstream *upstream, struct book_vm *vm) {
    if (downlink_never_came(&upstream->manager.downlink, vm))
        reshape_settle(vm, CODE_DEADLINE, &tenant_of(upstream, vm)->used);
}

void upstream_reshape_concludes(struct upstream *upstream, struct book_vm *vm,
                                const struct result *result) {
    const struct operation *op = &vm->active->record;
    reshape_conclude(vm, result, &tenant_of(upstream, vm)->used);
    if (op->verb == VERB_REBUILD && result->code == CODE_OK) {
        reshape_rebuilt(&vm->record, op->definition.image);
        set_image(upstream, &vm->record, op->definition.image_name);
    }
}
