/* From a disk's file, as somebody has it, to an archive of ours: what is done within the sandbox.
 * Each stage is told, what is refused is refused in words. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct convert {
    const char *file;         /* as it came */
    const char *folder;       /* in which everything is made: `archive` in the end */
    const char *architecture; /* of the guest; "": what is seen, or x86_64 */
    uint64_t most_bytes;      /* of the disk */
    void (*on_stage)(const char *stage, uint64_t done, uint64_t all);
};

/* 0; positive with `err`: refused; negative: it could not be done here. */
int convert_run(const struct convert *convert, struct error *err);
