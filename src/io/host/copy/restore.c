/* A disk of a root: each block is looked at before it is written, whoever sends it. */
#include "io/host/copy/restore.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "io/host/copy/nbd.h"
#include "io/host/copy/repository.h"

enum { fetched_at_once = 32 }; /* what a repository answers in one call */

struct restoring {
    struct host_repository repository;
    struct text root_bytes;
    struct root root;
    struct nbd_disk *disk;
    struct block_digest wanted[fetched_at_once];
    size_t blocks[fetched_at_once];
    size_t count;
};

static int lacking(struct error *err) {
    return error_set(err, -EIO, "the repository has not all of this copy");
}

/* Fetches what is wanted and writes each where it belongs. */
static int flush(struct restoring *restoring, struct error *err) {
    auto_clean(text_deinit) struct text batch = {0};
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, block_bytes);
    const struct block_digests asked = {restoring->wanted, restoring->count};
    size_t written = 0, length;
    struct packed packed;
    int failed = restoring->count ? repository_fetch(&restoring->repository.at, &asked, &batch, err)
                                  : 0;
    struct pack_reader reader = {(const unsigned char *)text_data(&batch), batch.length};
    for (size_t i = 0; !failed && i < restoring->count; i++) {
        if (pack_next(&reader, &packed) != PACK_READ ||
            !block_digest_equal(&packed.digest, &restoring->wanted[i]) ||
            pack_prove(&packed, &restoring->repository.key, bytes, &length))
            return lacking(err);
        if (length < nbd_disk_length(restoring->disk, restoring->blocks[i]))
            memset(bytes + length, 0, block_bytes - length);
        failed = nbd_disk_write(restoring->disk, restoring->blocks[i], bytes, err);
        written++;
    }
    if (!failed && written != restoring->count)
        failed = lacking(err);
    restoring->count = 0;
    return failed > 0 ? lacking(err) : failed;
}

static int write_page(struct restoring *restoring, size_t first, const struct block_page *page,
                      struct error *err) {
    int failed = 0;
    for (size_t i = 0; !failed && i < page_blocks; i++) {
        const struct block_digest *digest = &page->blocks[i];
        if (block_digest_equal(digest, &block_of_image) ||
            !nbd_disk_length(restoring->disk, first + i))
            continue;
        if (block_digest_equal(digest, &block_of_zeros)) {
            failed = nbd_disk_write(restoring->disk, first + i, NULL, err);
            continue;
        }
        restoring->wanted[restoring->count] = *digest;
        restoring->blocks[restoring->count++] = first + i;
        if (restoring->count == fetched_at_once)
            failed = flush(restoring, err);
    }
    return failed ? failed : flush(restoring, err);
}

static int fetch_page(struct restoring *restoring, const struct block_digest *digest,
                      struct block_page *out, struct error *err) {
    auto_clean(text_deinit) struct text batch = {0};
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, block_bytes);
    const struct block_digests asked = {digest, 1};
    struct packed packed;
    size_t length;
    int failed = repository_fetch(&restoring->repository.at, &asked, &batch, err);
    if (failed)
        return failed > 0 ? lacking(err) : failed;
    struct pack_reader reader = {(const unsigned char *)text_data(&batch), batch.length};
    if (pack_next(&reader, &packed) != PACK_READ ||
        !block_digest_equal(&packed.digest, digest) ||
        pack_prove(&packed, &restoring->repository.key, bytes, &length))
        return lacking(err);
    return page_read(bytes, length, out, err);
}

static int restore(struct restoring *restoring, struct error *err) {
    const struct root *root = &restoring->root;
    auto_clean(memory_clean) struct block_page *page = memory_new(1, sizeof(*page));
    int failed = 0;
    for (size_t i = 0; !failed && i < root->pages_count; i++) {
        if (!block_digest_is_kept(&root->pages[i]))
            continue;
        failed = fetch_page(restoring, &root->pages[i], page, err);
        if (!failed)
            failed = write_page(restoring, i * page_blocks, page, err);
    }
    return failed ? failed : nbd_disk_flush(restoring->disk, err);
}

/* The root that the job names, and none that somebody would rather have: of the job's image, and
 * for a disk that is no smaller. */
static int fetch_root(struct restoring *restoring, const struct effect_job *job,
                      struct error *err) {
    struct block_digest wanted, is, image;
    struct text *bytes = &restoring->root_bytes;
    if (block_digest_read(job->copy.root, &wanted) ||
        block_digest_read(job->definition.image, &image))
        return error_set(err, -EINVAL, "the order to restore names no copy, or no image");
    int failed = repository_get_root(&restoring->repository.at, &wanted, bytes, err);
    if (failed)
        return failed > 0 ? lacking(err) : failed;
    block_hash(&restoring->repository.key, text_data(bytes), bytes->length, &is);
    if (!block_digest_equal(&is, &wanted))
        return lacking(err);
    failed = root_read(text_data(bytes), bytes->length, &restoring->root, err);
    if (!failed && !block_digest_equal(&restoring->root.image, &image))
        return error_set(err, -EINVAL, "the copy is of a disk of another image");
    if (!failed && restoring->root.disk_bytes > (uint64_t)job->definition.size.disk_gib << 30)
        return error_set(err, -EFBIG, "the copy is of a larger disk");
    return failed;
}

enum code host_restore(struct host *host, const struct effect_job *job, const char *path,
                       struct error *err) {
    auto_clean(memory_clean) struct restoring *restoring = memory_new(1, sizeof(*restoring));
    int failed = host_repository(host, job, &restoring->repository, err);
    if (failed)
        return CODE_HOST_FAILED;
    failed = fetch_root(restoring, job, err);
    const struct nbd_source source = {.path = path, .format = "qcow2", .mode = NBD_WRITES};
    if (!failed)
        restoring->disk = nbd_disk_open(&source, err);
    if (!failed)
        failed = restoring->disk ? restore(restoring, err) : -EIO;
    nbd_disk_close(restoring->disk);
    host_repository_free(&restoring->repository);
    text_deinit(&restoring->root_bytes);
    return failed ? CODE_HOST_FAILED : CODE_OK;
}
