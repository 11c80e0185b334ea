/* What is kept of an archive that no image has. */
#include "message/records/retired.h"

static const struct field retired_fields[] = {
    {field_of(struct retired, digest), .number = 1, .about = "Of the archive.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_DIGEST},
    {field_of(struct retired, archive_bytes), .number = 2, .about = "How large it is.",
     .kind = FIELD_U64},
    {field_of(struct retired, retired_ms), .number = 3,
     .about = "Since when no image has it.", .kind = FIELD_U64},
};
const struct table retired_table = {"retired", "An archive that no image has any more.",
                                    sizeof(struct retired), field_rows(retired_fields)};
