/* How several upstream managers share the hosts: what is kept for each, what each is shown, whose
 * operations go first. */
#pragma once

#include "core/books/book.h"

struct downstream;
struct lending;

/* Would this VM, which has no host, or is to grow by this size, take room that is kept for another
 * upstream manager? */
bool downstream_is_kept(const struct downstream *downstream, const struct book_vm *vm,
                        const struct size *size);

/* Would a VM that grows by this leave too little for those that came before it and wait for their
 * image? */
bool downstream_crowds_out(const struct downstream *downstream, const struct size *growth);

/* Several upstream managers share the hosts by weight. */
void downstream_share_hosts(struct downstream *downstream);
void downstream_set_share(struct downstream *downstream, struct lending *lending,
                          enum origin from, const struct share *share);

/* Of a lending, beside others: what of the hosts' work is for it. */
uint32_t downstream_weight(const struct lending *lending);

/* After a begin or an end: the operation is in what its asker has under way, or no longer. */
void downstream_count_op(struct downstream *downstream, struct book_op *op);

/* Is the aggregate that the asker may see another than it was told? A change among hosts that
 * cancels out is none, not even in when the next capacity goes up. */
bool downstream_shows_another(const struct downstream *downstream, const struct lending *lending);

/* Tells the aggregate that the asker may see, if it is another than what was told. */
void downstream_tell_capacity(struct downstream *downstream, struct lending *lending);
