/* One call of HTTP for each of the face's paths, and what its status means. */
#include "io/blocks/repository.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/http/client.h"
#include "io/os/folder.h"

enum { idle_seconds = 120 }; /* a root is looked through before it is answered */

static int judge(const struct http_exchange *exchange, struct error *err) {
    switch (exchange->status) {
    case 200: return 0;
    case 404: return REPOSITORY_LACKING;
    case 401: return REPOSITORY_REFUSED;
    case 507: return REPOSITORY_FULL;
    default:
        return error_set(err, -EPROTO, "%s %s: answered with %ld", exchange->method,
                         exchange->url, exchange->status);
    }
}

/* A body in memory, as a file. */
static int body_of(const void *bytes, size_t length, struct error *err) {
    int fd = memfd_create("isthmus-copy", MFD_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "make a file in memory: %s", strerror(errno));
    int failed = file_write(fd, bytes, length, "a file in memory", err);
    if (!failed && lseek(fd, 0, SEEK_SET) < 0)
        failed = error_set(err, -errno, "read a file in memory: %s", strerror(errno));
    if (failed)
        (void)close(fd);
    return failed ? failed : fd;
}

struct call {
    const char *method, *path;
    const void *bytes; /* NULL: no body */
    size_t length;
};

static int send_call(const struct blocks_repository *repository, const struct call *call,
                     struct text *out, struct error *err) {
    auto_clean(text_deinit) struct text url = {0};
    auto_clean(fd_clean) int body = call->bytes ? body_of(call->bytes, call->length, err) : -1;
    if (call->bytes && body < 0)
        return body;
    text_addf(&url, "%s/%s", repository->url, call->path);
    struct http_exchange exchange = {
        .method = call->method,
        .url = text_data(&url),
        .token = repository->token,
        .ca_file = repository->ca_file,
        .content_type = call->bytes ? "application/octet-stream" : NULL,
        .upload_fd = body,
        .download_fd = -1,
        .idle_seconds = idle_seconds,
        .cancel = repository->cancel,
    };
    int failed = http_call(&exchange, err);
    if (!failed)
        failed = judge(&exchange, err);
    if (!failed && out)
        text_add_bytes(out, text_data(&exchange.answer), exchange.answer.length);
    text_deinit(&exchange.answer);
    return failed;
}

int repository_lack(const struct blocks_repository *repository, const struct block_digests *digests,
                    struct text *out, struct error *err) {
    const struct call call = {"POST", "lack", digests->items,
                              digests->count * block_digest_bytes};
    size_t before = out->length;
    int failed = send_call(repository, &call, out, err);
    if (!failed && (out->length - before) % block_digest_bytes)
        return error_set(err, -EPROTO, "POST %s/lack: answered with no digests", repository->url);
    return failed;
}

int repository_put(const struct blocks_repository *repository, const struct text *batch,
                   struct error *err) {
    const struct call call = {"POST", "blocks", text_data(batch), batch->length};
    return send_call(repository, &call, NULL, err);
}

int repository_put_root(const struct blocks_repository *repository, const struct text *root,
                        struct error *err) {
    const struct call call = {"PUT", "root", text_data(root), root->length};
    return send_call(repository, &call, NULL, err);
}

int repository_get_root(const struct blocks_repository *repository,
                        const struct block_digest *digest, struct text *out, struct error *err) {
    char path[sizeof("root/") + block_digest_text_size] = "root/";
    block_digest_say(digest, path + strlen(path));
    return send_call(repository, &(struct call){"GET", path, NULL, 0}, out, err);
}

int repository_fetch(const struct blocks_repository *repository,
                     const struct block_digests *digests, struct text *out,
                     struct error *err) {
    const struct call call = {"POST", "fetch", digests->items,
                              digests->count * block_digest_bytes};
    return send_call(repository, &call, out, err);
}
