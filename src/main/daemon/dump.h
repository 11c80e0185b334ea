/* `dump FILE` and `frame FILE PEER_KEY`: a store, and frames, as text, for people. */
#pragma once

#include "base/error.h"

/* Prints each row of the daemon's store in `path` as its kind and its JSON, a row a line, with all
 * that is in it: first-boot data and the digests of tokens too. 0 or negative with `err`. */
int dump_store(const char *daemon, const char *path, struct error *err);

/* Prints the JSON of each frame on standard input, a sealed one a line: what the end with the
 * public key `peer_key` said to that whose key is in `path`. 0 or negative with `err`. */
int dump_frames(const char *path, const char *peer_key, struct error *err);
