/* What is around a disk: nothing, one compression, or an OVA; and what this project puts around
 * it, an archive (archive.h). By libarchive, whose tar and filters are the only ones that are let
 * in. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "io/image/import/ovf.h"

enum wrap {
    WRAP_NONE,    /* a disk as it is, or nothing that is known */
    WRAP_PACKED,  /* compressed once */
    WRAP_OVA,     /* a tar archive that begins with an OVF descriptor */
    WRAP_ARCHIVE, /* any other tar archive, which has to be one of ours */
};

/* By its first bytes, and the first that come out of it. 0, or negative with `err`. */
int wrap_find(const char *path, enum wrap *out_wrap, struct error *err);

struct wrap_work {
    const char *from, *to; /* `to` is a new file */
    uint64_t most_bytes;   /* that may come out */
    /* What is told while it works, in bytes of what is read; NULL: nobody is told. */
    void (*on_bytes)(void *context, uint64_t done, uint64_t all);
    void *context;
};

/* The disk that is in it, sparse. 0; positive with `err`: refused; negative: it could not be read
 * or written. */
int wrap_open(enum wrap wrap, const struct wrap_work *work, struct error *err);

/* Makes an archive of a raw disk and its manifest: compressed, holes left out. */
int wrap_make(const struct wrap_work *work, const char *manifest, struct error *err);
