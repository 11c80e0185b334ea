/* How pages and roots look as bytes, and which bytes are none. */
#include "io/blocks/tree.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "io/keys/secret.h"

const struct block_digest block_of_image = {{0}};
const struct block_digest block_of_zeros = {{[block_digest_bytes - 1] = 1}};

static const char mark[] = "isthcpy1";

bool block_digest_equal(const struct block_digest *left, const struct block_digest *right) {
    return memcmp(left, right, sizeof(*left)) == 0;
}

static const char digits[] = "0123456789abcdef";

void block_digest_say(const struct block_digest *digest, char out[block_digest_text_size]) {
    for (size_t i = 0; i < block_digest_bytes; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    out[block_digest_text_size - 1] = 0;
}

int block_digest_read(const char *text, struct block_digest *out) {
    if (strlen(text) != block_digest_text_size - 1 ||
        strspn(text, digits) != block_digest_text_size - 1)
        return -EINVAL;
    for (size_t i = 0; i < block_digest_bytes; i++)
        out->bytes[i] = (unsigned char)((strchr(digits, text[2 * i]) - digits) << 4 |
                                        (strchr(digits, text[2 * i + 1]) - digits));
    return 0;
}

bool block_digest_is_kept(const struct block_digest *digest) {
    return !block_digest_equal(digest, &block_of_image) &&
           !block_digest_equal(digest, &block_of_zeros);
}

static bool is_zeros(const unsigned char *bytes, size_t length) {
    return !length || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

void block_hash(const struct block_key *key, const void *bytes, size_t length,
                struct block_digest *out) {
    if (is_zeros(bytes, length))
        *out = block_of_zeros;
    else
        secret_keyed_hash(key->bytes, bytes, length, out->bytes);
}

bool block_page_is_image(const struct block_page *page) {
    return is_zeros((const unsigned char *)page, sizeof(*page));
}

static const uint64_t disk_bytes_most = (uint64_t)tree_pages_most * page_blocks * block_bytes;

static size_t pages_of(uint64_t disk_bytes) {
    const uint64_t bytes = (uint64_t)block_bytes * page_blocks;
    return (size_t)((disk_bytes + bytes - 1) / bytes);
}

int tree_init(struct tree *tree, uint64_t disk_bytes, const struct block_digest *image,
              struct error *err) {
    *tree = (struct tree){0};
    if (!disk_bytes || disk_bytes > disk_bytes_most)
        return error_set(err, -EFBIG, "a disk of %" PRIu64 " bytes cannot be copied: the most is "
                         "1 TiB", disk_bytes);
    tree->disk_bytes = disk_bytes;
    tree->image = *image;
    tree->pages_count = pages_of(disk_bytes);
    tree->pages = memory_new(tree->pages_count, sizeof(struct block_page *));
    return 0;
}

void tree_deinit(struct tree *tree) {
    for (size_t i = 0; i < tree->pages_count; i++)
        memory_free(tree->pages[i]);
    memory_free(tree->pages);
    *tree = (struct tree){0};
}

size_t tree_blocks(const struct tree *tree) {
    return (size_t)((tree->disk_bytes + block_bytes - 1) / block_bytes);
}

const struct block_digest *tree_get(const struct tree *tree, size_t block) {
    assert(block < tree_blocks(tree));
    const struct block_page *page = tree->pages[block / page_blocks];
    return page ? &page->blocks[block % page_blocks] : &block_of_image;
}

void tree_set(struct tree *tree, size_t block, const struct block_digest *digest) {
    assert(block < tree_blocks(tree));
    struct block_page **page = &tree->pages[block / page_blocks];
    if (!*page && block_digest_equal(digest, &block_of_image))
        return;
    if (!*page)
        *page = memory_new(1, sizeof(**page));
    (*page)->blocks[block % page_blocks] = *digest;
}

void tree_root(const struct tree *tree, const struct block_key *key, struct text *out) {
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(tree->disk_bytes >> (8 * (sizeof(bytes) - 1 - i)));
    text_add_bytes(out, mark, sizeof(mark) - 1);
    text_add_bytes(out, (const char *)bytes, sizeof(bytes));
    text_add_bytes(out, (const char *)tree->image.bytes, sizeof(tree->image));
    for (size_t i = 0; i < tree->pages_count; i++) {
        struct block_digest digest = block_of_image;
        if (tree->pages[i] && !block_page_is_image(tree->pages[i]))
            block_hash(key, tree->pages[i], page_bytes, &digest);
        text_add_bytes(out, (const char *)digest.bytes, sizeof(digest));
    }
}

static int no_root(struct root *out, struct error *err, const char *why) {
    *out = (struct root){0};
    return error_set(err, -EINVAL, "this is no root: %s", why);
}

int root_read(const void *bytes, size_t length, struct root *out, struct error *err) {
    const unsigned char *at = bytes;
    *out = (struct root){0};
    if (length < root_head_bytes || length > root_bytes_most ||
        memcmp(at, mark, sizeof(mark) - 1) != 0)
        return no_root(out, err, "it does not begin as one");
    for (size_t i = 8; i < 16; i++)
        out->disk_bytes = out->disk_bytes << 8 | at[i];
    memcpy(&out->image, at + 16, sizeof(out->image));
    out->pages_count = (length - root_head_bytes) / block_digest_bytes;
    out->pages = (const struct block_digest *)(const void *)(at + root_head_bytes);
    if (!out->disk_bytes || out->disk_bytes > disk_bytes_most ||
        pages_of(out->disk_bytes) != out->pages_count ||
        length != root_head_bytes + out->pages_count * block_digest_bytes)
        return no_root(out, err, "its length is not that of its disk's");
    for (size_t i = 0; i < out->pages_count; i++)
        if (block_digest_equal(&out->pages[i], &block_of_zeros))
            return no_root(out, err, "it names what is no page");
    return 0;
}

int page_read(const void *bytes, size_t length, struct block_page *out, struct error *err) {
    if (length != page_bytes)
        return error_set(err, -EINVAL, "a page of %zu bytes", length);
    memcpy(out, bytes, page_bytes);
    return 0;
}
