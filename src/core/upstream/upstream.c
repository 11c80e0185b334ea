/* The indices over tenants, images, VMs and keys, kept with every record that comes or goes. */
#include "core/below/claims.h"
#include "core/upstream/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "core/below/belief.h"
#include "core/books/amounts.h"
#include "core/books/ips.h"
#include "core/manager/recover.h"
#include "message/labels.h"
#include "message/records/interface.h"

static void vm_begins(struct book *book, struct book_vm *vm) {
    (void)book;
    list_init(&upstream_vm(vm)->by_tenant);
}

static void vm_ends(struct book *book, struct book_vm *vm) {
    list_remove(&upstream_vm(vm)->by_tenant);
    if (upstream_vm(vm)->template)
        effects_forget(book->moment->out, &template_table, vm->record.id);
}

void upstream_set_template(struct book_vm *vm, const struct template *template) {
    struct template **kept = &upstream_vm(vm)->template;
    if (*kept)
        record_clear(&template_table, *kept);
    memory_free(*kept);
    *kept = NULL;
    if (!template)
        return;
    *kept = memory_new(1, sizeof(**kept));
    record_clone(&template_table, template, *kept);
}

static void vm_free(struct book_vm *vm) {
    upstream_set_template(vm, NULL);
    usage_drop(&upstream_vm(vm)->usage);
}

static void op_begins(struct book_op *op) {
    list_init(&upstream_op(op)->by_tenant);
    list_init(&upstream_op(op)->by_vm);
    list_init(&upstream_op(op)->by_end);
    list_init(&upstream_op(op)->by_warm);
    list_init(&upstream_op(op)->waiters);
}

static void op_ends(struct book_op *op) {
    assert(list_is_empty(&upstream_op(op)->waiters));
    list_remove(&upstream_op(op)->by_tenant);
    list_remove(&upstream_op(op)->by_vm);
}

const struct book_kind upstream_books = {.vm_size = sizeof(struct upstream_vm),
                                         .op_size = sizeof(struct upstream_op),
                                         .vm_begins = vm_begins,
                                         .vm_ends = vm_ends,
                                         .vm_free = vm_free,
                                         .op_begins = op_begins,
                                         .op_ends = op_ends};


/* Keeps a list in the order of its names, so that a page goes on after a name that is gone. */
static void add_by_name(struct list *head, struct list *node,
                        const char *(*name)(const struct list *)) {
    struct list *before = head->previous;
    while (before != head && strcmp(name(before), name(node)) > 0)
        before = before->previous;
    list_add(before->next, node);
}

static const char *name_of_tenant(const struct list *node) {
    return container_of(node, const struct tenant_entry, by_name)->record.name;
}

static const char *name_of_image(const struct list *node) {
    return container_of(node, const struct image_entry, by_name)->record.name;
}

struct tenant_entry *upstream_add_tenant(struct upstream *upstream, const struct tenant *record) {
    struct tenant_entry *tenant = memory_new(1, sizeof(*tenant));
    record_clone(&tenant_table, record, &tenant->record);
    list_init(&tenant->vms);
    list_init(&tenant->ops);
    list_init(&tenant->ended);
    map_init(&tenant->vm_names, prng_next(&upstream->manager.prng));
    add_by_name(&upstream->tenants, &tenant->by_name, name_of_tenant);
    map_put(&upstream->tenants_by_name, tenant->record.name, tenant);
    return tenant;
}

bool upstream_image_is_for(const struct image *image, const char *tenant) {
    return !*image->tenant || image->shared || text_equal(image->tenant, tenant);
}

uint64_t upstream_images_bytes(const struct upstream *upstream, const struct tenant_entry *tenant) {
    uint64_t bytes = 0;
    list_for(const struct image_entry, it, &upstream->images, by_name) {
        bytes += text_equal(it->record.tenant, tenant->record.name) ? it->record.archive_bytes : 0;
    }
    return bytes;
}

struct image_entry *upstream_add_image(struct upstream *upstream, const struct image *record) {
    struct image_entry *image = memory_new(1, sizeof(*image));
    image->record = *record;
    add_by_name(&upstream->images, &image->by_name, name_of_image);
    map_put(&upstream->images_by_name, image->record.name, image);
    return image;
}

/* The ring on which the key belongs, "tenant/key"; NULL: its tenant is gone. */
static struct keyring *keyring_of(struct upstream *upstream, const char *key) {
    char name[limit_name_size];
    const char *end = strchr(key, '/');
    size_t length = end ? (size_t)(end - key) : sizeof(name);
    if (length >= sizeof(name))
        return NULL;
    text_format(name, sizeof(name), "%.*s", (int)length, key);
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, name);
    return !length ? &upstream->operator_keyring : tenant ? &tenant->keyring : NULL;
}

bool upstream_add_idempotency(struct upstream *upstream, const struct idempotency *record) {
    struct keyring *keyring = keyring_of(upstream, record->key);
    if (!keyring)
        return false;
    struct idempotency_entry *entry = memory_new(1, sizeof(*entry));
    entry->record = *record;
    entry->keyring = keyring;
    heap_set(&keyring->keys, &entry->timer, record->created_ms);
    holders_gain(&upstream->key_holders, &keyring->held);
    map_put(&upstream->idempotency_by_key, entry->record.key, entry);
    return true;
}

