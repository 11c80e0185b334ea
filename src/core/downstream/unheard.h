/* Which VMs are not heard of, as it is told above: a sign per VM, and no host. Of a host that is
 * away for longer than its hold-down all VMs get one, and lose it when it is back. Above, that
 * would count the host's VMs, and so the hosts: each is told by itself, within a beat, at a moment
 * that follows from its id, that of the loss and a key of this manager's. */
#pragma once

#include <stdint.h>

struct book_vm;
struct downstream;

/* The VM may have another place or state, or that place may say otherwise than before whether it
 * hears of the VM: whenever its record is saved. */
void downstream_review_unheard(struct downstream *downstream, struct book_vm *vm);

/* Nobody has been heard yet. */
void downstream_start_unheard(struct downstream *downstream);

/* At the end of a step: hosts that have come or gone, and what is due to be told. */
void downstream_tell_unheard(struct downstream *downstream);
uint64_t downstream_unheard_deadline_ms(const struct downstream *downstream);
