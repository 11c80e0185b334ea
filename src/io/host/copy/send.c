/* A window of blocks is read, and what of it lacks at the repository goes there as one batch: so
 * no more than that is in memory, however much was written. */
#include "io/host/copy/send.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

enum { window_blocks = 64 };

struct window {
    struct block_digest digests[window_blocks];
    unsigned char bytes[window_blocks][block_bytes];
    size_t lengths[window_blocks];
    size_t count;
};

static bool is_among(const struct block_digest *digest, const struct text *digests) {
    for (size_t at = 0; at < digests->length; at += block_digest_bytes)
        if (memcmp(digests->data + at, digest, block_digest_bytes) == 0)
            return true;
    return false;
}

/* Is it an earlier one of the window, too? */
static bool is_repeated(const struct window *window, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (block_digest_equal(&window->digests[i], &window->digests[index]))
            return true;
    return false;
}

static int flush(struct sending *sending, struct window *window, struct error *err) {
    auto_clean(text_deinit) struct text lacking = {0}, batch = {0};
    const struct block_digests asked = {window->digests, window->count};
    int failed = window->count ? repository_lack(&sending->repository, &asked, &lacking, err) : 0;
    for (size_t i = 0; !failed && i < window->count; i++)
        if (is_among(&window->digests[i], &lacking) && !is_repeated(window, i))
            pack_add(&batch, &window->digests[i], window->bytes[i], window->lengths[i]);
    if (!failed && batch.length)
        failed = repository_put(&sending->repository, &batch, err);
    sending->sent_bytes += failed ? 0 : batch.length + window->count * block_digest_bytes;
    window->count = 0;
    return failed;
}

/* The window has one block more, which name_block() or the caller has put there. */
static int add(struct sending *sending, struct window *window, struct error *err) {
    return ++window->count == window_blocks ? flush(sending, window, err) : 0;
}

/* Reads a block behind those of the window, and names it: block_of_image where the image has just
 * that. */
static int name_block(struct sending *sending, size_t block, struct window *window,
                      struct error *err) {
    unsigned char *bytes = window->bytes[window->count];
    size_t length = window->lengths[window->count] = nbd_disk_length(sending->disk, block);
    struct block_digest *digest = &window->digests[window->count];
    int failed = nbd_disk_read(sending->disk, block, bytes, err);
    if (failed)
        return failed;
    block_hash(&sending->key, bytes, length, digest);
    if (!sending->image)
        return 0;
    auto_clean(memory_clean) unsigned char *image = memory_new(1, block_bytes);
    failed = nbd_disk_read(sending->image, block, image, err);
    if (!failed && memcmp(image, bytes, block_bytes) == 0)
        *digest = block_of_image;
    return failed;
}

int sending_blocks(struct sending *sending, const bool *marks, struct error *err) {
    auto_clean(memory_clean) struct window *window = memory_new(1, sizeof(*window));
    int failed = 0;
    for (size_t block = 0; !failed && block < tree_blocks(sending->tree); block++) {
        if (!marks[block])
            continue;
        failed = name_block(sending, block, window, err);
        if (failed)
            break;
        const struct block_digest *digest = &window->digests[window->count];
        tree_set(sending->tree, block, digest);
        if (block_digest_is_kept(digest))
            failed = add(sending, window, err);
    }
    return failed ? failed : flush(sending, window, err);
}

int sending_lacking(struct sending *sending, struct error *err) {
    auto_clean(memory_clean) struct window *window = memory_new(1, sizeof(*window));
    struct nbd_disk *image = sending->image;
    int failed = 0;
    sending->image = NULL; /* what is named is named */
    for (size_t block = 0; !failed && block < tree_blocks(sending->tree); block++) {
        const struct block_digest *wanted = tree_get(sending->tree, block);
        if (!block_digest_is_kept(wanted))
            continue;
        failed = name_block(sending, block, window, err);
        if (!failed && !block_digest_equal(&window->digests[window->count], wanted))
            failed = REPOSITORY_LACKING;
        if (!failed)
            failed = add(sending, window, err);
    }
    sending->image = image;
    return failed ? failed : flush(sending, window, err);
}

int sending_root(struct sending *sending, struct error *err) {
    auto_clean(memory_clean) struct window *window = memory_new(1, sizeof(*window));
    auto_clean(text_deinit) struct text root = {0};
    int failed = 0;
    for (size_t i = 0; !failed && i < sending->tree->pages_count; i++) {
        const struct block_page *page = sending->tree->pages[i];
        if (!page || block_page_is_image(page))
            continue;
        block_hash(&sending->key, page, page_bytes, &window->digests[window->count]);
        memcpy(window->bytes[window->count], page, page_bytes);
        window->lengths[window->count] = page_bytes;
        failed = add(sending, window, err);
    }
    if (!failed)
        failed = flush(sending, window, err);
    tree_root(sending->tree, &sending->key, &root);
    sending->sent_bytes += root.length;
    return failed ? failed : repository_put_root(&sending->repository, &root, err);
}
