/* Operations of the upstream manager: their begin, their place among those of their tenant and
 * their VM, their end, and the answer to whoever waits for it. */
#pragma once

#include "core/books/book.h"

struct call;
struct tenant_entry;
struct upstream;
struct waiter;

/* Begins an operation on a VM of a tenant, on its way below. record->deadline_ms: from now. */
struct book_op *upstream_begin(struct upstream *upstream, struct book_vm *vm,
                               const struct operation *record);

/* Gives an operation its place among its tenant's and its VM's; takes it out of all lists. */
void upstream_link_op(struct upstream *upstream, struct book_op *op);
void upstream_remove_op(struct upstream *upstream, struct book_op *op);

/* Ends an operation and answers whoever waits for it. */
void upstream_end(struct upstream *upstream, struct book_op *op, enum code code);

void upstream_reply_op(struct upstream *upstream, const struct waiter *waiter);

/* The operation, now or when it ends or ?wait= is over. */
void upstream_answer_op(const struct call *call, struct book_op *op);

/* One that is archived, from the store. False, and nothing is answered: there is none of this id,
 * or it is another tenant's. */
bool upstream_answer_archived(const struct call *call, const char *op);

/* Forgets all of the tenant's that are archived. */
void upstream_forget_archived(struct upstream *upstream, const struct tenant_entry *tenant);

/* Answers the waiter, ended or not, and forgets it. */
void upstream_release(struct upstream *upstream, struct waiter *waiter);
