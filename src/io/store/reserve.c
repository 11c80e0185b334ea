/* How much is kept, and when the disk counts as full: below that, and until there is twice as much
 * again. */
#include "io/store/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/disk.h"
#include "io/os/folder.h"

static const uint64_t most_bytes = UINT64_C(1) << 24; /* many thousand rows */

void reserve_init(struct reserve *reserve, const char *store) {
    struct text path = {0};
    text_addf(&path, "%s-reserve", store);
    *reserve = (struct reserve){
        .store = store, .path = path.data, .is_there = access(path.data, F_OK) == 0};
}

void reserve_deinit(struct reserve *reserve) { memory_clean(&reserve->path); }

bool reserve_give_up(struct reserve *reserve) {
    bool was_there = unlink(reserve->path) == 0;
    reserve->is_there = false;
    reserve->is_full = true;
    return was_there;
}

/* Whole, or not at all. */
static bool reserve_make(const struct reserve *reserve, uint64_t bytes) {
    auto_clean(fd_clean) int fd = open(reserve->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) == 0)
        return true;
    if (fd >= 0)
        (void)unlink(reserve->path);
    return false;
}

bool reserve_has_room(struct reserve *reserve) {
    struct disk disk;
    if (disk_measure(reserve->store, &disk, NULL))
        return true; /* a disk that cannot be asked tells by its errors */
    uint64_t bytes = disk_usual_reserve(&disk);
    bytes = bytes < most_bytes ? bytes : most_bytes;
    uint64_t free_bytes = disk.free_bytes;
    if (!reserve->is_there && free_bytes >= 3 * bytes) {
        reserve->is_there = reserve_make(reserve, bytes);
        free_bytes -= bytes;
    }
    reserve->is_full = !reserve->is_there ||
                       free_bytes < (reserve->is_full ? 2 * bytes : bytes);
    return !reserve->is_full;
}
