/* Which images a host keeps unpacked beyond those that its VMs are made from. */
#pragma once

#include "io/host/state.h"
#include "io/image/shelf.h"

/* How the host's shelf looks at its images, hides and removes them. */
struct shelf_calls host_cache_calls(struct host *host);

/* Downloads and unpacks it, as host_image_fetch; while the disk is full, others make room. */
enum code host_cache_fetch(struct host *host, const char *digest, uint32_t disk_gib,
                           struct error *err);
