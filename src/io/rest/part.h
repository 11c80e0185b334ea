/* Files that come in pieces: what an upload has brought stays under a name of its sender and its
 * digest when it breaks off, so that the next one goes on there. */
#pragma once

#include "base/error.h"
#include "message/limits.h"

enum { part_name_size = 64 };

/* Of whoever has this token, and of the file with this digest. */
void part_name(const char *token_hash, const char *digest, char out_name[part_name_size]);

/* Removes what a crash left half-made in the folder, but for parts that may still go on; and parts
 * that nobody has gone on with for a day. */
enum part_sweep { PART_SWEEP_AT_START, PART_SWEEP_OLD };
void part_sweep(const char *folder, enum part_sweep sweep);

/* How many are there. */
unsigned part_count(const char *folder);
