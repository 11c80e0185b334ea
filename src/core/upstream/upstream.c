/* The indices over tenants, images, VMs and keys, kept with every record that comes or goes. */
#include "core/upstream/upstream.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "core/books/amounts.h"

static void vm_begins(struct book_vm *vm) { list_init(&upstream_vm(vm)->by_tenant); }

static void vm_ends(struct book *book, struct book_vm *vm) {
    (void)book;
    list_remove(&upstream_vm(vm)->by_tenant);
}

static void op_begins(struct book_op *op) {
    list_init(&upstream_op(op)->by_tenant);
    list_init(&upstream_op(op)->by_vm);
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
    map_init(&tenant->vm_names, prng_next(&upstream->manager.prng));
    add_by_name(&upstream->tenants, &tenant->by_name, name_of_tenant);
    map_put(&upstream->tenants_by_name, tenant->record.name, tenant);
    map_put(&upstream->tenants_by_token, tenant->record.token_hash, tenant);
    return tenant;
}

struct image_entry *upstream_add_image(struct upstream *upstream, const struct image *record) {
    struct image_entry *image = memory_new(1, sizeof(*image));
    image->record = *record;
    add_by_name(&upstream->images, &image->by_name, name_of_image);
    map_put(&upstream->images_by_name, image->record.name, image);
    return image;
}

struct idempotency_entry *upstream_add_idempotency(struct upstream *upstream,
                                                   const struct idempotency *record) {
    struct idempotency_entry *entry = memory_new(1, sizeof(*entry));
    entry->record = *record;
    list_add(&upstream->idempotency, &entry->by_age);
    map_put(&upstream->idempotency_by_key, entry->record.key, entry);
    return entry;
}

void upstream_link_vm(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.asker);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    assert(tenant); /* a tenant with VMs cannot be deleted */
    list_add(&tenant->vms, &upstream_vm(vm)->by_tenant);
    map_put(&tenant->vm_names, vm->record.name, vm);
    amounts_add(&tenant->used, &vm->record.size);
    if (image)
        image->vms++;
}

void upstream_remove_vm(struct upstream *upstream, struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.asker);
    struct image_entry *image = map_get(&upstream->images_by_name, vm->record.image);
    map_remove(&tenant->vm_names, vm->record.name);
    amounts_remove(&tenant->used, &vm->record.size);
    if (image)
        image->vms--;
    book_remove_vm(&upstream->manager.book, vm);
}

void upstream_node(const struct peer *peer, struct node *out_node) {
    *out_node = (struct node){.state = peer->state, .seen_ms = peer->seen_ms,
                              .capacity = peer_capacity(peer)};
    text_set(out_node->name, peer->setting.name);
    if (peer->setting.labels)
        text_set(out_node->labels, peer->setting.labels);
}

void upstream_save_node(struct peer *peer) {
    struct node node;
    upstream_node(peer, &node);
    effects_save(peer->downlink->moment->out, &node_table, &node);
    record_clear(&node_table, &node);
}
