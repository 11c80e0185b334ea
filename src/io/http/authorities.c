/* A short list under a lock: a manager's peers share one authority, or a few. */
#include "io/http/authorities.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "io/keys/secret.h"
#include "message/limits.h"

struct authority {
    char digest[limit_digest_size];
    char *text;
};

struct authorities {
    pthread_mutex_t lock;
    struct authority *items;
    size_t count;
};

static void clear(struct authorities *authorities) {
    for (size_t i = 0; i < authorities->count; i++)
        memory_free(authorities->items[i].text);
    memory_free(authorities->items);
    authorities->items = NULL;
    authorities->count = 0;
}

struct authorities *authorities_new(void) {
    struct authorities *authorities = memory_new(1, sizeof(*authorities));
    pthread_mutex_init(&authorities->lock, NULL);
    return authorities;
}

void authorities_free(struct authorities *authorities) {
    if (!authorities)
        return;
    clear(authorities);
    pthread_mutex_destroy(&authorities->lock);
    memory_free(authorities);
}

static const struct authority *find(const struct authorities *authorities, const char *digest) {
    for (size_t i = 0; i < authorities->count; i++)
        if (text_equal(authorities->items[i].digest, digest))
            return &authorities->items[i];
    return NULL;
}

static void add(struct authorities *authorities, const char *text) {
    struct authority *item = &authorities->items[authorities->count];
    secret_hash_bytes(text, strlen(text), item->digest);
    if (find(authorities, item->digest))
        return;
    item->text = memory_text(text);
    authorities->count++;
}

void authorities_set(struct authorities *authorities, const char *const *texts, size_t count) {
    pthread_mutex_lock(&authorities->lock);
    clear(authorities);
    authorities->items = memory_new(count ? count : 1, sizeof(*authorities->items));
    for (size_t i = 0; i < count; i++)
        add(authorities, texts[i]);
    pthread_mutex_unlock(&authorities->lock);
}

bool authorities_answer(struct authorities *authorities, struct http_request *request) {
    static const char prefix[] = "/v1/blobs/";
    if (!authorities || !text_equal(request->method, "GET") ||
        !text_starts(request->path, prefix))
        return false;
    pthread_mutex_lock(&authorities->lock);
    const struct authority *found = find(authorities, request->path + sizeof(prefix) - 1);
    if (found) {
        answer_begin(&request->answer, 200, "application/x-pem-file");
        text_add(&request->answer.body, found->text);
    }
    pthread_mutex_unlock(&authorities->lock);
    return found;
}
