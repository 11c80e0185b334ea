/* All kinds of carriers that are built in. */
#pragma once

#include "io/carrier/carrier.h"

/* NULL: there is none of that name. */
const struct carrier_kind *carrier_kind_find(const char *name);

/* Prepares the process for all of them: at the top of main, while there is one thread. */
void carrier_prepare(void);
