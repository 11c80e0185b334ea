/* Who speaks to this machine on its own networks, as its kernel knows them; and what addresses this
 * machine itself has (rtnetlink(7), getifaddrs(3)). */
#pragma once

#include "base/error.h"
#include "io/host/sightings.h"

/* Adds them; 0, or negative with `err`. */
int neighbours_read(struct sightings *out, struct error *err);
int neighbours_read_own(struct sightings *out, struct error *err);
