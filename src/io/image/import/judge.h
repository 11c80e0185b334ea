/* What a disk's file is, by its own bytes, and whether it stands alone: nothing that it says may
 * have a tool open another file, take it for another format, or believe a size that is not there.
 * Asked before any tool sees the file (qemu-img is then told the format and guesses none). */
#pragma once

#include "base/error.h"
#include "io/image/import/bytes.h"

enum disk_format { DISK_IS_RAW, DISK_IS_QCOW2, DISK_IS_VMDK, DISK_IS_VHD, DISK_IS_VHDX,
                   DISK_IS_COUNT };
extern const char *const disk_format_names[DISK_IS_COUNT]; /* as qemu-img calls them */

struct disk_judged {
    enum disk_format format;
    uint64_t disk_bytes; /* that a guest sees */
};

/* 0; positive with `err`: refused, and what to do. */
int disk_judge(const struct bytes_file *file, uint64_t most_bytes, struct disk_judged *out,
               struct error *err);
