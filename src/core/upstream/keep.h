/* Verbs that are the upstream manager's own matter: rename, metadata, lock. Nothing of them goes
 * down. */
#pragma once

#include "core/books/book.h"

struct call;
struct tenant_entry;

/* Is the request's verb built, the VM not locked against it, and still what the caller has read of
 * it? False: the problem is answered. */
bool upstream_may_act(const struct call *call, const struct book_vm *vm);

/* Is there room for what is to be said of a VM, in place of what was? False: it is answered. */
bool upstream_admit_said(const struct call *call, const struct tenant_entry *tenant,
                         uint64_t bytes, uint64_t instead_of);

/* Does a verb that is this manager's own matter, at once: nothing of it goes down. Its operation,
 * which has ended; NULL: the problem is answered. */
struct book_op *upstream_keep(const struct call *call, struct book_vm *vm, uint64_t allowed_ms);
