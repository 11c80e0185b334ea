/* Arithmetic on amounts of what VMs have: what is used by one asker, and whether one more is
 * within a limit. The downstream manager holds them against what an upstream is lent, the upstream
 * manager against a tenant's quota. */
#pragma once

#include <stdbool.h>

#include "message/model.h"

void amounts_add(struct amounts *used, const struct size *size);
void amounts_remove(struct amounts *used, const struct size *size);
bool amounts_equal(const struct amounts *left, const struct amounts *right);

/* How much of a limit is left; without a limit, UINT64_MAX. */
uint64_t amounts_left(uint64_t limit, uint64_t used);

/* The sum; the largest number where it would be beyond that: an owner may write any amount. */
uint64_t amounts_plus(uint64_t amount, uint64_t more);

/* Cuts the numbers of what a place says it has to `most`, and what is free to what there is; its
 * counts of fits are for the caller to cut. */
void amounts_bound(struct capacity *claimed, const struct amounts *most);

/* How many VMs of this size go into so much. */
uint64_t amounts_fit(const struct amounts *most, const struct size *size);

/* May one more come into a table of `most` that several share, where `all` are in it, `own`
 * of them this asker's? Anybody's while the last tenth is free; then whoever has less than an even
 * part of that tenth: so each has that part for sure, and the rest is for who needs it. */
bool amounts_admit(uint64_t most, uint64_t all, uint64_t own, uint64_t askers);

/* Which of the limits has no room for one VM of this size more; or for the growth of one that is
 * counted already. */
enum amount { AMOUNT_NONE, AMOUNT_VMS, AMOUNT_CPUS, AMOUNT_MEMORY, AMOUNT_DISK };
enum amount amounts_exceeded(const struct amounts *limits, const struct amounts *used,
                             const struct size *size);
enum amount amounts_outgrown(const struct amounts *limits, const struct amounts *used,
                             const struct size *growth);
