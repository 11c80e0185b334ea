/* An archive that no image has any more: the upstream manager's books keep that until its file is
 * gone, so that none is forgotten by whoever dies in between. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

struct retired {
    char digest[limit_digest_size]; /* the key */
    uint64_t archive_bytes;
    uint64_t retired_ms;
};
extern const struct table retired_table;
