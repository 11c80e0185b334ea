/* The upstream manager: tenants, images, shapes, clusters, VMs and operations; admission and
 * placement on clusters. It sees each cluster as one node and keeps nothing per host (law 2).
 *
 * A request changes the books and answers, an operation goes out by the downlink, its result
 * comes back; deadlines end what nobody confirmed. The pieces, from the ground up: upstream (its
 * records), quota, permit, rules, images/ (with the archives of those that are gone), ssh_keys,
 * reshape_vm, operations, read, place, keep, clusters (frames of clusters), requests, step
 * (life). */
#pragma once

#include "base/holders.h"
#include "core/below/explain.h"
#include "core/manager/access.h"
#include "core/manager/contacts.h"
#include "core/manager/manager.h"
#include "core/upstream/archive.h"
#include "core/upstream/usage.h"

struct upstream_vm {
    struct book_vm base;
    struct list by_tenant; /* in tenant_entry.vms */
    struct template *template; /* it may be made anew from this in another cluster; or NULL */
    struct usage_history *usage; /* NULL: nothing was told of it */
    bool was_dead; /* its contacts were told so, or knew */
    uint32_t restarts_told; /* to them, or known; and how old its disk was then */
    uint64_t restored_told_ms;
    bool copy_was_late; /* they were told so, or knew */
};

struct upstream_op {
    struct book_op base;
    struct list by_tenant; /* in tenant_entry.ops */
    struct list by_vm;     /* in history.ops */
    struct list by_end;    /* once ended: in tenant_entry.ended */
    struct tenant_entry *keeper; /* then: whose that is */
    struct list by_warm;   /* then: in upstream.warm */
    struct list waiters;   /* replies that are held open */
};

static inline struct upstream_vm *upstream_vm(const struct book_vm *vm) {
    return container_of(vm, struct upstream_vm, base);
}

static inline struct upstream_op *upstream_op(const struct book_op *op) {
    return container_of(op, struct upstream_op, base);
}

extern const struct book_kind upstream_books;

/* The used keys of one tenant, or of the operators. */
struct keyring {
    struct heap keys;   /* idempotency_entry.timer, by when they were used */
    struct holder held; /* in upstream.key_holders */
};

struct tenant_entry {
    struct tenant record;
    struct list by_name;
    struct list vms;      /* upstream_vm.by_tenant */
    struct map vm_names;
    struct list ops;      /* upstream_op.by_tenant */
    struct list ended;    /* upstream_op.by_end, the oldest first; those before are archived */
    struct holder kept;   /* of those that have ended, archived too, in upstream.op_holders */
    struct keyring keyring;
    uint64_t said_bytes;      /* metadata and titles of its VMs */
    struct amounts used;      /* by its VMs, from their admission until they are out of the books */
    struct contact_budget contacts; /* what it has made of them lately */
};

/* The operations on one VM, which may be gone. */
struct history {
    char vm[limit_id_size];
    struct list ops; /* upstream_op.by_vm; never empty */
};

struct image_entry {
    struct image record;
    struct list by_name;
    uint64_t vms; /* made from it */
};

struct idempotency_entry {
    struct idempotency record;
    struct timer timer; /* in keyring.keys */
    struct keyring *keyring;
};

/* A reply that waits for an operation's end. */
struct waiter {
    struct list by_op;    /* upstream_op.waiters */
    struct timer timer;   /* upstream.waiters */
    struct book_op *op;
    uint64_t handle;
    enum explain_reader reader;
};

/* Requests that wait until there is something to tell by chat, the oldest first. */
struct chat_waiters {
    struct chat_waiter {
        uint64_t handle;
        uint32_t limit;
        uint64_t until_ms;
    } items[2];
    size_t count;
};

