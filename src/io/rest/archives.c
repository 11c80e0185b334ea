/* When an archive's file goes: after the role has said so while uploads stand still, its signatures
 * after it. What a run that was killed left is asked for again when the role starts. */
#include "io/rest/archives.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/os/folder.h"

/* Its files may have to go. */
struct doubted {
    struct list node; /* in rest_archives.doubted */
    char digest[limit_digest_size];
};

struct rest_archives {
    struct rest *rest;
    pthread_t thread;
    struct list doubted; /* guarded by rest->lock, like all below */
    char digest[limit_digest_size]; /* that the role is asked about; "": none */
    bool is_answered;
    enum archive_word word;
};

void rest_archives_hear(struct rest *rest, const struct effect_archive *effect) {
    struct rest_archives *archives = rest->archives;
    pthread_mutex_lock(&rest->lock);
    bool is_asked = text_equal(archives->digest, effect->digest);
    if (effect->word != ARCHIVE_ASK && is_asked) {
        archives->is_answered = true;
        archives->word = effect->word;
    }
    list_for(const struct doubted, it, &archives->doubted, node) {
        is_asked |= text_equal(it->digest, effect->digest);
    }
    if (effect->word == ARCHIVE_ASK && !is_asked) {
        struct doubted *doubted = memory_new(1, sizeof(*doubted));
        text_set(doubted->digest, effect->digest);
        list_add(&archives->doubted, &doubted->node);
    }
    pthread_cond_broadcast(&rest->uploads_changed);
    pthread_mutex_unlock(&rest->lock);
}

static void post(struct rest *rest, const char *digest, bool is_gone) {
    struct event event = {.kind = EVENT_ARCHIVE, .archive = {.is_gone = is_gone}};
    text_set(event.archive.digest, digest);
    shell_post(rest->shell, &event);
}

static int remove_file(const char *path, struct error *err) {
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return error_set(err, -errno, "remove %s: %s", path, strerror(errno));
}

static void remove_archive(struct rest *rest, const char *digest) {
    char path[4096], signatures[4096];
    struct error err;
    text_format(path, sizeof(path), "%s/%s", rest->image_folder, digest);
    text_format(signatures, sizeof(signatures), "%s.minisig", path);
    if (remove_file(path, &err) || remove_file(signatures, &err) ||
        folder_sync(rest->image_folder, &err)) {
        shell_log(rest->shell, LOG_ERROR, "archive-not-removed", "%s", err.text);
        return; /* the role asks again */
    }
    shell_log(rest->shell, LOG_INFO, "archive-removed", "digest=%s", digest);
    post(rest, digest, true);
}

/* It is this thread's turn, as an upload has one. Called and left with rest->lock held. */
static void judge(struct rest_archives *archives, struct doubted *doubted) {
    struct rest *rest = archives->rest;
    rest->publishing = true;
    list_remove(&doubted->node);
    text_set(archives->digest, doubted->digest);
    archives->is_answered = false;
    pthread_mutex_unlock(&rest->lock);
    post(rest, doubted->digest, false);
    pthread_mutex_lock(&rest->lock);
    while (!archives->is_answered && !rest->stopping)
        pthread_cond_wait(&rest->uploads_changed, &rest->lock);
    if (archives->is_answered && archives->word == ARCHIVE_REMOVE) {
        pthread_mutex_unlock(&rest->lock);
        remove_archive(rest, doubted->digest);
        pthread_mutex_lock(&rest->lock);
    }
    archives->digest[0] = 0;
    memory_free(doubted);
    rest->publishing = false;
    pthread_cond_broadcast(&rest->uploads_changed);
}

static void *run(void *argument) {
    struct rest_archives *archives = argument;
    struct rest *rest = archives->rest;
    pthread_mutex_lock(&rest->lock);
    while (!rest->stopping) {
        if (list_is_empty(&archives->doubted) || rest->publishing)
            pthread_cond_wait(&rest->uploads_changed, &rest->lock);
        else
            judge(archives, container_of(archives->doubted.next, struct doubted, node));
    }
    pthread_mutex_unlock(&rest->lock);
    return NULL;
}

int rest_archives_start(struct rest *rest, struct error *err) {
    struct rest_archives *archives = memory_new(1, sizeof(*archives));
    archives->rest = rest;
    list_init(&archives->doubted);
    int fault = pthread_create(&archives->thread, NULL, run, archives);
    if (fault) {
        memory_free(archives);
        return error_set(err, -fault, "start the thread that removes archives: %s",
                         strerror(fault));
    }
    rest->archives = archives;
    return 0;
}

void rest_archives_stop(struct rest *rest) {
    if (!rest->archives)
        return;
    pthread_mutex_lock(&rest->lock);
    rest->stopping = true;
    pthread_cond_broadcast(&rest->uploads_changed);
    pthread_mutex_unlock(&rest->lock);
    pthread_join(rest->archives->thread, NULL);
    list_for(struct doubted, it, &rest->archives->doubted, node) {
        memory_free(it);
    }
    memory_free(take(rest->archives));
}
