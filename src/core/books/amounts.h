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

/* Which of the limits has no room for one VM of this size more; or for the growth of one that is
 * counted already. */
enum amount { AMOUNT_NONE, AMOUNT_VMS, AMOUNT_CPUS, AMOUNT_MEMORY, AMOUNT_DISK };
enum amount amounts_exceeded(const struct amounts *limits, const struct amounts *used,
                             const struct size *size);
enum amount amounts_outgrown(const struct amounts *limits, const struct amounts *used,
                             const struct size *growth);
