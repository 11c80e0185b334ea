/* Copies that nobody has to ask for: a VM's tenant says how often its disk is copied, and how old
 * the newest copy may become.
 *
 *   a copy --copy_every_s, or a little less--> due --its turn--> under way --it counts--> ...
 *                                               ^-- later, each time longer --- it failed
 *
 * Whose turn it is: at each host one is copied at once, in the cluster a few; of the upstream
 * managers, that which has fewest under way for its weight; of its VMs, that which waits longest. A
 * VM that cannot be copied now, as its host is away, or that is busy, waits alone and holds up
 * nobody. While the newest copy is older than copy_max_age_s the VM counts as late, which is told
 * above when it begins and when it ends. Nothing of this is stored but that: it follows from the
 * copies that are there. Where a VM's place is a manager, that one sees to all of it. */
#pragma once

#include "core/downstream/lending.h"

/* Something of the VM is another: it is looked at before the step ends. */
void downstream_review_copies(struct downstream *downstream, struct book_vm *vm);

void downstream_start_copies(struct downstream *downstream);
void downstream_go_on_copying(struct downstream *downstream);
uint64_t downstream_copies_deadline_ms(const struct downstream *downstream);

/* Is a copy of it under way that nobody has asked for? */
bool downstream_is_being_copied(const struct book_vm *vm);