struct upstream {
    struct manager manager;
    struct role_settings settings; /* its arrays are not used after init */
    struct access_book access;
    struct chat_waiters chat_waiters;
    bool *clusters_away; /* by index in the downlink: its contacts were told so, or knew */
    struct map tenants_by_name;
    struct list tenants; /* in the order of their names, like images */
    struct map images_by_name;
    struct network *networks; /* that tenants may ask for */
    size_t networks_count;
    char connected[interfaces_size]; /* what a VM is to be in: while a request is admitted */
    struct rule *rules[limit_rules]; /* in the order in which they are looked at */
    size_t rules_count;
    struct list images;
    struct list retired;     /* archives that no image has (retired.h) */
    uint64_t retired_due_ms; /* when it is looked who needs them */
    struct map histories; /* to struct history, by the VM's id */
    struct map idempotency_by_key;
    struct keyring operator_keyring;
    struct heap key_holders, op_holders; /* tenants, and for keys the operators, by how many */
    uint64_t said_bytes;  /* metadata and titles of all VMs */
    struct heap waiters;
    uint64_t waiters_count;
    struct list warm;       /* upstream_op.by_warm: ended and in memory, the oldest first */
    size_t warm_count;
    struct text ssh_keys;   /* of the VM that a request is about, while that is answered */
    struct archive archive; /* ended before those */
    struct usage_book usage;
};

/* The first of those, by commas, that nobody has named here; "": all are known. */
void upstream_find_unknown(const struct upstream *upstream, const char *networks,
                           char out_name[limit_name_size]);

/* It has ended in a way that nobody asked for. */
bool upstream_vm_is_dead(const struct vm *vm);

/* The VM is gone below: out of the books. */
void upstream_remove_vm(struct upstream *upstream, struct book_vm *vm);

/* Gives a new VM record its asker's list, name and image. */
void upstream_link_vm(struct upstream *upstream, struct book_vm *vm);

/* What the VM may be made anew from, a copy; NULL: it may not be. Not saved. */
void upstream_set_template(struct book_vm *vm, const struct template *template);

/* Metadata or title come or go: `sign` 1 or, modulo 2^64, minus one. */
void upstream_count_said(struct upstream *upstream, struct tenant_entry *tenant,
                         const char *said, uint64_t sign);

/* May tenants ask for it? */
bool upstream_has_network(const struct upstream *upstream, const char *name);

/* A cluster says into which networks a VM comes that is made anew elsewhere: none but those that
 * tenants may ask for here, or that it `has` been in. */
bool upstream_believes_networks(const struct upstream *upstream, const char *has,
                                const char *told);

/* The VM as the API shows it: what is known of it, and since when nothing is heard of it. What it
 * points to is the record's and the caller's: not to be cleared. */
struct vm upstream_shown(const struct upstream *upstream, const struct book_vm *vm,
                         struct interfaces_shown *space);

/* Saves the node records of peers whose state or capacity changed. */
void upstream_save_node(struct peer *peer);

/* A copy of the peer as the node that the API shows; the caller clears it. */
void upstream_node(const struct peer *peer, struct node *out_node);

/* What of it operators are shown of its lease. */
void upstream_show_lease(const struct peer *peer, struct node *node);

struct tenant_entry *upstream_add_tenant(struct upstream *upstream, const struct tenant *record);

/* May this tenant know of the image and use it, as far as its owner goes? */
bool upstream_image_is_for(const struct image *image, const char *tenant);

/* What images of the tenant's own take. */
uint64_t upstream_images_bytes(const struct upstream *upstream, const struct tenant_entry *tenant);

struct image_entry *upstream_add_image(struct upstream *upstream, const struct image *record);
/* False: the tenant whose key it is is gone. */
bool upstream_add_idempotency(struct upstream *upstream, const struct idempotency *record);
void upstream_remove_idempotency(struct upstream *upstream, struct idempotency_entry *entry);

/* The oldest key of the ring; NULL: it has none. */
struct idempotency_entry *keyring_oldest(const struct keyring *keyring);
