/* What is a hole: zeros of a block at a block's place. A map joins pieces that are near each other,
 * and has so many pieces and no more. */
#include "io/image/import/sparse.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { hole_bytes = 1 << 16, near_bytes = 1 << 18, read_bytes = 1 << 20, most_pieces = 1 << 16 };
static const char zeros[hole_bytes];

int sparse_write(int fd, const struct sparse_run *run, struct error *err) {
    const char *from = run->bytes;
    uint64_t at = run->at;
    size_t length = run->length;
    while (length > 0) {
        size_t piece = hole_bytes - (size_t)(at % hole_bytes);
        piece = piece < length ? piece : length;
        if (memcmp(from, zeros, piece) != 0) {
            ssize_t written = pwrite(fd, from, piece, (off_t)at);
            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                return error_set(err, written ? -errno : -ENOSPC, "write the disk: %s",
                                 strerror(written ? errno : ENOSPC));
            piece = (size_t)written;
        }
        from += piece;
        at += piece;
        length -= piece;
    }
    return 0;
}

static void add_piece(struct sparse_map *map, uint64_t at, uint64_t length) {
    struct sparse_piece *last = map->count ? &map->pieces[map->count - 1] : NULL;
    if (last && (at - (last->at + last->length) < near_bytes || map->count == most_pieces)) {
        last->length = at + length - last->at;
        return;
    }
    if ((map->count & (map->count - 1)) == 0)
        map->pieces = memory_resize(map->pieces,
                                    (map->count ? 2 * map->count : 1) * sizeof(*map->pieces));
    map->pieces[map->count++] = (struct sparse_piece){at, length};
}

/* What the file system keeps may be zeros all the same. */
static int read_data(struct sparse_map *map, uint64_t at, uint64_t end, char *bytes) {
    while (at < end) {
        size_t wanted = end - at < read_bytes ? (size_t)(end - at) : read_bytes;
        ssize_t got = pread(map->fd, bytes, wanted, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? -errno : -EIO;
        for (size_t i = 0; i < (size_t)got; i += hole_bytes) {
            size_t piece = (size_t)got - i < hole_bytes ? (size_t)got - i : hole_bytes;
            if (memcmp(bytes + i, zeros, piece) != 0)
                add_piece(map, at + i, piece);
        }
        at += (uint64_t)got;
    }
    return 0;
}

int sparse_map_read(struct sparse_map *map, int fd, uint64_t length, struct error *err) {
    auto_clean(memory_clean) char *bytes = memory_new(1, read_bytes);
    *map = (struct sparse_map){.fd = fd};
    for (uint64_t at = 0; at < length;) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return 0; /* a hole up to the end */
        off_t hole = data < 0 ? data : lseek(fd, data, SEEK_HOLE);
        int fault = hole < 0 ? -errno : 0;
        uint64_t end = (uint64_t)hole < length ? (uint64_t)hole : length;
        uint64_t begin = (uint64_t)data / hole_bytes * hole_bytes;
        if (!fault)
            fault = read_data(map, begin < at ? at : begin, end, bytes);
        if (fault)
            return error_set(err, fault, "read the disk: %s", strerror(-fault));
        at = end;
    }
    return 0;
}

void sparse_map_clean(struct sparse_map *map) { memory_clean(&map->pieces); }
