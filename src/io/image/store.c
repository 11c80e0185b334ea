/* One download, patient with a server that restarts and checked by its digest; and the fetcher,
 * which asks for an image once however many wait for it. */
#include "io/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/http/client.h"
#include "io/image/archive.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "io/os/pool.h"
#include "message/limits.h"

enum {
    fetch_workers = 2,
    token_bytes = 256,
    path_bytes = 4096,
    first_pause_ms = 250, /* doubled each time: eight seconds in all, in which a daemon restarts */
    last_pause_ms = 4000,
    pause_slice_ms = 100,
};

/* --- one download --- */

/* Read anew for each download, so that a token can be replaced while the daemon runs. */
static int read_token(const char *path, char token[token_bytes], struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, token, token_bytes - 1);
    if (length < 0)
        return error_set(err, -errno, "read the token %s: %s", path, strerror(errno));
    token[length] = 0;
    token[strcspn(token, " \t\r\n")] = 0;
    return token[0] ? 0 : error_set(err, -EINVAL, "the token file %s is empty", path);
}

static void exchange_clean(struct http_exchange *exchange) {
    text_deinit(&exchange->answer);
    fd_clean(&exchange->download_fd);
}

static int download(const struct image_fetcher_settings *from, const char *digest,
                    const char *part, struct error *err) {
    char token[token_bytes];
    int failed = from->token_file ? read_token(from->token_file, token, err) : 0;
    if (failed)
        return failed;
    char url[2048];
    text_format(url, sizeof(url), "%s/%s", from->url, digest);
    auto_clean(exchange_clean) struct http_exchange exchange = {
        .url = url,
        .token = from->token_file ? token : NULL,
        .ca_file = from->ca_file,
        .upload_fd = -1,
        .download_fd = open(part, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644),
        .cancel = from->cancel,
    };
    if (exchange.download_fd < 0)
        return error_set(err, -errno, "make %s: %s", part, strerror(errno));
    failed = http_call(&exchange, err);
    if (failed)
        return failed;
    if (exchange.status != 200)
        return error_set(err, exchange.status == 503 ? -EAGAIN : -EREMOTEIO,
                         "GET %s: the server answered %ld; check the address, the token and that "
                         "the image is there",
                         url, exchange.status);
    return 0;
}

/* False: cancelled. */
static bool pause_for(const struct image_fetcher_settings *from, int milliseconds) {
    for (int waited = 0; waited < milliseconds; waited += pause_slice_ms) {
        if (from->cancel && atomic_load(from->cancel))
            return false;
        (void)poll(NULL, 0, pause_slice_ms);
    }
    return true;
}

/* A server that is away for a moment, because it restarts, is not the end of an operation. */
static int download_patiently(const struct image_fetcher_settings *from, const char *digest,
                              const char *part, struct error *err) {
    int fault = download(from, digest, part, err);
    for (int pause_ms = first_pause_ms;
         (fault == -ECONNREFUSED || fault == -ECONNRESET || fault == -EAGAIN) &&
         pause_ms <= last_pause_ms;
         pause_ms *= 2) {
        if (!pause_for(from, pause_ms))
            return error_set(err, -ECANCELED, "fetch image %s: the daemon stops", digest);
        fault = download(from, digest, part, err);
    }
    return fault;
}

int image_download(const struct image_fetcher_settings *from, const char *digest,
                   const char *path, struct error *err) {
    char part[4096], found[limit_digest_size];
    text_format(part, sizeof(part), "%s.part", path);
    int fault = download_patiently(from, digest, part, err);
    if (!fault)
        fault = secret_hash_file(part, found, err);
    if (!fault && !text_equal(found, digest))
        fault = error_set(err, IMAGE_WRONG_DIGEST,
                          "%s/%s has digest %s: it was changed or damaged on its way", from->url,
                          digest, found);
    if (!fault)
        fault = folder_commit(part, path, err);
    if (fault)
        (void)unlink(part);
    return fault;
}

/* --- the repository's fetcher --- */

struct image_fetcher {
    struct image_fetcher_settings settings; /* its strings are ours */
    struct shell *shell;
    struct pool *pool;
    atomic_bool cancelled;
};

static bool is_here(const struct image_fetcher *fetcher, const char *digest,
                    char out_path[path_bytes]) {
    text_format(out_path, path_bytes, "%s/%s", fetcher->settings.folder, digest);
    return access(out_path, R_OK) == 0;
}

static enum code fetch(struct image_fetcher *fetcher, const char *digest) {
    char path[path_bytes];
    if (is_here(fetcher, digest, path))
        return CODE_OK;
    struct error err = {0};
    int fault = image_download(&fetcher->settings, digest, path, &err);
    if (!fault)
        return CODE_OK;
    char why[1024];
    shell_log(fetcher->shell, LOG_WARNING, "image-not-fetched", "digest=%s why=%s", digest,
              log_quote(err.text, why, sizeof(why)));
    return fault == IMAGE_WRONG_DIGEST ? CODE_IMAGE_BROKEN : CODE_IMAGE_UNAVAILABLE;
}

static void post(struct shell *shell, const char *digest, enum code code) {
    struct event event = {.kind = EVENT_IMAGE, .image = {.code = code}};
    text_set(event.image.digest, digest);
    shell_put(shell, &event);
}

/* All in the batch want the same image: one download answers them. */
static void on_batch(void *context, struct list *batch) {
    struct image_fetcher *fetcher = context;
    struct work *work = container_of(batch->next, struct work, node);
    post(fetcher->shell, work->lane, fetch(fetcher, work->lane));
    shell_serve(fetcher->shell);
    struct list *node, *following;
    list_each(node, following, batch)
        memory_free(container_of(node, struct work, node));
}

static void drop_work(struct work *work) { memory_free(work); }

struct image_fetcher *image_fetcher_new(const struct image_fetcher_settings *settings,
                                        struct shell *shell, struct error *err) {
    if (folder_make(settings->folder, 0755, err))
        return NULL;
    struct image_fetcher *fetcher = memory_new(1, sizeof(*fetcher));
    fetcher->settings = (struct image_fetcher_settings){
        .folder = memory_text(settings->folder),
        .url = memory_text(settings->url),
        .ca_file = memory_text(settings->ca_file),
        .token_file = memory_text(settings->token_file),
        .cancel = &fetcher->cancelled,
    };
    fetcher->shell = shell;
    fetcher->pool = pool_new(fetch_workers, limit_images, on_batch, fetcher, err);
    if (fetcher->pool)
        return fetcher;
    image_fetcher_free(fetcher);
    return NULL;
}

void image_fetcher_get(struct image_fetcher *fetcher, const char *digest) {
    char path[path_bytes];
    if (is_here(fetcher, digest, path)) { /* no worker is woken for a look */
        post(fetcher->shell, digest, CODE_OK);
        return;
    }
    struct work *work = memory_new(1, sizeof(*work));
    text_set(work->lane, digest);
    if (pool_add(fetcher->pool, work) == POOL_ADDED)
        return;
    post(fetcher->shell, digest, CODE_IMAGE_UNAVAILABLE);
    memory_free(work);
}

void image_fetcher_free(struct image_fetcher *fetcher) {
    if (!fetcher)
        return;
    atomic_store(&fetcher->cancelled, true);
    pool_free(fetcher->pool, drop_work);
    memory_clean(&fetcher->settings.folder);
    memory_clean(&fetcher->settings.url);
    memory_clean(&fetcher->settings.ca_file);
    memory_clean(&fetcher->settings.token_file);
    memory_free(fetcher);
}
