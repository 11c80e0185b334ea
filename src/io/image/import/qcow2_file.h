/* A whole qcow2 disk in a file, judged by qcow2.h and by what a tool reads beyond its head: the
 * list of extensions, and where its first table is. */
#pragma once

#include "base/error.h"
#include "io/image/import/bytes.h"

bool qcow2_file_is(const struct bytes_file *file);

/* 0 with the size that a guest sees; positive with `err`: refused. */
int qcow2_file_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err);
