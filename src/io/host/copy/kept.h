/* What a host keeps of a VM's newest copy: the tree of its blocks and the checkpoint since which
 * its disk is recorded, so that the next copy reads only what was written. It stands in one file
 * beside the disk; one that is lost or damaged costs a long read, and no more. */
#pragma once

#include "io/blocks/tree.h"
#include "io/host/libvirt/backup.h"

struct kept_copy {
    char checkpoint[host_checkpoint_size]; /* "": nothing is kept */
    struct block_key key;                  /* by which the tree's digests are */
    struct tree tree;
};

/* Nothing is kept where the file is none, or was made by another key. */
void kept_copy_read(const char *path, const struct block_key *key, struct kept_copy *out);
int kept_copy_write(const char *path, const struct kept_copy *kept, struct error *err);
void kept_copy_deinit(struct kept_copy *kept);
