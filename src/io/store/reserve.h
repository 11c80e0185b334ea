/* Room on the disk that is the store's alone: a file beside it, which is given up when a commit
 * finds the disk full, so that what ends VMs can still be written. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct reserve {
    const char *store; /* its path, the caller's */
    char *path;
    bool is_there, is_full; /* full: until there is twice the room */
};

void reserve_init(struct reserve *reserve, const char *store);
void reserve_deinit(struct reserve *reserve);

/* Gives it up. False: it was given up before. */
bool reserve_give_up(struct reserve *reserve);

/* Is there as much free as is kept, and the file itself? Makes it where there is room for it. */
bool reserve_has_room(struct reserve *reserve);
