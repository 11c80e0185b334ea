/* libnbd's calls. A file is served by a qemu-nbd of our own, which libnbd starts with a socket that
 * nobody else knows, and ends when the disk is closed. */
#include "io/host/copy/nbd.h"

#include <errno.h>
#include <libnbd.h>
#include <string.h>

#include "base/memory.h"

struct nbd_disk {
    struct nbd_handle *library;
    char context[96];
    uint64_t bytes;
    bool is_bitmap;
};

static int fault(const char *what, struct error *err) {
    const char *why = nbd_get_error();
    return error_set(err, -EIO, "%s: %s", what, why ? why : "libnbd does not say why");
}

static int connect_to(struct nbd_disk *disk, const struct nbd_source *source) {
    if (source->socket)
        return nbd_connect_unix(disk->library, source->socket);
    /* It ends with us, however we end: it would keep the disk from the guest. */
    char *arguments[16] = {"setpriv", "--pdeathsig", "KILL", "qemu-nbd", "-f",
                           (char *)(uintptr_t)source->format};
    size_t count = 6;
    if (source->mode == NBD_READS)
        arguments[count++] = "-r";
    if (source->bitmap) {
        arguments[count++] = "-B";
        arguments[count++] = (char *)(uintptr_t)source->bitmap;
    }
    arguments[count++] = (char *)(uintptr_t)source->path;
    return nbd_connect_systemd_socket_activation(disk->library, arguments);
}

static int open_it(struct nbd_disk *disk, const struct nbd_source *source, struct error *err) {
    const char *bitmap = source->socket ? "dirty" : source->bitmap;
    disk->is_bitmap = source->bitmap;
    text_format(disk->context, sizeof(disk->context), disk->is_bitmap ? "qemu:dirty-bitmap:%s"
                                                                      : "base:allocation", bitmap);
    disk->library = nbd_create();
    if (!disk->library || nbd_add_meta_context(disk->library, disk->context) < 0 ||
        nbd_set_export_name(disk->library, source->name ? source->name : "") < 0 ||
        connect_to(disk, source) < 0)
        return fault("open a disk by NBD", err);
    if (nbd_can_meta_context(disk->library, disk->context) != 1)
        return error_set(err, -ENOENT, "the disk has no bitmap %s", disk->context);
    int64_t bytes = nbd_get_size(disk->library);
    if (bytes <= 0)
        return fault("read a disk's size by NBD", err);
    disk->bytes = (uint64_t)bytes;
    return 0;
}

struct nbd_disk *nbd_disk_open(const struct nbd_source *source, struct error *err) {
    struct nbd_disk *disk = memory_new(1, sizeof(*disk));
    if (open_it(disk, source, err) == 0)
        return disk;
    nbd_disk_close(disk);
    return NULL;
}

void nbd_disk_close(struct nbd_disk *disk) {
    if (!disk)
        return;
    nbd_close(disk->library); /* a server of ours has ended when this returns */
    memory_free(disk);
}

uint64_t nbd_disk_bytes(const struct nbd_disk *disk) { return disk->bytes; }

struct marking {
    struct nbd_disk *disk;
    bool *marks;
    uint64_t next; /* what is not known yet begins there */
};

static int on_extents(void *context, const char *name, uint64_t offset, uint32_t *entries,
                      size_t count, int *error) {
    (void)name, (void)error;
    struct marking *marking = context;
    for (size_t i = 0; i + 1 < count && offset < marking->disk->bytes; i += 2) {
        uint64_t end = offset + entries[i], most = marking->disk->bytes;
        end = end < most ? end : most;
        bool counts = marking->disk->is_bitmap ? entries[i + 1] & 1
                                               : !(entries[i + 1] & LIBNBD_STATE_ZERO);
        for (uint64_t at = offset; counts && at < end; at = (at / block_bytes + 1) * block_bytes)
            marking->marks[at / block_bytes] = true;
        offset = end;
    }
    marking->next = offset;
    return 0;
}

int nbd_disk_mark(struct nbd_disk *disk, bool *marks, struct error *err) {
    static const uint64_t most = UINT64_C(1) << 30;
    struct marking marking = {disk, marks, 0};
    while (marking.next < disk->bytes) {
        uint64_t at = marking.next, left = disk->bytes - at;
        nbd_extent_callback callback = {.callback = on_extents, .user_data = &marking};
        if (nbd_block_status(disk->library, left < most ? left : most, at, callback, 0) < 0)
            return fault("ask by NBD which blocks were written", err);
        if (marking.next <= at)
            return error_set(err, -EPROTO, "the NBD server says nothing of the disk at %llu",
                             (unsigned long long)at);
    }
    return 0;
}

size_t nbd_disk_length(const struct nbd_disk *disk, size_t block) {
    uint64_t at = (uint64_t)block * block_bytes;
    if (at >= disk->bytes)
        return 0;
    return disk->bytes - at < block_bytes ? (size_t)(disk->bytes - at) : block_bytes;
}

int nbd_disk_read(struct nbd_disk *disk, size_t block, unsigned char out[block_bytes],
                  struct error *err) {
    size_t length = nbd_disk_length(disk, block);
    memset(out + length, 0, block_bytes - length);
    if (length && nbd_pread(disk->library, out, length, (uint64_t)block * block_bytes, 0) < 0)
        return fault("read a block by NBD", err);
    return 0;
}

int nbd_disk_write(struct nbd_disk *disk, size_t block, const unsigned char *bytes,
                   struct error *err) {
    size_t length = nbd_disk_length(disk, block);
    uint64_t at = (uint64_t)block * block_bytes;
    int failed = bytes ? nbd_pwrite(disk->library, bytes, length, at, 0)
                       : nbd_zero(disk->library, length, at, 0);
    return failed < 0 ? fault("write a block by NBD", err) : 0;
}

int nbd_disk_flush(struct nbd_disk *disk, struct error *err) {
    return nbd_flush(disk->library, 0) < 0 ? fault("sync a disk by NBD", err) : 0;
}
