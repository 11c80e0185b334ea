/* Free is what statvfs(3) says to those who are not root. */
#include "io/os/disk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

static const uint64_t looked_at_each = UINT64_C(1) << 22; /* bytes: many writers see one another */
static const uint64_t most_usual = UINT64_C(10) << 30;

static struct disk disk_of(const struct statvfs *system) {
    return (struct disk){.all_bytes = (uint64_t)system->f_blocks * system->f_frsize,
                         .free_bytes = (uint64_t)system->f_bavail * system->f_frsize};
}

int disk_measure(const char *path, struct disk *out_disk, struct error *err) {
    struct statvfs system;
    if (statvfs(path, &system) < 0)
        return error_set(err, -errno, "measure the disk of %s: %s", path, strerror(errno));
    *out_disk = disk_of(&system);
    return 0;
}

uint64_t disk_usual_reserve(const struct disk *disk) {
    return disk->all_bytes / 20 < most_usual ? disk->all_bytes / 20 : most_usual;
}

int disk_guard_take(struct disk_guard *guard, uint64_t bytes, struct error *err) {
    struct statvfs system;
    if (bytes <= guard->allowed_bytes) {
        guard->allowed_bytes -= bytes;
        return 0;
    }
    if (fstatvfs(guard->fd, &system) < 0)
        return error_set(err, -errno, "measure the disk: %s", strerror(errno));
    struct disk disk = disk_of(&system);
    uint64_t reserve = guard->reserve_bytes ? guard->reserve_bytes : disk_usual_reserve(&disk);
    uint64_t room = disk.free_bytes > reserve ? disk.free_bytes - reserve : 0;
    if (bytes > room)
        return error_set(err, -ENOSPC,
                         "the disk has %" PRIu64 " MiB free, of which %" PRIu64 " MiB are kept; "
                         "free some space",
                         disk.free_bytes >> 20, reserve >> 20);
    room = (room < looked_at_each ? room : looked_at_each);
    guard->allowed_bytes = room > bytes ? room - bytes : 0;
    return 0;
}
