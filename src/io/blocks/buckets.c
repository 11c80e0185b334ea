/* Which calls of the block store make an order, and which code its end is. */
#include "io/blocks/buckets.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/event.h"
#include "io/os/pool.h"

enum { bucket_workers = 1, bucket_orders_most = 4096 };

struct buckets {
    struct blocks *blocks;
    struct shell *shell;
    struct pool *pool;
};

struct bucket_work {
    struct work work; /* first */
    struct effect_bucket order;
};

static enum code code_of(int failed) {
    return failed == BLOCKS_FULL ? CODE_NO_CAPACITY
           : failed > 0          ? CODE_LOST
           : failed              ? CODE_HOST_FAILED
                                 : CODE_OK;
}

struct roots {
    struct block_digest items[limit_copies + 1];
    size_t count;
};

static bool read_roots(const struct effect_bucket *order, struct roots *out) {
    out->count = order->roots_count;
    for (uint32_t i = 0; i < order->roots_count; i++)
        if (block_digest_read(order->roots[i], &out->items[i]))
            return false;
    return true;
}

static int keep(const struct blocks_of *of, const struct effect_bucket *order, struct error *err) {
    struct roots roots;
    if (!read_roots(order, &roots))
        return BLOCKS_LACKING;
    return blocks_keep(of, &(struct block_digests){roots.items, roots.count}, err);
}

static int unreadable(int failed, struct error *err) {
    return failed > 0 ? failed : error_set(err, failed, "look at copies: %s", strerror(-failed));
}

static void say_lacking(struct event_bucket *out, const char *root) {
    text_set(out->lacking[out->lacking_count++], root);
}

/* Those of the order's that are whole stay, the others are told. */
static int keep_whole(const struct blocks_of *of, const struct effect_bucket *order,
                      struct event_bucket *out, struct error *err) {
    struct roots roots;
    bool lacking[limit_copies + 1] = {false};
    size_t whole = 0;
    if (!read_roots(order, &roots))
        return error_set(err, -EINVAL, "the order names no copies");
    int failed = blocks_look_at(of, &(struct block_digests){roots.items, roots.count},
                                BLOCKS_LISTED, lacking);
    if (failed)
        return unreadable(failed, err);
    for (size_t i = 0; i < roots.count; i++) {
        if (lacking[i])
            say_lacking(out, order->roots[i]);
        else
            roots.items[whole++] = roots.items[i];
    }
    return blocks_keep(of, &(struct block_digests){roots.items, whole}, err);
}

/* From the newest on, until one is whole. Where the bucket has gone, none is. */
static int prove(const struct blocks_of *of, const struct effect_bucket *order,
                 struct event_bucket *out, struct error *err) {
    struct roots roots;
    if (!read_roots(order, &roots))
        return error_set(err, -EINVAL, "the order names no copies");
    for (size_t i = roots.count; i-- > 0;) {
        bool lacks = false;
        int failed = blocks_look_at(of, &(struct block_digests){&roots.items[i], 1}, BLOCKS_READ,
                                    &lacks);
        if (failed && failed != BLOCKS_UNKNOWN)
            return unreadable(failed, err);
        if (!failed && !lacks) {
            text_set(out->copy.root, order->roots[i]);
            return 0;
        }
        say_lacking(out, order->roots[i]);
    }
    return 0;
}

/* Of the newest, which is whole; whoever put it has said so. */
static int say_image(const struct blocks_of *of, const struct effect_bucket *order,
                     struct event_bucket *out, struct error *err) {
    auto_clean(text_deinit) struct text bytes = {0};
    struct block_digest digest;
    struct root root;
    if (!order->roots_count ||
        block_digest_read(order->roots[order->roots_count - 1], &digest))
        return 0;
    int failed = blocks_get_root(of, &digest, &bytes, err);
    if (!failed)
        failed = root_read(text_data(&bytes), bytes.length, &root, err);
    if (!failed)
        block_digest_say(&root.image, out->image);
    return failed;
}

