/* Results and times of VMs that are between two hosts, whichever way they go: to be made anew there
 * (downstream/remake), or while they run (downstream/migrate). */
#pragma once

#include "core/books/book.h"

struct downstream;
struct peer;

void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result);
/* Its host is lost, and it runs nowhere: it is made anew elsewhere, and is to be gone there. False:
 * it is to be made from a copy, and there is none: it waits, and goes on if its host is back. */
bool downstream_owes(const struct book_vm *vm);
bool downstream_recover(struct downstream *downstream, struct book_vm *vm);

/* It runs in another cluster by now, by the word of whoever is above: whatever hosts have of it is
 * put aside, and the operation of that ends. */
void downstream_put_aside(struct downstream *downstream, struct book_vm *vm);

void downstream_on_move_due(struct downstream *downstream, struct book_op *op);
