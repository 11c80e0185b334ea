/* In which order images go, and until when. */
#include "io/image/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { look_ms = 2 };

struct shelved {
    char digest[limit_digest_size];
    struct timespec used;
    uint64_t bytes;
};

void shelf_init(struct shelf *shelf) {
    pthread_mutex_init(&shelf->one, NULL);
    pthread_mutex_init(&shelf->lock, NULL);
}

void shelf_deinit(struct shelf *shelf) {
    pthread_mutex_destroy(&shelf->one);
    pthread_mutex_destroy(&shelf->lock);
}

void shelf_use(const struct shelf *shelf, const char *digest) {
    char path[4096];
    text_format(path, sizeof(path), "%s/%s", shelf->folder, digest);
    if (utimensat(AT_FDCWD, path, NULL, 0) < 0)
        shell_log(shelf->shell, LOG_WARNING, "image-use-not-noted", "digest=%s why=\"%s\"", digest,
                  strerror(errno));
}

static bool is_digest(const char *name) {
    return strlen(name) == limit_digest_size - 1 &&
           strspn(name, "0123456789abcdef") == limit_digest_size - 1;
}

static int compare_used(const void *one, const void *other) {
    const struct timespec *a = &((const struct shelved *)one)->used;
    const struct timespec *b = &((const struct shelved *)other)->used;
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

/* All of them, what was used longest ago first; the caller frees the list. */
static struct shelved *look(const struct shelf *shelf, size_t *out_count, uint64_t *out_bytes) {
    struct shelved *list = NULL;
    size_t count = 0;
    DIR *stream = opendir(shelf->folder);
    struct dirent *entry;
    *out_bytes = 0;
    while (stream && (entry = readdir(stream))) {
        struct stat facts;
        if (!is_digest(entry->d_name) ||
            fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (!(count & (count - 1))) /* grows by doubling */
            list = memory_resize(list, (count ? count * 2 : 1) * sizeof(*list));
        struct shelved *one = &list[count++];
        text_format(one->digest, sizeof(one->digest), "%.64s", entry->d_name);
        one->used = facts.st_mtim;
        one->bytes = shelf->calls.bytes(shelf->calls.context, one->digest);
        *out_bytes += one->bytes;
    }
    if (stream)
        closedir(stream);
    if (count)
        qsort(list, count, sizeof(*list), compare_used);
    *out_count = count;
    return list;
}

uint64_t shelf_bytes(const struct shelf *shelf) {
    size_t count;
    uint64_t bytes;
    memory_free(look(shelf, &count, &bytes));
    return bytes;
}

void shelf_tell(struct shelf *shelf) {
    size_t count;
    uint64_t bytes;
    struct shelved *list = look(shelf, &count, &bytes);
    for (size_t i = 0; i < count; i++) {
        struct event event = {.kind = EVENT_IMAGE, .image.link = shelf->link};
        text_set(event.image.digest, list[i].digest);
        if (list[i].bytes)
            shell_put(shelf->shell, &event);
    }
    memory_free(list);
}

static void ask(struct shelf *shelf, const char *digest) {
    struct event event = {.kind = EVENT_ARCHIVE, .archive = {.link = shelf->link}};
    text_set(event.archive.digest, digest);
    pthread_mutex_lock(&shelf->lock);
    text_set(shelf->digest, digest);
    shelf->answer = SHELF_ASKED;
    pthread_mutex_unlock(&shelf->lock);
    shell_post(shelf->shell, &event);
}

/* SHELF_ASKED while there is none; that a daemon ends is none. */
static enum shelf_word answer_of(struct shelf *shelf) {
    pthread_mutex_lock(&shelf->lock);
    enum shelf_word answer = shelf->answer;
    if (atomic_load(shelf->closing) && answer == SHELF_ASKED)
        answer = shelf->answer = SHELF_KEPT;
    if (answer != SHELF_ASKED)
        shelf->digest[0] = 0; /* what comes later is heard by nobody */
    pthread_mutex_unlock(&shelf->lock);
    return answer;
}

static bool evict(struct shelf *shelf, const struct shelved *image) {
    const struct shelf_calls *calls = &shelf->calls;
    if (atomic_load(shelf->closing) || calls->stands(calls->context, image->digest))
        return false;
    ask(shelf, image->digest);
    enum shelf_word answer;
    while ((answer = answer_of(shelf)) == SHELF_ASKED)
        (void)poll(NULL, 0, look_ms);
    if (answer != SHELF_HIDDEN)
        return false;
    calls->remove(calls->context, image->digest);
    shell_log(shelf->shell, LOG_INFO, "image-evicted", "digest=%s bytes=%llu", image->digest,
              (unsigned long long)image->bytes);
    return true;
}

void shelf_trim(struct shelf *shelf) {
    if (!shelf->most_bytes)
        return;
    size_t count;
    uint64_t bytes;
    pthread_mutex_lock(&shelf->one);
    struct shelved *list = look(shelf, &count, &bytes);
    for (size_t i = 0; i < count && bytes > shelf->most_bytes; i++)
        if (evict(shelf, &list[i]))
            bytes -= list[i].bytes;
    pthread_mutex_unlock(&shelf->one);
    memory_free(list);
}

bool shelf_drop(struct shelf *shelf) {
    size_t count;
    uint64_t bytes;
    bool is_dropped = false;
    pthread_mutex_lock(&shelf->one);
    struct shelved *list = look(shelf, &count, &bytes);
    for (size_t i = 0; i < count && !is_dropped; i++)
        is_dropped = evict(shelf, &list[i]);
    pthread_mutex_unlock(&shelf->one);
    memory_free(list);
    return is_dropped;
}

void shelf_answer(struct shelf *shelf, const struct effect_archive *effect) {
    pthread_mutex_lock(&shelf->lock);
    if (shelf->answer == SHELF_ASKED && text_equal(shelf->digest, effect->digest))
        shelf->answer = effect->word == ARCHIVE_REMOVE &&
                                shelf->calls.hide(shelf->calls.context, effect->digest)
                            ? SHELF_HIDDEN
                            : SHELF_KEPT;
    pthread_mutex_unlock(&shelf->lock);
}
