/* A disk's blocks on their way to a repository: read, named, and sent as far as they lack there. */
#pragma once

#include "io/blocks/repository.h"
#include "io/host/copy/nbd.h"

struct sending {
    struct blocks_repository repository;
    struct block_key key;
    struct nbd_disk *disk;  /* as it is at one moment */
    struct nbd_disk *image; /* that it is made from; NULL: blocks are not compared with it */
    struct tree *tree;      /* as it is told */
    uint64_t sent_bytes;
};

/* The marked blocks: named in the tree, and sent. 0, REPOSITORY_…, negative. */
int sending_blocks(struct sending *sending, const bool *marks, struct error *err);

/* All that the tree names and the repository lacks. REPOSITORY_LACKING: the disk has something else
 * than the tree says. */
int sending_lacking(struct sending *sending, struct error *err);

/* The pages, then the root. */
int sending_root(struct sending *sending, struct error *err);
