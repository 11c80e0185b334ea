/* What a fuzz target is: it takes any bytes and must neither crash nor believe what it cannot
 * say again. libFuzzer drives it (-Dfuzz=true, clang), or replay.c with the seed corpus. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "message/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Decodes; what is taken passes the checks and comes back the same from its own encoding, what is
 * refused leaves nothing and has a reason. Aborts otherwise. */
void fuzz_decode(const struct table *table, const struct codec_input *input);

/* Likewise the packed form, which is one alone. */
void fuzz_unpack(const struct table *table, const struct codec_input *input);

/* A whole frame in either form, each message by itself. */
void fuzz_frame(const char *bytes, size_t length);
