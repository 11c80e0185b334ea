/* Inside the upstream manager's API: a request on its way to its reply. */
#pragma once

#include "base/memory.h"
#include "core/upstream_parts.h"

struct call {
    struct upstream *upstream;
    const struct event *event;
    const struct request *request;
    struct tenant_entry *tenant; /* who asks; NULL: the operator */
    struct effects *out;
};

/* Lists and single records: whatever changes nothing. */
void upstream_read(const struct call *call);

/* One record as the answer (copied). */
void upstream_answer(const struct call *call, enum reply_kind kind, const struct table *table,
                     const void *data);

/* The operation, now or when it ends or ?wait= is over. */
void upstream_answer_op(const struct call *call, struct book_op *op);

/* The caller's VM with this id or name; NULL: the problem is answered already. */
struct book_vm *upstream_find_vm(const struct call *call, const char *key);

/* Answers that there is no such thing. */
void upstream_not_found(const struct call *call, const char *what);
