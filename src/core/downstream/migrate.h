/* VMs that go to another host while they run: the destination makes ready (receive), the VM goes
 * (migrate), the destination takes it up (adopt). What may be left on either host is discarded. */
#pragma once

#include "core/below/placement.h"

struct downstream;
struct peer;

/* The VM goes to another host while it runs. See migrate.c. */
enum placement downstream_choose_live(const struct downstream *downstream,
                                      const struct book_vm *vm, struct peer **out_peer);
void downstream_migrate(struct downstream *downstream, struct book_vm *vm, const struct peer *to);
void downstream_on_live_result(struct downstream *downstream, const struct result *result);
void downstream_on_live_due(struct downstream *downstream, struct book_op *op);

/* What may be left of it on its destination counts as all that there is of it from now on. */
void downstream_follow(struct downstream *downstream, struct book_vm *vm);

/* What VMs have left on other hosts is deleted there, once nothing else is under way on them. */
void downstream_discard_rests(struct downstream *downstream);
void downstream_on_discarded(struct downstream *downstream, const struct result *result);
void downstream_on_destination_opened(struct downstream *downstream, const struct peer *peer);
void downstream_write_off_destination(struct downstream *downstream, const struct peer *peer);

/* Takes the reservation, as book_take_reserved() does, of a VM (or NULL) whose operation is about
 * to be superseded. A reservation at its destination ends: what follows goes to where it is. */
struct size downstream_take_reserved(struct downstream *downstream, struct book_vm *vm);
