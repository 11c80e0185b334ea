/* A map by VM id under one lock. What is asked for leaves as a copy, so that nobody holds the
 * lock while working. */
#include "io/host/known.h"

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

struct known {
    struct list node;
    struct host_domain_mark mark;
};

struct host_known {
    pthread_mutex_t lock; /* guards all below */
    struct map map;
    struct list all;
};

struct host_known *host_known_new(void) {
    struct host_known *known = memory_new(1, sizeof(*known));
    pthread_mutex_init(&known->lock, NULL);
    map_init(&known->map, (uint64_t)(uintptr_t)known);
    list_init(&known->all);
    return known;
}

void host_known_free(struct host_known *known) {
    if (!known)
        return;
    struct list *node, *following;
    list_each(node, following, &known->all)
        memory_free(container_of(node, struct known, node));
    map_deinit(&known->map);
    pthread_mutex_destroy(&known->lock);
    memory_free(known);
}

void host_known_put(struct host_known *known, const struct host_domain_mark *mark) {
    pthread_mutex_lock(&known->lock);
    struct known *one = map_get(&known->map, mark->vm);
    if (one) {
        one->mark.epoch = mark->epoch;
    } else {
        one = memory_new(1, sizeof(*one));
        one->mark = *mark;
        map_put(&known->map, one->mark.vm, one);
        list_add(&known->all, &one->node);
    }
    pthread_mutex_unlock(&known->lock);
}

void host_known_forget(struct host_known *known, const char *vm) {
    pthread_mutex_lock(&known->lock);
    struct known *one = map_remove(&known->map, vm);
    if (one) {
        list_remove(&one->node);
        memory_free(one);
    }
    pthread_mutex_unlock(&known->lock);
}

bool host_known_get(struct host_known *known, const char *vm, struct host_domain_mark *out_mark) {
    pthread_mutex_lock(&known->lock);
    const struct known *one = map_get(&known->map, vm);
    if (one)
        *out_mark = one->mark;
    pthread_mutex_unlock(&known->lock);
    return one;
}

struct host_domain_mark *host_known_all(struct host_known *known, size_t *out_count) {
    pthread_mutex_lock(&known->lock);
    struct host_domain_mark *marks = memory_new(known->map.count, sizeof(*marks));
    size_t count = 0;
    struct list *node, *following;
    list_each(node, following, &known->all)
        marks[count++] = container_of(node, struct known, node)->mark;
    pthread_mutex_unlock(&known->lock);
    *out_count = count;
    return marks;
}
