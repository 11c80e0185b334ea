/* Between the pieces of the upstream manager only. */
#pragma once

#include "core/upstream/upstream.h"

void upstream_on_request(struct upstream *upstream, const struct event *event,
                         struct effects *out);
void upstream_on_frame(struct upstream *upstream, const struct event *event,
                       struct effects *out);

/* Begins an operation on a VM of a tenant, on its way below. `deadline_ms`: from now. */
struct book_op *upstream_begin(struct upstream *upstream, struct book_vm *vm,
                               const struct operation *record, const struct event *event,
                               struct effects *out);

/* Gives an operation its place among its tenant's and its VM's; takes it out of all lists. */
void upstream_link_op(struct upstream *upstream, struct book_op *op);
void upstream_remove_op(struct upstream *upstream, struct book_op *op, struct effects *out);

/* Ends an operation and answers whoever waits for it. */
void upstream_end(struct upstream *upstream, struct book_op *op, enum code code,
                  const struct event *event, struct effects *out);

/* Resizing, rebuilding, snapshots: an operation is loaded, begins on its VM, ends, or is concluded
 * by the cluster's result before it ends. */
void upstream_reshape_loaded(struct upstream *upstream, const struct book_op *op);
void upstream_reshape_begins(struct upstream *upstream, struct book_vm *vm);
void upstream_reshape_ends(struct upstream *upstream, const struct book_op *op);
void upstream_reshape_concludes(struct upstream *upstream, struct book_vm *vm,
                                const struct result *result);

/* What the VM's cluster says that it has becomes true here. */
void upstream_learn(struct upstream *upstream, struct book_vm *vm, const struct facts *facts,
                    const struct event *event, struct effects *out);

/* The cluster is gone for good: its VMs are lost, what was under way there ends. */
void upstream_write_off(struct upstream *upstream, struct peer *peer, const struct event *event,
                        struct effects *out);

/* A cluster refused, and the VM stands nowhere: to the next one, or to the creation's end. */
void upstream_try_next(struct upstream *upstream, struct book_vm *vm, const struct event *event,
                       struct effects *out);

/* The VM is gone below: out of the books. */
void upstream_remove_vm(struct upstream *upstream, struct book_vm *vm, struct effects *out);

/* Gives a new VM record its owner's list, name and image. */
void upstream_link_vm(struct upstream *upstream, struct book_vm *vm);

/* Begins the internal deletion of a VM that is to be gone but has no operation under way; its
 * instruction goes out at once, or after a pause where one has just failed. */
enum undo { UNDO_NOW, UNDO_LATER };
void upstream_undo(struct upstream *upstream, struct book_vm *vm, enum undo when,
                   const struct event *event, struct effects *out);

/* Saves the node records of peers whose state or capacity changed. */
void upstream_save_node(struct peer *peer, struct effects *out);

/* A copy of the peer as the node that the API shows; the caller clears it. */
void upstream_node(const struct peer *peer, struct node *out_node);

struct tenant_entry *upstream_add_tenant(struct upstream *upstream, const struct tenant *record);
struct image_entry *upstream_add_image(struct upstream *upstream, const struct image *record);
struct idempotency_entry *upstream_add_idempotency(struct upstream *upstream,
                                                   const struct idempotency *record);

void upstream_reply_op(const struct upstream *upstream, const struct waiter *waiter,
                       struct effects *out);
