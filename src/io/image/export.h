/* An image's disk as a file of its own, for programs that know nothing of archives. */
#pragma once

#include "base/error.h"
#include "io/image/archive.h"

struct image_export {
    const char *archive, *digest; /* of the archive */
    const char *to;               /* a new file; a folder beside it is used for a while */
};

/* 0 with what it is, or as image_archive_unpack. */
int image_export_disk(const struct image_export *export, struct image_facts *out_facts,
                      struct error *err);
