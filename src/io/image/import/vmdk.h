/* A vmdk disk that stands alone in one file: monolithicSparse or streamOptimized (VMware's Virtual
 * Disk Format 5.0). Its descriptor could name other files; everything that a tool would read of it
 * is read here first. */
#pragma once

#include "base/error.h"
#include "io/image/import/bytes.h"

/* Also what is a descriptor alone, or another kind of it, which are then refused. */
bool vmdk_is(const struct bytes_file *file);

/* 0 with the size that a guest sees; positive with `err`: refused. */
int vmdk_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err);
