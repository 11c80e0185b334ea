/* A digest of what both ends of a link know of a VM: where the digests agree, no table has to be
 * told. */
#pragma once

#include <stdint.h>

struct vm;

/* The digest of one VM; epoch and generation as they are counted between the two ends, and since
 * when one end says to the other that nothing is heard of it, 0: it does not say so. */
uint64_t uplink_vm_digest(const struct vm *vm, uint32_t epoch, uint64_t generation,
                          uint64_t unheard_ms);
