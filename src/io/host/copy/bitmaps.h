/* The bitmaps in a disk that no QEMU uses. */
#pragma once

#include "base/error.h"

/* Removes those of copies, whole or broken. */
int disk_bitmaps_remove(const char *disk, struct error *err);

/* From here on the disk records under this name what is written to it. */
int disk_bitmap_add(const char *disk, const char *name, struct error *err);
