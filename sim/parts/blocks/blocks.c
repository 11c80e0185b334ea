/* Who may put what, what is kept, and how long an answer takes. All of it follows from the names,
 * so that no stream of chance is another for it. */
#include "sim/parts/blocks/blocks.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/domain.h"
#include "sim/parts/step.h"
#include "sim/world/node.h"

struct sim_bucket {
    struct list node; /* in sim_node.buckets */
    char vm[limit_id_size];
    char admitted[limit_id_size]; /* the operation */
    struct list copies;
};

static void name_digest(const char *name, uint64_t seed, char out_digest[limit_digest_size]) {
    enum { part_digits = 16 };
    for (size_t i = 0; (i + 1) * part_digits < limit_digest_size; i++)
        text_format(out_digest + i * part_digits, part_digits + 1, "%016llx",
                    (unsigned long long)map_hash(seed + i, name, strlen(name)));
}

static struct sim_bucket *find_bucket(const struct sim_node *node, const char *vm) {
    list_for(struct sim_bucket, bucket, &node->buckets, node) {
        if (text_equal(bucket->vm, vm))
            return bucket;
    }
    return NULL;
}

static struct sim_bucket *add_bucket(struct sim_node *node, const char *vm) {
    struct sim_bucket *bucket = memory_new(1, sizeof(*bucket));
    text_set(bucket->vm, vm);
    list_init(&bucket->copies);
    list_add(&node->buckets, &bucket->node);
    return bucket;
}

/* What is damaged on the disk shows when it is read: before anything is made of it, or then. */
enum rot { ROT_NONE, ROT_EARLY, ROT_LATE };
static enum rot rot_of(const struct sim_world *world, const struct sim_copy *copy) {
    uint64_t drawn = map_hash(world->settings.seed ^ 0x7a7a, copy->root, strlen(copy->root));
    uint64_t chance = drawn % 1000;
    return chance >= world->settings.rot ? ROT_NONE : chance % 2 ? ROT_EARLY : ROT_LATE;
}

static bool is_sound(const struct sim_copy *copy) { return copy->is_whole && !copy->is_damaged; }

static struct sim_copy *find_copy(const struct sim_bucket *bucket, const char *root) {
    list_for(struct sim_copy, copy, &bucket->copies, node) {
        if (text_equal(copy->root, root) && copy->is_kept)
            return copy;
    }
    return NULL;
}

/* Those that are whole stay, the others are told. */
static void tell_lacking(const struct sim_world *world, const struct sim_bucket *bucket,
                         const struct effect_bucket *order, struct event_bucket *out) {
    for (uint32_t i = order->roots_count; i-- > 0 && !*out->copy.root;) {
        struct sim_copy *copy = bucket ? find_copy(bucket, order->roots[i]) : NULL;
        bool reads = order->order == BUCKET_PROVE;
        if (copy && reads)
            copy->is_damaged |= rot_of(world, copy) == ROT_EARLY;
        if (copy && is_sound(copy)) {
            copy->was_proven |= reads;
            if (reads)
                text_set(out->copy.root, copy->root);
            continue;
        }
        if (copy)
            copy->was_lacking = true;
        text_set(out->lacking[out->lacking_count++], order->roots[i]);
    }
}

static bool are_there(const struct sim_bucket *bucket, const struct effect_bucket *order) {
    for (uint32_t i = 0; i < order->roots_count; i++) {
        const struct sim_copy *copy = bucket ? find_copy(bucket, order->roots[i]) : NULL;
        if (!copy || !is_sound(copy))
            return false;
    }
    return true;
}

static bool is_ordered(const struct effect_bucket *order, const char *root) {
    for (uint32_t i = 0; i < order->roots_count; i++)
        if (text_equal(order->roots[i], root))
            return true;
    return false;
}

static void keep(const struct sim_bucket *bucket, const struct effect_bucket *order) {
    list_for(struct sim_copy, copy, &bucket->copies, node)
        copy->is_kept &= order && is_ordered(order, copy->root);
}

static void keep_for(const struct sim_bucket *bucket, const struct effect_bucket *order,
                     struct event_bucket *out) {
    const char *newest = order->roots_count ? order->roots[order->roots_count - 1] : "";
    const struct sim_copy *copy = find_copy(bucket, newest);
    keep(bucket, order);
    text_set(out->image, copy ? copy->image : "");
}

static void open_bucket(const struct sim_world *world, struct sim_node *node,
                        const struct effect_bucket *order, struct event_bucket *out) {
    struct sim_bucket *bucket = find_bucket(node, order->vm);
    if (!bucket)
        bucket = add_bucket(node, order->vm);
    tell_lacking(world, bucket, order, out);
    keep(bucket, order);
    text_set(bucket->admitted, order->op);
    name_digest(order->op, 0, out->copy.token);
    name_digest(order->vm, 1000, out->copy.key);
}

static void on_done(struct sim_world *world, struct occurrence *occurrence) {
    if (!occurrence_is_stale(occurrence))
        step_give(world, occurrence->node, occurrence->event);
}

static void answer(struct sim_world *world, struct sim_node *node,
                   const struct event_bucket *done) {
    enum { most_ms = 300 };
    const char *about = *done->op ? done->op : done->vm;
    uint64_t drawn = map_hash(world->settings.seed + done->order, about, strlen(about));
    struct event event = {.kind = EVENT_BUCKET, .bucket = *done};
    world_later(world, node, 1 + drawn % most_ms, on_done)->event =
        memory_copy(&event, sizeof(event));
}

