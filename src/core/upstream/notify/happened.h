/* What happens that people want to be told: seen here, and put on its way to whoever wants it. */
#pragma once

#include "core/upstream/upstream.h"

/* It has ended, and is not a manager's own. */
void happened_operation(struct upstream *upstream, const struct book_op *op);

/* The VM's state is another. */
void happened_vm(struct upstream *upstream, struct book_vm *vm);

/* More may be known of its restarts since a host or a cluster was lost, or of its disk then. `op`:
 * the operation that restarts it; "": it is one inside its cluster. */
void happened_restart(struct upstream *upstream, const struct book_vm *vm, const char *op);

/* The newest copy of its disk may be too old, or be so no more. */
void happened_copy(struct upstream *upstream, const struct book_vm *vm);

/* The cluster is not heard any more, or is connected again. */
void happened_cluster(struct upstream *upstream, const struct peer *peer);

/* A certificate of the manager's own runs out soon, or has. */
void happened_certificate(struct upstream *upstream, const struct event_certificate *certificate);

/* The tenant's VMs have more than they `had`. */
void happened_use(struct upstream *upstream, const struct tenant_entry *tenant,
                  const struct amounts *had);
