/* A disk over NBD (libnbd), in blocks of the block store: of a guest that runs, which QEMU serves
 * as it was when its backup began; or of one that no QEMU uses, which qemu-nbd serves to us alone
 * until it is closed. */
#pragma once

#include "io/blocks/tree.h"

struct nbd_disk;

struct nbd_source {
    const char *socket, *name; /* of a server that is there, and its export; or NULL: */
    const char *path, *format; /* a file that is served for it */
    const char *bitmap;        /* which blocks were written is asked of it; NULL: none */
    enum { NBD_READS, NBD_WRITES } mode;
};

/* NULL with `err`. */
struct nbd_disk *nbd_disk_open(const struct nbd_source *source, struct error *err);
void nbd_disk_close(struct nbd_disk *disk);

uint64_t nbd_disk_bytes(const struct nbd_disk *disk);

/* marks[i] of each block: with a bitmap, whether it was written; without, whether it may hold
 * anything but zeros. */
int nbd_disk_mark(struct nbd_disk *disk, bool *marks, struct error *err);

/* A block's bytes, or the rest of the disk. What lies beyond the disk is zeros. */
int nbd_disk_read(struct nbd_disk *disk, size_t block, unsigned char out[block_bytes],
                  struct error *err);

/* How many bytes of it the block has. */
size_t nbd_disk_length(const struct nbd_disk *disk, size_t block);

/* NULL: zeros. */
int nbd_disk_write(struct nbd_disk *disk, size_t block, const unsigned char *bytes,
                   struct error *err);
int nbd_disk_flush(struct nbd_disk *disk, struct error *err);
