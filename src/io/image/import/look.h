/* What can be seen of a guest's system on its disk: what starts it, for which processor it is, and
 * where its file systems are. Reads a raw disk that nobody trusts; opens no file system but that of
 * UEFI's loader. */
#pragma once

#include "io/image/import/bytes.h"
#include "message/model.h"

enum { look_most_partitions = 16 };

struct look {
    enum firmware firmware;
    char architecture[16]; /* "": not seen */
    uint64_t partitions[look_most_partitions]; /* where each begins, in bytes; none: the disk itself
                                                * may be a file system */
    size_t partitions_count;
};

void look_at(const struct bytes_file *disk, struct look *out);
