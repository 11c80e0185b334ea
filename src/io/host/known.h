/* The domains of ours that this process has seen, with their epochs. An event from libvirt comes
 * with no more than a name, and after an undefine there is nothing left to ask. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "io/host/domain.h"

struct host_known;

struct host_known *host_known_new(void);
void host_known_free(struct host_known *known);

void host_known_put(struct host_known *known, const struct host_domain_mark *mark);
void host_known_forget(struct host_known *known, const char *vm);

/* False: not one of ours. */
bool host_known_get(struct host_known *known, const char *vm, struct host_domain_mark *out_mark);

/* A copy of all, the caller frees with memory_free. */
struct host_domain_mark *host_known_all(struct host_known *known, size_t *out_count);
