/* A cluster is lost, and its lease has ended: VMs that may be restarted anywhere run nowhere any
 * more, and are made anew from their images in other clusters (manager/recover.h).
 *
 *   NONE --lost--> ARRIVING --made--> NONE
 *                   |    ^-- it confirms that nothing is left --|
 *                   '-- something is left where it was to be made, or no word of it --> LEAVING
 *
 * As a downstream manager does it among its hosts (downstream/remake.h): at each moment there is
 * one operation of ours on the VM, on disk together with the phase, and it is made somewhere only
 * when nobody else has anything left of it that could run. Without room it waits. */
#pragma once

#include "core/manager/manager.h"

struct upstream;

/* What the VM is made of is kept if it may be made anew elsewhere. */
void upstream_keep_template(struct upstream *upstream, struct book_vm *vm,
                            const struct operation *define);

/* The VM was rebuilt: what this brought is what it is made from, too. */
void upstream_renew_template(struct upstream *upstream, struct book_vm *vm,
                             const struct definition *rebuilt);

bool upstream_owes(const struct manager *manager, const struct book_vm *vm);
void upstream_recover(struct manager *manager, struct book_vm *vm);

/* A result, or a time that is due, of a VM that is between two clusters. */
void upstream_on_elsewhere_result(struct upstream *upstream, struct peer *peer,
                                  const struct result *result);
void upstream_on_elsewhere_due(struct upstream *upstream, struct book_op *op);
