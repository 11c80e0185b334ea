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
        .most_bytes = from->most_bytes,
        .reserve_bytes = from->reserve_bytes,
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
    char *own; /* folder of the grants, and of downloads under way */
    struct shell *shell;
    struct pool *pool;
    atomic_bool cancelled;
};

/* The archive, and the mark that this very source has delivered it. */
struct image_paths {
    char archive[path_bytes], grant[path_bytes];
};

static struct image_paths paths_of(const struct image_fetcher *fetcher, const char *digest) {
    struct image_paths paths;
    text_format(paths.archive, path_bytes, "%s/%s", fetcher->settings.folder, digest);
    text_format(paths.grant, path_bytes, "%s/%s", fetcher->own, digest);
    return paths;
}

static bool is_here(const struct image_fetcher *fetcher, const char *digest) {
    struct image_paths paths = paths_of(fetcher, digest);
    return access(paths.grant, F_OK) == 0 && access(paths.archive, R_OK) == 0;
}

/* The whole archive comes from this source, whoever has brought it before: so neither by the time
 * that it takes nor by the traffic can a manager above tell whether another uses the image. */
static int fetch(struct image_fetcher *fetcher, const char *digest, struct error *err) {
    struct image_paths paths = paths_of(fetcher, digest);
    if (is_here(fetcher, digest))
        return 0;
    char coming[path_bytes];
    text_format(coming, sizeof(coming), "%s/%s.archive", fetcher->own, digest);
    int fault = image_download(&fetcher->settings, digest, coming, err);
    if (!fault)
        fault = folder_commit(coming, paths.archive, err);
    if (fault)
        return fault;
    auto_clean(fd_clean) int grant = open(paths.grant, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return grant < 0 ? error_set(err, -errno, "make %s: %s", paths.grant, strerror(errno)) : 0;
}

static enum code code_of(int fault) {
    if (fault == -ENOSPC || fault == -EDQUOT)
        return CODE_NO_CAPACITY;
    return fault == IMAGE_WRONG_DIGEST ? CODE_IMAGE_BROKEN : CODE_IMAGE_UNAVAILABLE;
}

static void post(struct image_fetcher *fetcher, const char *digest, int fault,
                 const struct error *err) {
    struct event event = {.kind = EVENT_IMAGE, .image = {.link = fetcher->settings.link}};
    text_set(event.image.digest, digest);
    if (fault) {
        char why[1024];
        event.image.code = code_of(fault);
        text_format(event.image.why, sizeof(event.image.why), "%s", err->text);
        text_make_plain(event.image.why);
        shell_log(fetcher->shell, LOG_WARNING, "image-not-fetched", "digest=%s why=%s", digest,
                  log_quote(err->text, why, sizeof(why)));
    }
    shell_put(fetcher->shell, &event);
}

/* All in the batch want the same image: one download answers them. */
static void on_batch(void *context, struct list *batch) {
    struct image_fetcher *fetcher = context;
    struct work *work = container_of(batch->next, struct work, node);
    struct error err = {0};
    int fault = fetch(fetcher, work->lane, &err);
    post(fetcher, work->lane, fault, &err);
    struct list *node, *following;
    list_each(node, following, batch)
        memory_free(container_of(node, struct work, node));
}

static void on_rest(void *context) {
    const struct image_fetcher *fetcher = context;
    shell_serve(fetcher->shell);
}

static void drop_work(struct work *work) { memory_free(work); }

struct image_fetcher *image_fetcher_new(const struct image_fetcher_settings *settings,
                                        struct shell *shell, struct error *err) {
    struct text own = {0};
    text_addf(&own, "%s/of-%s", settings->folder, settings->source);
    if (folder_make(text_data(&own), 0700, err) || folder_sweep(text_data(&own), err)) {
        text_deinit(&own);
        return NULL;
    }
    struct image_fetcher *fetcher = memory_new(1, sizeof(*fetcher));
    fetcher->own = own.data;
    fetcher->settings = (struct image_fetcher_settings){
        .folder = memory_text(settings->folder),
        .url = memory_text(settings->url),
        .ca_file = memory_text(settings->ca_file),
        .token_file = memory_text(settings->token_file),
        .source = memory_text(settings->source),
        .link = settings->link,
        .most_bytes = settings->most_bytes,
        .reserve_bytes = settings->reserve_bytes,
        .cancel = &fetcher->cancelled,
    };
    fetcher->shell = shell;
    const struct pool_calls calls = {on_batch, on_rest, fetcher};
    fetcher->pool = pool_new(fetch_workers, limit_images, &calls, err);
    if (fetcher->pool)
        return fetcher;
    image_fetcher_free(fetcher);
    return NULL;
}

void image_fetcher_get(struct image_fetcher *fetcher, const char *digest) {
    if (is_here(fetcher, digest)) { /* no worker is woken for a look */
        post(fetcher, digest, 0, NULL);
        return;
    }
    struct work *work = memory_new(1, sizeof(*work));
    text_set(work->lane, digest);
    if (pool_add(fetcher->pool, work) == POOL_ADDED)
        return;
    struct error err;
    int fault = error_set(&err, -EAGAIN, "fetch image %s: too many are waited for", digest);
    post(fetcher, digest, fault, &err);
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
    memory_clean(&fetcher->settings.source);
    memory_clean(&fetcher->own);
    memory_free(fetcher);
}
