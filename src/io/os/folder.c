/* Each step is followed by the fsync that makes it last: of the file before its rename, of the
 * folder after it. */
#include "io/os/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

void fd_clean(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}

int folder_make(const char *path, mode_t mode, struct error *err) {
    auto_clean(memory_clean) char *copy = memory_text(path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return error_set(err, -errno, "make folder %s: %s", copy, strerror(errno));
        *slash = '/';
    }
    if (mkdir(copy, mode) < 0 && errno != EEXIST)
        return error_set(err, -errno, "make folder %s: %s", path, strerror(errno));
    return 0;
}

int folder_sync(const char *path, struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_set(err, -errno, "sync %s: %s", path, strerror(errno));
    return 0;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *place) {
    (void)facts, (void)kind, (void)place;
    return remove(path) < 0 && errno != ENOENT ? -errno : 0;
}

int folder_remove(const char *path, struct error *err) {
    if (nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return error_set(err, -errno, "remove folder %s: %s", path, strerror(errno));
    return 0;
}

int folder_commit(const char *from, const char *to, struct error *err) {
    int failed = folder_sync(from, err);
    if (failed)
        return failed;
    if (rename(from, to) < 0)
        return error_set(err, -errno, "rename %s to %s: %s", from, to, strerror(errno));
    auto_clean(memory_clean) char *around = memory_text(to);
    char *slash = strrchr(around, '/');
    if (slash)
        *(slash == around ? slash + 1 : slash) = 0;
    return folder_sync(slash ? around : ".", err);
}

int file_write(int fd, const void *bytes, size_t length, const char *path, struct error *err) {
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set(err, -errno, "write %s: %s", path, strerror(errno));
        next += written;
        length -= (size_t)written;
    }
    return 0;
}
