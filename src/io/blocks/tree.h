/* A disk as a tree of blocks: pages name the blocks by their digests, one root names the pages. So
 * each version of a disk is whole by itself, whatever it shares with the one before.
 *
 * Digests are BLAKE2b with a key of the VM's own: nobody can ask by them for what another VM has.
 * Two digests are none: block_of_image stands for what the disk's image has in that place,
 * block_of_zeros for zeros; neither is ever sent or kept. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
    block_bytes = 65536,
    block_digest_bytes = 32,
    block_key_bytes = 32,
    page_blocks = 1024,                                /* that a page names */
    page_bytes = page_blocks * block_digest_bytes,     /* smaller than a block */
    tree_pages_most = 16384,                           /* a disk of 1 TiB */
    root_head_bytes = 8 + 8 + block_digest_bytes,      /* mark, disk's size, image's digest */
    root_bytes_most = root_head_bytes + tree_pages_most * block_digest_bytes,
};

struct block_digest {
    unsigned char bytes[block_digest_bytes];
};

struct block_digests {
    const struct block_digest *items;
    size_t count;
};

extern const struct block_digest block_of_image, block_of_zeros;

struct block_key {
    unsigned char bytes[block_key_bytes];
};

bool block_digest_equal(const struct block_digest *left, const struct block_digest *right);

/* As hex digits, and back: -EINVAL: it is none. */
enum { block_digest_text_size = 2 * block_digest_bytes + 1 };
void block_digest_say(const struct block_digest *digest, char out[block_digest_text_size]);
int block_digest_read(const char *text, struct block_digest *out);

/* Does it name a block that somebody has to keep? */
bool block_digest_is_kept(const struct block_digest *digest);

/* The digest of a block; block_of_zeros where all is zero. */
void block_hash(const struct block_key *key, const void *bytes, size_t length,
                struct block_digest *out);

struct block_page {
    struct block_digest blocks[page_blocks];
};

/* Is all of it as in the image? */
bool block_page_is_image(const struct block_page *page);

/* A tree in memory. A page that is NULL is the image's from end to end. */
struct tree {
    uint64_t disk_bytes;
    struct block_digest image; /* SHA-256 of the archive that the disk is made from */
    struct block_page **pages;
    size_t pages_count;
};

/* All as in the image. -EFBIG with `err`: no tree is so large. */
int tree_init(struct tree *tree, uint64_t disk_bytes, const struct block_digest *image,
              struct error *err);
void tree_deinit(struct tree *tree);

size_t tree_blocks(const struct tree *tree); /* of the disk; the last one may be short */
const struct block_digest *tree_get(const struct tree *tree, size_t block);
void tree_set(struct tree *tree, size_t block, const struct block_digest *digest);

/* The root's bytes; their digest is the tree's name. */
void tree_root(const struct tree *tree, const struct block_key *key, struct text *out);

/* What a root says, by whomever it was made. */
struct root {
    uint64_t disk_bytes;
    struct block_digest image;
    const struct block_digest *pages; /* in the bytes that were read; block_of_image: as there */
    size_t pages_count;
};

/* -EINVAL with `err`, and *out empty: these bytes are no root. */
int root_read(const void *bytes, size_t length, struct root *out, struct error *err);

/* -EINVAL: these bytes are no page. */
int page_read(const void *bytes, size_t length, struct block_page *out, struct error *err);
