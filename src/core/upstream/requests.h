/* Inside the upstream manager's API. */
#pragma once

#include "base/memory.h"
#include "core/books/amounts.h"
#include "core/manager/call.h"
#include "core/upstream/parts.h"

/* Lists and single records: whatever changes nothing. */
void upstream_read(const struct call *call);

/* Who is told what of an operation. */
enum explain_reader upstream_reader(const struct call *call);

/* The operation, now or when it ends or ?wait= is over. */
void upstream_answer_op(const struct call *call, struct book_op *op);

/* The tenant as an answer, with what it uses. */
void upstream_answer_account(const struct call *call, const struct tenant_entry *tenant);

/* Chooses the cluster for a new VM. False: what stands in the way has been answered. */
bool upstream_choose(const struct call *call, const struct shape *shape, struct peer **out_peer);

const struct shape *upstream_find_shape(const struct upstream *upstream, const char *name);

/* False: the tenant's quota has no room for what is wanted, which is answered. */
bool upstream_tell_quota(const struct call *call, const struct tenant_entry *tenant,
                         enum amount exceeded, const struct size *wanted);

/* What the operator lets a tenant's new VMs use. */
enum permit { PERMIT_CLUSTER, PERMIT_SHAPE, PERMIT_IMAGE, PERMIT_COUNT };

/* False: the tenant's VMs may not use what has this name, which is answered, whether there is such
 * a thing or not: nobody learns in this way what there is besides. */
bool upstream_permits(const struct call *call, const struct tenant_entry *tenant,
                      enum permit what, const char *name);

/* The same for all that a new VM of the caller's would use. */
bool upstream_permits_vm(const struct call *call);

/* Is it shown to the caller? To operators all is. */
bool upstream_shows(const struct call *call, enum permit what, const char *name);

/* Sets or resets what a tenant's new VMs may use. Those that there are stay as they are. */
void upstream_set_permissions(const struct call *call);

/* Fills in what a resize, a rebuild or an act on a snapshot is to do. False: it is not possible,
 * which is answered. Other verbs: nothing to do. */
bool upstream_admit_reshape(const struct call *call, const struct book_vm *vm,
                            struct operation *operation);

/* The id by which those below know the group of a new VM: the same for each of them, and nothing
 * to read in it; "" without a group. */
void upstream_group_id(const struct call *call, char *out_id);

/* Is the request's verb built, the VM not locked against it, and still what the caller has read of
 * it? False: the problem is answered. */
bool upstream_may_act(const struct call *call, const struct book_vm *vm);

/* Does a verb that is this manager's own matter, at once: nothing of it goes down. Its operation,
 * which has ended; NULL: the problem is answered. */
struct book_op *upstream_keep(const struct call *call, struct book_vm *vm, uint64_t allowed_ms);

/* The caller's VM with this id or name; NULL: the problem is answered already. */
struct book_vm *upstream_find_vm(const struct call *call, const char *key);
