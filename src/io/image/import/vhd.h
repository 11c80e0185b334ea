/* A vhd disk (Microsoft's Virtual Hard Disk Image Format 1.0), fixed or dynamic: a differencing one
 * stands on another file. */
#pragma once

#include "base/error.h"
#include "io/image/import/bytes.h"

bool vhd_is(const struct bytes_file *file);

/* 0 with the size that a guest sees; positive with `err`: refused. */
int vhd_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err);