void upstream_remove_idempotency(struct upstream *upstream, struct idempotency_entry *entry) {
    map_remove(&upstream->idempotency_by_key, entry->record.key);
    heap_remove(&entry->keyring->keys, &entry->timer);
    holders_lose(&upstream->key_holders, &entry->keyring->held);
    memory_free(entry);
}

struct idempotency_entry *keyring_oldest(const struct keyring *keyring) {
    struct timer *first = heap_first(&keyring->keys);
    return first ? container_of(first, struct idempotency_entry, timer) : NULL;
}

void upstream_count_said(struct upstream *upstream, struct tenant_entry *tenant,
                         const char *said, uint64_t sign) {
    uint64_t bytes = said ? strlen(said) : 0;
    tenant->said_bytes += sign * bytes;
    upstream->said_bytes += sign * bytes;
}

bool upstream_has_network(const struct upstream *upstream, const char *name) {
    bool has = false;
    for (size_t i = 0; i < upstream->networks_count && !has; i++)
        has = text_equal(upstream->networks[i].name, name);
    return has;
}

void upstream_find_unknown(const struct upstream *upstream, const char *networks,
                           char out_name[limit_name_size]) {
    while ((networks = names_next(networks, out_name)))
        if (!upstream_has_network(upstream, out_name))
            return;
    out_name[0] = 0;
}

bool upstream_vm_is_dead(const struct vm *vm) {
    return vm->state == VM_CRASHED || vm->state == VM_LOST;
}

void upstream_link_vm(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.asker);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    assert(tenant); /* a tenant with VMs cannot be deleted */
    upstream_vm(vm)->was_dead = upstream_vm_is_dead(&vm->record);
    upstream_vm(vm)->restarts_told = vm->record.restarts;
    upstream_vm(vm)->restored_told_ms = vm->record.restored_ms;
    upstream_vm(vm)->copy_was_late = vm->record.copy_late;
    list_add(&tenant->vms, &upstream_vm(vm)->by_tenant);
    map_put(&tenant->vm_names, vm->record.name, vm);
    amounts_add(&tenant->used, &vm->record.size);
    upstream_count_said(upstream, tenant, vm->record.metadata, 1);
    upstream_count_said(upstream, tenant, vm->record.title, 1);
    if (image)
        image->vms++;
}

void upstream_remove_vm(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.asker);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    map_remove(&tenant->vm_names, vm->record.name);
    amounts_remove(&tenant->used, &vm->record.size);
    upstream_count_said(upstream, tenant, vm->record.metadata, UINT64_MAX);
    upstream_count_said(upstream, tenant, vm->record.title, UINT64_MAX);
    if (image)
        image->vms--;
    book_remove_vm(&upstream->manager.book, vm);
}

bool upstream_believes_networks(const struct upstream *upstream, const char *has,
                                const char *told) {
    char added[interfaces_size], name[limit_name_size];
    const char *rest = interfaces_added(has, told, added);
    for (unsigned number = 0; (rest = slots_next(rest, &number, name)); number++)
        if (!upstream_has_network(upstream, name))
            return false;
    return true;
}

struct vm upstream_shown(const struct upstream *upstream, const struct book_vm *vm,
                         struct interfaces_shown *space) {
    struct vm shown = vm->record;
    shown.networks = interfaces_show(vm->record.networks, space->networks);
    shown.interfaces = space->items;
    if (upstream->settings.hash)
        shown.interfaces_count =
            interfaces_of(upstream->settings.hash, shown.id, vm->record.networks, space->items);
    ips_show(&shown, space->items, shown.interfaces_count);
    shown.unheard_ms = explain_unheard_ms(&upstream->manager.downlink, &vm->record);
    return shown;
}

void upstream_node(const struct peer *peer, struct node *out_node) {
    *out_node = (struct node){.state = peer->state, .seen_ms = peer->seen_ms,
                              .capacity = peer_capacity(peer),
                              .overclaims = peer->overclaims, .unreadable = peer->unreadable,
                              .conflict = belief_conflict(peer)};
    out_node->conflict_ms = out_node->conflict ? peer->conflict_ms : 0;
    text_set(out_node->name, peer->setting.name);
    if (peer->setting.labels)
        text_set(out_node->labels, peer->setting.labels);
}

void upstream_show_lease(const struct peer *peer, struct node *node) {
    const struct manager *manager = container_of(peer->downlink, struct manager, downlink);
    node->guarded = peer_is_up(peer) && peer->guarded;
    node->lease = recover_lease(manager, peer);
    node->lease_ends_ms = recover_lease_ends_ms(manager, peer);
    node->owed = recover_count_owed(manager, peer);
    node->evictions = recover_count_evictions(manager, peer);
}

void upstream_save_node(struct peer *peer) {
    struct node node;
    upstream_node(peer, &node);
    effects_save(peer->downlink->moment->out, &node_table, &node);
    record_clear(&node_table, &node);
}
