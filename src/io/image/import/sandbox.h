/* Where a disk that nobody trusts is made an archive: another process, isthmus-image-convert, in
 * namespaces of its own by bubblewrap, with the file, an empty folder and nothing else. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

struct sandbox {
    const char *converter;    /* isthmus-image-convert; NULL: beside this program */
    const char *file;         /* as it came; read alone */
    const char *folder;       /* an empty one; `archive` is in it at the end */
    const char *architecture; /* "": what is seen */
    uint64_t most_bytes;      /* of the disk; 0: the largest that there is */
    uint64_t reserve_bytes;   /* of the folder's file system, left free; 0: the usual */
    const atomic_bool *cancel;
    void (*on_stage)(void *context, const char *stage, uint64_t done, uint64_t all);
    void *context;
};

/* 0; positive with `err`: the disk is refused, in words for who sent it; negative: it could not be
 * done here, -ENOSPC for want of room. */
int sandbox_convert(const struct sandbox *sandbox, struct error *err);

/* How isthmus-image-convert ends. */
enum { sandbox_refused = 10, sandbox_failed = 11 };
