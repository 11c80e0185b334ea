/* The room that the tests of configurations are in: a folder with files that a configuration may
 * name, and the configuration itself. */
#pragma once

#include <sys/types.h>

struct room {
    char folder[64];
    char path[96];
};

int set_up(void **state);
int tear_down(void **state);

void write_file(const char *path, const char *content, mode_t mode);

/* Writes `text` with each '@' that begins a path ("= @/") turned into the room's folder. */
void write_config(struct room *room, const char *text);
