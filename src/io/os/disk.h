/* How full a file system is. Whoever writes much asks first, so that what the daemon's own books
 * need, and others of the machine, is never taken. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct disk {
    uint64_t all_bytes, free_bytes; /* free: to us, who may not be root */
};

/* Of the file system that `path` is on. */
int disk_measure(const char *path, struct disk *out_disk, struct error *err);

/* What is kept free of it where nobody said how much: a twentieth, 10 GiB at the most. */
uint64_t disk_usual_reserve(const struct disk *disk);

/* One who writes to the file or folder `fd`. */
struct disk_guard {
    int fd;
    uint64_t reserve_bytes; /* 0: the usual one */
    uint64_t allowed_bytes; /* that may be written until the disk is looked at again */
};

/* `bytes` more are to be written. 0, or -ENOSPC with `err` where less than the reserve would be
 * left. */
int disk_guard_take(struct disk_guard *guard, uint64_t bytes, struct error *err);