void blocks_obey(struct sim_world *world, struct sim_node *node,
                 const struct effect_bucket *order) {
    struct sim_bucket *bucket = find_bucket(node, order->vm);
    struct event_bucket done = {.order = order->order};
    uint64_t chance = map_hash(world->settings.seed, order->op, strlen(order->op)) % 1000;
    text_set(done.vm, order->vm);
    text_set(done.op, order->op);
    if (*order->op && !world->healing && chance < world->settings.job_failure)
        done.code = order->order == BUCKET_OPEN ? CODE_NO_CAPACITY : CODE_HOST_FAILED;
    else if (order->order == BUCKET_OPEN)
        open_bucket(world, node, order, &done);
    else if (order->order == BUCKET_PROVE)
        tell_lacking(world, bucket, order, &done);
    else if (order->order == BUCKET_KEEP && !are_there(bucket, order))
        done.code = CODE_LOST;
    else if (bucket && order->order == BUCKET_KEEP)
        keep_for(bucket, order, &done);
    else if (bucket)
        keep(bucket, NULL);
    if (bucket && order->order == BUCKET_DROP)
        bucket->admitted[0] = 0;
    if (*order->op || order->order == BUCKET_PROVE)
        answer(world, node, &done);
}

enum code blocks_put(struct sim_world *world, const struct sim_node *host,
                     const struct effect_job *job, enum blocks_put put) {
    const struct sim_node *manager = node_named(world, host->settings.managers[0].name);
    struct sim_bucket *bucket = manager ? find_bucket(manager, job->vm) : NULL;
    char token[limit_digest_size] = "", name[2 * limit_id_size];
    if (bucket && *bucket->admitted)
        name_digest(bucket->admitted, 0, token);
    if (!*token || !text_equal(token, job->copy.token))
        return CODE_STALE;
    struct sim_copy *copy = memory_new(1, sizeof(*copy));
    text_set(copy->op, job->op);
    text_format(name, sizeof(name), "%.30s%llu", job->op, (unsigned long long)world->now_ms);
    name_digest(name, 2000, copy->root);
    copy->made_ms = world->now_ms;
    text_set(copy->image, domain_of(world, host, job->vm)->image);
    copy->is_whole = put == BLOCKS_PUT_WHOLE;
    copy->is_kept = true;
    list_add(&bucket->copies, &copy->node);
    return CODE_OK;
}

/* Late: only where an older one is whole, or its VM would wait for ever. */
void blocks_spoil(struct sim_world *world, const struct sim_node *host,
                  const struct effect_job *job) {
    const struct sim_node *manager = node_named(world, host->settings.managers[0].name);
    const struct sim_bucket *bucket = manager ? find_bucket(manager, job->vm) : NULL;
    struct sim_copy *copy = bucket ? find_copy(bucket, job->copy.root) : NULL;
    if (!copy || rot_of(world, copy) != ROT_LATE)
        return;
    list_for(struct sim_copy, older, &bucket->copies, node) {
        copy->is_damaged |= older != copy && older->is_kept && older->is_whole &&
                            text_equal(older->image, copy->image) && !rot_of(world, older);
    }
    world->stats.spoilt += copy->is_damaged;
}

const struct sim_copy *blocks_fetch(const struct sim_world *world, const struct sim_node *host,
                                    const struct effect_job *job) {
    const struct sim_node *manager = node_named(world, host->settings.managers[0].name);
    const struct sim_bucket *bucket = manager ? find_bucket(manager, job->vm) : NULL;
    char token[limit_digest_size] = "";
    if (bucket && *bucket->admitted)
        name_digest(bucket->admitted, 0, token);
    const struct sim_copy *copy =
        *token && text_equal(token, job->copy.token) ? find_copy(bucket, job->copy.root) : NULL;
    return copy && is_sound(copy) && text_equal(copy->image, job->definition.image) ? copy : NULL;
}

const struct sim_copy *blocks_find(const struct sim_node *node, const char *vm,
                                   bool (*is_wanted)(const struct sim_copy *copy,
                                                     const void *what),
                                   const void *what) {
    const struct sim_bucket *bucket = find_bucket(node, vm);
    const struct sim_copy *found = NULL;
    struct list *at = NULL, *next = NULL;
    if (!bucket)
        return NULL;
    list_each(at, next, &bucket->copies) {
        const struct sim_copy *copy = container_of(at, struct sim_copy, node);
        if (is_wanted(copy, what))
            found = copy;
    }
    return found;
}

static bool is_of_op(const struct sim_copy *copy, const void *what) {
    return text_equal(copy->op, what);
}

const struct sim_copy *blocks_of_op(const struct sim_world *world, const char *vm,
                                    const char *op) {
    const struct sim_copy *found = NULL;
    for (uint32_t i = 0; !found && i < world->nodes_count; i++)
        found = blocks_find(world->nodes[i], vm, is_of_op, op);
    return found;
}

void blocks_free(struct sim_node *node) {
    list_for(struct sim_bucket, bucket, &node->buckets, node) {
        list_for(struct sim_copy, copy, &bucket->copies, node)
            memory_free(copy);
        memory_free(bucket);
    }
}
