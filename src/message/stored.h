/* All records that a store keeps, of every role: the store, the simulated disks and the tests of
 * the tables walk them. They are loaded in this order; the first field of a table is its key. */
#pragma once

#include "message/field.h"

extern const struct table *const stored_tables[];
extern const size_t stored_tables_count;
