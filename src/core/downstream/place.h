/* Which host a VM gets, or that it waits for room, or that there is none. */
#pragma once

#include "core/below/placement.h"

struct downstream;
struct peer;

/* Does the size fit beside all VMs that have left a host, or are about to? */
bool downstream_has_room(const struct downstream *downstream, const struct book_vm *vm);

/* No place at present: it waits, with its room reserved, and looks again. */
void downstream_await_room(struct downstream *downstream, struct book_vm *vm);

/* Chooses a host for a definition and instructs it, or ends the operation. */
void downstream_place(struct downstream *downstream, struct book_vm *vm);

/* The host for a VM that is defined so; who refused its operation is not asked. */
enum placement downstream_choose(const struct downstream *downstream, const struct book_vm *vm,
                                 const struct definition *definition, struct peer **out_peer);
