/* The fetcher asks for an image once, however many wait for it, and for each of several uplinks. */
#include "io/image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/image/archive.h"
#include "io/image/signature.h"
#include "io/os/folder.h"
#include "io/os/pool.h"
#include "message/limits.h"

enum { fetch_workers = 2, path_bytes = 4096 };

struct image_fetcher {
    struct image_fetcher_settings settings; /* its strings are ours */
    char *own; /* folder of the grants, and of downloads under way */
    struct shell *shell;
    struct pool *pool;
    struct signature_trust trust;
    pthread_mutex_t trusting;
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
    char part[path_bytes];
    text_format(part, sizeof(part), "%s/%s.part", fetcher->own, digest);
    int fault = image_download(&fetcher->settings.from,
                               &(struct image_target){digest, paths.archive, part}, err);
    if (fault)
        return fault;
    auto_clean(fd_clean) int grant = open(paths.grant, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return grant < 0 ? error_set(err, -errno, "make %s: %s", paths.grant, strerror(errno)) : 0;
}

static enum code code_of(int fault) {
    if (fault == -ENOSPC || fault == -EDQUOT)
        return CODE_NO_CAPACITY;
    return fault == IMAGE_WRONG_DIGEST || fault == -EKEYREJECTED ? CODE_IMAGE_BROKEN
                                                                 : CODE_IMAGE_UNAVAILABLE;
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

/* Whose archives are taken. */
static int begin_trust(struct image_fetcher *fetcher, const char *keys, struct error *err) {
    struct text seen = {0};
    pthread_mutex_init(&fetcher->trusting, NULL);
    if (!keys)
        return 0;
    text_addf(&seen, "%s/sequences", fetcher->own);
    fetcher->trust.seen = seen.data;
    fetcher->trust.lock = &fetcher->trusting;
    fetcher->settings.from.trust = &fetcher->trust;
    return minisign_read_keys(keys, &fetcher->trust.keys, err);
}

struct image_fetcher *image_fetcher_new(const struct image_fetcher_settings *settings,
                                        struct shell *shell, struct error *err) {
    struct text own = {0};
    text_addf(&own, "%s/of-%s", settings->folder, settings->uplink);
    if (folder_make(text_data(&own), 0700, err) || image_download_sweep(text_data(&own), err)) {
        text_deinit(&own);
        return NULL;
    }
    struct image_fetcher *fetcher = memory_new(1, sizeof(*fetcher));
    fetcher->own = own.data;
    fetcher->settings = (struct image_fetcher_settings){
        .folder = memory_text(settings->folder),
        .from = {.url = memory_text(settings->from.url),
                 .ca_file = memory_text(settings->from.ca_file),
                 .token_file = memory_text(settings->from.token_file),
                 .most_bytes = settings->from.most_bytes,
                 .reserve_bytes = settings->from.reserve_bytes,
                 .cancel = &fetcher->cancelled},
        .uplink = memory_text(settings->uplink),
        .link = settings->link,
    };
    fetcher->shell = shell;
    const struct pool_calls calls = {on_batch, on_rest, fetcher};
    if (begin_trust(fetcher, settings->keys, err) == 0)
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
    memory_clean(&fetcher->settings.from.url);
    memory_clean(&fetcher->settings.from.ca_file);
    memory_clean(&fetcher->settings.from.token_file);
    memory_clean(&fetcher->settings.uplink);
    memory_clean(&fetcher->own);
    memory_clean(&fetcher->trust.seen);
    pthread_mutex_destroy(&fetcher->trusting);
    memory_free(fetcher);
}
