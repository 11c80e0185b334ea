/* Records from their packed form, or from either form. */
#pragma once

#include "message/codec.h"

/* As codec_decode, from the packed form. Unknown fields are always ignored. */
int codec_unpack(const struct table *table, const struct codec_input *input, void *out_data,
                 struct codec_fault *fault);

/* As codec_decode, from either form: JSON begins with '{', and no packed record does. */
int codec_read(const struct table *table, const struct codec_input *input, void *out_data,
               struct codec_fault *fault);
