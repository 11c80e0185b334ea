/* The files of secret keys: FILE with the key of one end of one link, and beside it, while that
 * changes, FILE.next. Mode 0600, one line, "secret:" before the key.
 *
 * FILE.next appears whole or not at all, and takes the place of FILE by a rename: whenever a
 * daemon dies, it finds one of the two states. The command makes FILE.next, the daemon (the shell)
 * ends the change. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "message/limits.h"

enum { limit_key_line_size = 64 };

/* Makes FILE with a new key, unless it is there; its public half. */
int key_file_make(const char *path, char out_public[limit_public_key_size], struct error *err);

/* Begins a change of the key in FILE: makes FILE.next, with FILE's owner. -EALREADY with `err`: it
 * is there. */
int key_file_rotate(const char *path, char out_public[limit_public_key_size], struct error *err);

/* FILE's line, which key_file_forget() overwrites. */
int key_file_read(const char *path, char out_line[limit_key_line_size], struct error *err);

/* What is known of FILE: its public half, and that of FILE.next ("" without one) with its age. */
struct key_file_state {
    char public_key[limit_public_key_size], next_key[limit_public_key_size];
    uint64_t next_since_ms;
};
int key_file_show(const char *path, struct key_file_state *out_state, struct error *err);

/* The daemon's look for a next key. 1: there is a FILE.next, with this line; 0: there is none;
 * negative with `err`: it cannot be read, or could not take the place of FILE. */
int key_file_next(const char *path, char out_line[limit_key_line_size], struct error *err);

/* FILE.next takes the place of FILE, whose key is gone with that. */
int key_file_adopt(const char *path, struct error *err);

/* Overwrites what held a secret. */
void key_file_forget(char line[limit_key_line_size]);
