/* Blocks and pages as they travel and as they are kept: compressed (zstd), each with its digest in
 * front; many in a row are a batch. What is read may be anybody's bytes: nothing is taken beyond a
 * batch's end, and nothing unpacked beyond a block's size. */
#pragma once

#include <stddef.h>

#include "io/blocks/tree.h"

enum {
    batch_bytes_most = 4 << 20,
    pack_head_bytes = block_digest_bytes + 4, /* digest, length */
    packed_bytes_most = block_bytes + 1024,   /* what zstd makes of a block at the worst is less */
};

/* Adds a block with its digest. */
void pack_add(struct text *batch, const struct block_digest *digest, const void *bytes,
              size_t length);

/* Adds one that is packed already. */
void pack_add_packed(struct text *batch, const struct block_digest *digest, const void *packed,
                     size_t length);

struct packed {
    struct block_digest digest;
    const unsigned char *bytes; /* in the batch */
    size_t length;
};

struct pack_reader {
    const unsigned char *at;
    size_t left;
};

enum pack_read { PACK_READ, PACK_END, PACK_BROKEN };

enum pack_read pack_next(struct pack_reader *reader, struct packed *out);

/* Unpacks into block_bytes. -EINVAL: it is no block. */
int pack_open(const void *packed, size_t length, unsigned char out[block_bytes],
              size_t *out_length);

/* Unpacks, and sees that it is what its digest says: -EINVAL otherwise. */
int pack_prove(const struct packed *packed, const struct block_key *key,
               unsigned char out[block_bytes], size_t *out_length);
