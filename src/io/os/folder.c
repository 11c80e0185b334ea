/* Each step is followed by the fsync that makes it last: of the file before its rename, of the
 * folder after it. */
#include "io/os/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

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

static void directory_clean(DIR **directory) {
    if (*directory)
        (void)closedir(*directory);
}

/* Takes the folder's descriptor over. */
static uint64_t bytes_inside(int folder) {
    uint64_t bytes = 0;
    auto_clean(directory_clean) DIR *directory = fdopendir(folder);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat facts;
        bool is_own = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (is_own || fstatat(folder, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        bytes += (uint64_t)facts.st_blocks * 512;
        int inner = S_ISDIR(facts.st_mode)
                        ? openat(folder, entry->d_name,
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                        : -1;
        bytes += inner >= 0 ? bytes_inside(inner) : 0;
    }
    return bytes;
}

uint64_t folder_bytes(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 ? bytes_inside(folder) : 0;
}

/* What is in the folder, whose descriptor is taken over. False: `errno` says why. */
static bool give_inside(int folder, uid_t user, gid_t group) {
    auto_clean(directory_clean) DIR *directory = fdopendir(folder);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fchownat(folder, entry->d_name, user, group, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno != ENOENT)
            return false;
        int inner = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0 && !give_inside(inner, user, group))
            return false;
    }
    return directory;
}

int folder_give(const char *path, uid_t user, gid_t group, struct error *err) {
    bool is_given = lchown(path, user, group) == 0;
    int folder = is_given ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (folder >= 0)
        is_given = give_inside(folder, user, group);
    if (is_given || errno == ENOENT)
        return 0;
    return error_set(err, -errno, "give %s to another account: %s", path, strerror(errno));
}

bool folder_is_old(int folder, const char *name, int64_t seconds) {
    struct stat facts;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
           now.tv_sec - facts.st_mtim.tv_sec > seconds;
}

static bool ends_as(const char *name, const char *end) {
    size_t length = strlen(name), wanted = strlen(end);
    return length >= wanted && text_equal(name + length - wanted, end);
}

int folder_sweep(const char *path, const char *spared, struct error *err) {
    auto_clean(directory_clean) DIR *directory = opendir(path);
    if (!directory)
        return error_set(err, -errno, "read the folder %s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || !strchr(entry->d_name, '.') ||
            (spared && ends_as(entry->d_name, spared)))
            continue;
        auto_clean(text_deinit) struct text inside = {0};
        text_addf(&inside, "%s/%s", path, entry->d_name);
        int failed = folder_remove(text_data(&inside), err);
        if (failed)
            return failed;
    }
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
