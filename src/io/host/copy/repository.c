/* A manager's repository has images at …/v1/blobs and copies at …/v1/copies. */
#include "io/host/copy/repository.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

int host_repository(struct host *host, const struct effect_job *job, struct host_repository *out,
                    struct error *err) {
    static const char images[] = "/v1/blobs";
    const char *url = host->files.from.url;
    size_t length = strlen(url), tail = sizeof(images) - 1;
    struct text at = {0};
    struct block_digest key;
    if (length <= tail || !text_equal(url + length - tail, images))
        return error_set(err, -ENOTSUP, "image_url = %s is no repository that takes copies: it "
                         "would end in %s", url, images);
    if (block_digest_read(job->copy.key, &key))
        return error_set(err, -EINVAL, "the order to copy has no key");
    text_add_bytes(&at, url, length - tail);
    text_addf(&at, "/v1/copies/%s", job->vm);
    out->at = (struct blocks_repository){.url = at.data,
                                         .token = job->copy.token,
                                         .ca_file = host->files.from.ca_file,
                                         .cancel = &host->closing};
    memcpy(out->key.bytes, key.bytes, sizeof(out->key));
    return 0;
}

void host_repository_free(struct host_repository *repository) {
    memory_free((void *)(uintptr_t)repository->at.url);
}
