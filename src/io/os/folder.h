/* Files and folders that survive a crash: what is renamed into place was synced before, and the
 * folder that names it after. Shared by the adapters that keep files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* For auto_clean: closes *fd unless it is negative. */
void fd_clean(int *fd);

/* Makes `path` and its parents with `mode`; there already: no harm. */
int folder_make(const char *path, mode_t mode, struct error *err);

/* Makes renames and removals inside `path` durable. */
int folder_sync(const char *path, struct error *err);

/* Removes the folder and all that is in it; gone already: no harm. Follows no symbolic link. */
int folder_remove(const char *path, struct error *err);

/* Removes what is half-made in it, by a run that was killed: whatever has a dot in its name, but
 * for names that end as `spared` does; NULL: none. */
int folder_sweep(const char *path, const char *spared, struct error *err);

/* Has nobody written to the file of this name in the open folder for so long? */
bool folder_is_old(int folder, const char *name, int64_t seconds);

/* What all in it takes of its disk: blocks, not lengths. */
uint64_t folder_bytes(const char *path);

/* Gives the file or folder, and all that is in it, to an account; gone already: no harm. It is
 * walked by descriptors and follows no symbolic link: whoever may write in it leads us nowhere
 * else. */
int folder_give(const char *path, uid_t user, gid_t group, struct error *err);

/* Syncs the file or folder `from`, renames it to `to` and syncs the folder around it. */
int folder_commit(const char *from, const char *to, struct error *err);

/* All bytes to a descriptor; `path` is for the error. */
int file_write(int fd, const void *bytes, size_t length, const char *path, struct error *err);
