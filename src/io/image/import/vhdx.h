/* A vhdx disk (MS-VHDX) that stands alone and was closed: no parent, nothing left in its log. */
#pragma once

#include "base/error.h"
#include "io/image/import/bytes.h"

bool vhdx_is(const struct bytes_file *file);

/* 0 with the size that a guest sees; positive with `err`: refused. */
int vhdx_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err);
