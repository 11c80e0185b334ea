/* The fields of a list's rows that its query wants to see. Pure. */
#pragma once

#include "message/codec.h"

enum { pick_fields = 64 };

/* A table with the fields that `names` (by commas) lists, and its first one, in its own order. */
struct pick {
    struct field fields[pick_fields];
    struct table table;
};

/* All, where `names` is "". False: `fault` names the first that is no field which the API shows. */
bool pick_make(struct pick *out_pick, const struct table *table, const char *names,
               struct codec_fault *fault);
