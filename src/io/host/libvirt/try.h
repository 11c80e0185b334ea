/* What a person who sets a host up wants to know of its libvirt, without an agent. */
#pragma once

#include "io/host/domain.h"

/* Connects, and looks whether each of the networks is there. 0 with what it can do (XML, the
 * caller frees with memory_free), or negative with `err`. */
int libvirt_try(const char *uri, const struct host_networks *networks, char **out_capabilities,
                struct error *err);
