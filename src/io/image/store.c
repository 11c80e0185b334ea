/* The fetcher asks for an image once, however many wait for it, and for each of several uplinks.
 * Grants come and go while the folder is locked, as an archive goes with the last of them. */
#include "io/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/image/archive.h"
#include "io/image/shelf.h"
#include "io/image/signature.h"
#include "io/os/folder.h"
#include "io/os/pool.h"
#include "message/limits.h"

enum { fetch_workers = 2, path_bytes = 4096, most_tries = 3 };

static const char gone[] = ".gone"; /* an archive that is on its way out */

struct image_fetcher {
    struct image_fetcher_settings settings; /* its strings are ours */
    char *own; /* folder of the grants, and of downloads under way */
    struct shell *shell;
    struct pool *pool;
    struct signature_trust trust;
    pthread_mutex_t trusting;
    struct shelf shelf; /* of its grants */
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

/* --- grants --- */

/* Held by whoever grants, or takes a grant away, until it is closed. */
static int lock_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    return fd;
}

/* Has the source of any uplink delivered it? The names of other uplinks' folders are not ours to
 * know: their configuration may have gone. */
static bool is_granted(const char *folder, const char *digest) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    bool is_granted = !stream; /* who cannot look removes nothing */
    while (stream && (entry = readdir(stream))) {
        char grant[path_bytes];
        text_format(grant, sizeof(grant), "%s/%s/%s", folder, entry->d_name, digest);
        is_granted |= text_starts(entry->d_name, "of-") && access(grant, F_OK) == 0;
    }
    if (stream)
        closedir(stream);
    return is_granted;
}

/* 0; -ENOENT: another one took the archive away since it came. */
static int grant(struct image_fetcher *fetcher, const char *digest, struct error *err) {
    struct image_paths paths = paths_of(fetcher, digest);
    auto_clean(fd_clean) int folder = lock_folder(fetcher->settings.folder);
    auto_clean(fd_clean) int fd = open(paths.grant, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (folder < 0 || fd < 0)
        return error_set(err, -EIO, "make %s: %s", paths.grant, strerror(errno));
    if (access(paths.archive, R_OK) == 0)
        return 0;
    (void)unlink(paths.grant);
    return error_set(err, -ENOENT, "find %s: %s", paths.archive, strerror(errno));
}

static bool hide(void *context, const char *digest) {
    const struct image_fetcher *fetcher = context;
    struct image_paths paths = paths_of(fetcher, digest);
    char hidden[path_bytes];
    auto_clean(fd_clean) int folder = lock_folder(fetcher->settings.folder);
    if (folder < 0 || unlink(paths.grant) < 0)
        return false;
    text_format(hidden, sizeof(hidden), "%s%s", paths.archive, gone);
    return is_granted(fetcher->settings.folder, digest) || rename(paths.archive, hidden) == 0 ||
           errno == ENOENT;
}

static void remove_hidden(void *context, const char *digest) {
    char hidden[path_bytes];
    text_format(hidden, sizeof(hidden), "%s%s", paths_of(context, digest).archive, gone);
    (void)unlink(hidden);
}

static uint64_t bytes_of(void *context, const char *digest) {
    struct image_paths paths = paths_of(context, digest);
    struct stat facts;
    return stat(paths.archive, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

/* That an archive is in use is for the role to know. */
static bool stands(void *context, const char *digest) {
    (void)context, (void)digest;
    return false;
}

/* What a run that was killed left between a grant's end and the archive's. */
static int sweep(const char *folder, struct error *err) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    int fault = stream ? 0 : error_set(err, -errno, "read %s: %s", folder, strerror(errno));
    while (stream && (entry = readdir(stream))) {
        char path[path_bytes], digest[limit_digest_size];
        size_t length = strspn(entry->d_name, "0123456789abcdef");
        text_format(digest, sizeof(digest), "%.64s", entry->d_name);
        bool is_archive = length == limit_digest_size - 1 && !entry->d_name[length];
        bool is_hidden = length == limit_digest_size - 1 &&
                         text_equal(entry->d_name + length, gone);
        text_format(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if ((is_hidden || (is_archive && !is_granted(folder, digest))) && unlink(path) < 0)
            fault = error_set(err, -errno, "remove %s: %s", path, strerror(errno));
    }
    if (stream)
        closedir(stream);
    return fault;
}

/* --- downloads --- */

/* What an archive takes that others have, too, counts for each: as if it were alone. */
static bool has_room(void *context, uint64_t bytes) {
    const struct image_fetcher *fetcher = context;
    uint64_t used = shelf_bytes(&fetcher->shelf) + folder_bytes(fetcher->own), /* what comes, too */
             share = fetcher->settings.share_bytes;
    return used <= share && bytes <= share - used;
}

/* The whole archive comes from this source, whoever has brought it before: so neither by the time
 * that it takes nor by the traffic can a manager above tell whether another uses the image. */
static int fetch_once(struct image_fetcher *fetcher, const char *digest, struct error *err) {
    struct image_paths paths = paths_of(fetcher, digest);
    char part[path_bytes];
    text_format(part, sizeof(part), "%s/%s.part", fetcher->own, digest);
    int fault = image_download(&fetcher->settings.from,
                               &(struct image_target){digest, paths.archive, part}, err);
    return fault ? fault : grant(fetcher, digest, err);
}

static bool wants_room(int fault) { return fault == -ENOSPC || fault == -EDQUOT; }

static int fetch(struct image_fetcher *fetcher, const char *digest, struct error *err) {
    int fault = is_here(fetcher, digest) ? 0 : -ENOENT;
    for (int tries = 0; fault == -ENOENT && tries < most_tries; tries++) {
        do
            fault = fetch_once(fetcher, digest, err);
        while (wants_room(fault) && shelf_drop(&fetcher->shelf));
    }
    return fault;
}

static enum code code_of(int fault) {
    if (wants_room(fault))
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
    shelf_trim(&fetcher->shelf);
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
    if (folder_make(text_data(&own), 0700, err) || image_download_sweep(text_data(&own), err) ||
        sweep(settings->folder, err)) {
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
                 .has_room = settings->share_bytes ? has_room : NULL,
                 .context = fetcher,
                 .cancel = &fetcher->cancelled},
        .share_bytes = settings->share_bytes,
        .uplink = memory_text(settings->uplink),
        .link = settings->link,
    };
    fetcher->shell = shell;
    fetcher->shelf = (struct shelf){.calls = {bytes_of, stands, hide, remove_hidden, fetcher},
                                    .shell = shell,
                                    .folder = fetcher->own,
                                    .closing = &fetcher->cancelled,
                                    .link = settings->link,
                                    .most_bytes = settings->most_bytes};
    shelf_init(&fetcher->shelf);
    const struct pool_calls calls = {on_batch, on_rest, fetcher};
    if (begin_trust(fetcher, settings->keys, err) == 0)
        fetcher->pool = pool_new(fetch_workers, limit_images, &calls, err);
    if (fetcher->pool) {
        shelf_tell(&fetcher->shelf);
        return fetcher;
    }
    image_fetcher_free(fetcher);
    return NULL;
}

void image_fetcher_get(struct image_fetcher *fetcher, const char *digest) {
    if (is_here(fetcher, digest)) { /* no worker is woken for a look */
        shelf_use(&fetcher->shelf, digest);
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

void image_fetcher_answer(struct image_fetcher *fetcher, const struct effect_archive *effect) {
    shelf_answer(&fetcher->shelf, effect);
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
    shelf_deinit(&fetcher->shelf);
    memory_free(fetcher);
}