static int keep_for(const struct blocks_of *of, const struct effect_bucket *order,
                    struct event_bucket *out, struct error *err) {
    int failed = keep(of, order, err);
    return failed ? failed : say_image(of, order, out, err);
}

/* What is not kept gives its room to what is to come. */
static int open_bucket(const struct blocks_of *of, const struct effect_bucket *order,
                       struct event_bucket *out, struct error *err) {
    struct block_key key;
    struct block_digest as_digest;
    int failed = blocks_bucket(of, &key, err);
    if (!failed)
        failed = blocks_bound(of, (uint64_t)order->disk_gib << 30, err);
    if (!failed)
        failed = keep_whole(of, order, out, err);
    if (!failed)
        failed = blocks_admit(of, order->op, out->copy.token, err);
    memcpy(as_digest.bytes, key.bytes, sizeof(as_digest.bytes));
    block_digest_say(&as_digest, out->copy.key);
    return failed;
}

static bool is_awaited(const struct effect_bucket *order) {
    return *order->op || order->order == BUCKET_PROVE;
}

static void do_order(struct buckets *buckets, const struct effect_bucket *order) {
    const struct blocks_of of = {buckets->blocks, order->vm};
    struct event event = {.kind = EVENT_BUCKET, .bucket = {.order = order->order}};
    struct error err = {0};
    text_set(event.bucket.vm, order->vm);
    text_set(event.bucket.op, order->op);
    int failed = order->order == BUCKET_OPEN    ? open_bucket(&of, order, &event.bucket, &err)
                 : order->order == BUCKET_KEEP  ? keep_for(&of, order, &event.bucket, &err)
                 : order->order == BUCKET_PROVE ? prove(&of, order, &event.bucket, &err)
                                                : blocks_drop(&of, &err);
    event.bucket.code = code_of(failed);
    text_format(event.bucket.why, sizeof(event.bucket.why), "%.200s", err.text);
    text_make_plain(event.bucket.why);
    if (is_awaited(order))
        shell_post(buckets->shell, &event);
}

static void on_orders(void *context, struct list *batch) {
    list_for(struct work, work, batch, node) {
        struct bucket_work *one = container_of(work, struct bucket_work, work);
        do_order(context, &one->order);
        memory_free(one);
    }
}

static void on_rest(void *context) { shell_serve(((struct buckets *)context)->shell); }

static void drop_work(struct work *work) {
    memory_free(container_of(work, struct bucket_work, work));
}

struct buckets *buckets_new(struct blocks *blocks, struct shell *shell, struct error *err) {
    struct buckets *buckets = memory_new(1, sizeof(*buckets));
    *buckets = (struct buckets){.blocks = blocks, .shell = shell};
    const struct pool_calls calls = {.run = on_orders, .rest = on_rest, .context = buckets};
    buckets->pool = pool_new(bucket_workers, bucket_orders_most, &calls, err);
    if (buckets->pool)
        return buckets;
    memory_free(buckets);
    return NULL;
}

/* Of what finds no room, an order that is waited for fails; others are done with the next one of
 * their VM, but for a bucket that is to go, which costs room. */
void buckets_order(struct buckets *buckets, const struct effect_bucket *order) {
    struct bucket_work *one = memory_new(1, sizeof(*one));
    one->order = *order;
    text_set(one->work.lane, order->vm);
    if (pool_add(buckets->pool, &one->work) == POOL_ADDED)
        return;
    struct event event = {.kind = EVENT_BUCKET,
                          .bucket = {.order = order->order, .code = CODE_HOST_FAILED}};
    text_set(event.bucket.vm, order->vm);
    text_set(event.bucket.op, order->op);
    text_set(event.bucket.why, "too much waits for the block store");
    if (is_awaited(order))
        shell_post(buckets->shell, &event);
    memory_free(one);
}

void buckets_free(struct buckets *buckets) {
    if (!buckets)
        return;
    pool_free(buckets->pool, drop_work);
    memory_free(buckets);
}
