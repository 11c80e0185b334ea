/* Results and times of VMs that are between two hosts, whichever way they go: to be made anew there
 * (downstream/remake), or while they run (downstream/migrate). */
#pragma once

#include "core/books/book.h"

struct downstream;
struct peer;

void downstream_on_move_result(struct downstream *downstream, struct peer *peer,
                               const struct result *result);
/* Its host is lost, and it runs nowhere: it is made anew elsewhere, and is to be gone there. */
bool downstream_owes(const struct book_vm *vm);
void downstream_recover(struct downstream *downstream, struct book_vm *vm);

void downstream_on_move_due(struct downstream *downstream, struct book_op *op);
