/* What is taken into a bucket, what is given out of it, and what is swept. A root's word counts for
 * nothing: each page that it names is read, and each block that a page names is looked for. */
#include "io/blocks/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/blocks/database.h"
#include "io/keys/secret.h"
#include "io/os/disk.h"
#include "io/os/folder.h"

struct blocks {
    pthread_mutex_t lock;
    struct blocks_database *database;
    struct disk_guard guard;
};

struct bucket {
    struct blocks *blocks;
    int64_t id, most, held;
    struct block_key key, secret;     /* `secret` makes tokens, and is never told */
    char admitted[limit_digest_size]; /* SHA-256 of the token; "": nobody is */
};

static void lock_clean(pthread_mutex_t **lock) { (void)pthread_mutex_unlock(*lock); }

#define locked(blocks)                                                      \
    auto_clean(lock_clean) pthread_mutex_t *held_lock = &(blocks)->lock; \
    (void)pthread_mutex_lock(held_lock)

struct blocks *blocks_open(const struct blocks_settings *settings, struct error *err) {
    struct blocks *blocks = memory_new(1, sizeof(*blocks));
    (void)pthread_mutex_init(&blocks->lock, NULL);
    blocks->guard = (struct disk_guard){.fd = -1, .reserve_bytes = settings->reserve_bytes};
    blocks->database = blocks_database_open(settings->path, settings->most_bytes, err);
    if (blocks->database)
        blocks->guard.fd = open(settings->path, O_RDONLY | O_CLOEXEC);
    if (blocks->guard.fd >= 0)
        return blocks;
    if (blocks->database)
        error_set(err, -errno, "open %s: %s", settings->path, strerror(errno));
    blocks_close(blocks);
    return NULL;
}

void blocks_close(struct blocks *blocks) {
    if (!blocks)
        return;
    blocks_database_close(blocks->database);
    fd_clean(&blocks->guard.fd);
    (void)pthread_mutex_destroy(&blocks->lock);
    memory_free(blocks);
}

/* --- transactions --- */

static int begin(struct blocks *blocks, struct error *err) {
    struct block_use use = block_use(blocks->database, BLOCKS_BEGIN);
    return block_use_do(&use, err);
}

/* Keeps what was done where nothing failed. Full is an expected end. */
static int end(struct blocks *blocks, int failed, struct error *err) {
    struct block_use use = block_use(blocks->database, failed ? BLOCKS_ROLLBACK : BLOCKS_COMMIT);
    int ended = block_use_do(&use, failed ? NULL : err);
    if (!failed && ended) { /* it could not be written: nothing of it stays */
        use = block_use(blocks->database, BLOCKS_ROLLBACK);
        if (block_use_do(&use, NULL) == 0)
            blocks->guard.allowed_bytes = 0;
        failed = ended;
    }
    return failed == -ENOSPC ? BLOCKS_FULL : failed;
}

static bool read_key(const struct block_use *use, int column, struct block_key *out) {
    size_t length;
    const void *bytes = block_use_read_bytes(use, column, &length);
    if (length != sizeof(*out))
        return false;
    memcpy(out->bytes, bytes, sizeof(*out));
    return true;
}

/* 0, BLOCKS_UNKNOWN, negative. */
static int find(const struct blocks_of *of, struct bucket *out, struct error *err) {
    struct block_use use = block_use(of->blocks->database, BLOCKS_BUCKET_FIND);
    size_t length = 0;
    block_use_text(&use, of->vm);
    int found = block_use_step(&use, err);
    *out = (struct bucket){.blocks = of->blocks};
    if (found > 0) {
        out->id = block_use_read(&use, 0);
        out->most = block_use_read(&use, 2);
        out->held = block_use_read(&use, 3);
        const char *admitted = block_use_read_bytes(&use, 5, &length);
        text_format(out->admitted, sizeof(out->admitted), "%.*s", (int)length,
                    admitted ? admitted : "");
        if (!read_key(&use, 1, &out->key) || !read_key(&use, 4, &out->secret))
            found = error_set(err, -EIO, "the bucket of %s is damaged", of->vm);
    }
    block_use_end(&use);
    return found < 0 ? found : found ? 0 : BLOCKS_UNKNOWN;
}

int blocks_bucket(const struct blocks_of *of, struct block_key *out_key,
                  struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    struct block_key keys[2];
    struct block_use use = block_use(of->blocks->database, BLOCKS_BUCKET_ADD);
    secret_random(keys, sizeof(keys));
    block_use_text(&use, of->vm);
    block_use_bytes(&use, &keys[0], sizeof(keys[0]));
    block_use_bytes(&use, &keys[1], sizeof(keys[1]));
    int failed = block_use_do(&use, err);
    if (!failed)
        failed = find(of, &bucket, err);
    if (!failed)
        *out_key = bucket.key;
    secret_erase(keys, sizeof(keys));
    return failed == -ENOSPC ? BLOCKS_FULL : failed;
}

int blocks_admit(const struct blocks_of *of, const char *op,
                 char out_token[blocks_token_size], struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    struct block_digest token;
    int failed = find(of, &bucket, err);
    if (failed)
        return failed;
    secret_keyed_hash(bucket.secret.bytes, op, strlen(op), token.bytes);
    block_digest_say(&token, out_token);
    secret_hash_bytes(out_token, strlen(out_token), bucket.admitted);
    struct block_use use = block_use(of->blocks->database, BLOCKS_BUCKET_ADMIT);
    block_use_text(&use, bucket.admitted);
    block_use_number(&use, bucket.id);
    failed = block_use_do(&use, err);
    return failed == -ENOSPC ? BLOCKS_FULL : failed;
}

bool blocks_admits(const struct blocks_of *of, const char *token_hash) {
    locked(of->blocks);
    struct bucket bucket;
    return find(of, &bucket, NULL) == 0 && *token_hash &&
           text_equal(bucket.admitted, token_hash);
}

/* Two whole versions of the disk that share nothing, a third under way, and their pages. */
int blocks_bound(const struct blocks_of *of, uint64_t disk_bytes, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    if (failed)
        return failed;
    struct block_use use = block_use(of->blocks->database, BLOCKS_BUCKET_BOUND);
    block_use_number(&use, (int64_t)(3 * (disk_bytes + disk_bytes / 64) + 4 * page_bytes));
    block_use_number(&use, bucket.id);
    failed = block_use_do(&use, err);
    return failed == -ENOSPC ? BLOCKS_FULL : failed;
}

/* --- blocks --- */

/* 1: it is here. */
static int have(const struct bucket *bucket, const struct block_digest *digest,
                struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BLOCK_HAVE);
    block_use_number(&use, bucket->id);
    block_use_bytes(&use, digest, sizeof(*digest));
    int there = block_use_step(&use, err);
    block_use_end(&use);
    return there;
}

int blocks_lack(const struct blocks_of *of, const struct block_digests *digests, bool *lacking) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, NULL);
    for (size_t i = 0; !failed && i < digests->count; i++) {
        const struct block_digest *digest = &digests->items[i];
        int there = block_digest_is_kept(digest) ? have(&bucket, digest, NULL) : 1;
        lacking[i] = !there;
        failed = there < 0 ? there : 0;
    }
    return failed;
}

static int hold(struct bucket *bucket, int64_t more, struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BUCKET_HOLDS);
    block_use_number(&use, more);
    block_use_number(&use, bucket->id);
    bucket->held += more;
    return block_use_do(&use, err);
}

static int add(struct bucket *bucket, const struct packed *packed,
               struct error *err) {
    int there = have(bucket, &packed->digest, err);
    if (there)
        return there < 0 ? there : 0;
    if (bucket->held + (int64_t)packed->length > bucket->most)
        return BLOCKS_FULL;
    int failed = disk_guard_take(&bucket->blocks->guard, packed->length, err);
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BLOCK_ADD);
    block_use_number(&use, bucket->id);
    block_use_bytes(&use, &packed->digest, sizeof(packed->digest));
    block_use_bytes(&use, packed->bytes, packed->length);
    if (failed)
        block_use_end(&use);
    else
        failed = block_use_do(&use, err);
    return failed ? failed : hold(bucket, (int64_t)packed->length, err);
}

/* Are all as their digests say? Looked at before the lock is taken. */
static int prove_all(const struct block_key *key, const struct text *batch) {
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, block_bytes);
    struct pack_reader reader = {(const unsigned char *)text_data(batch), batch->length};
    struct packed packed;
    enum pack_read read;
    size_t length;
    while ((read = pack_next(&reader, &packed)) == PACK_READ)
        if (pack_prove(&packed, key, bytes, &length))
            return BLOCKS_WRONG;
    return read == PACK_BROKEN ? BLOCKS_WRONG : 0;
}

static int put_all(struct bucket *bucket, const struct text *batch,
                   struct error *err) {
    struct pack_reader reader = {(const unsigned char *)text_data(batch), batch->length};
    struct packed packed;
    int failed = begin(bucket->blocks, err);
    if (failed)
        return failed;
    while (!failed && pack_next(&reader, &packed) == PACK_READ)
        failed = add(bucket, &packed, err);
    return end(bucket->blocks, failed, err);
}

static int find_alone(const struct blocks_of *of, struct bucket *out,
                      struct error *err) {
    locked(of->blocks);
    return find(of, out, err);
}

int blocks_put(const struct blocks_of *of, const struct text *batch,
               struct error *err) {
    struct bucket bucket;
    int failed = find_alone(of, &bucket, err);
    if (!failed)
        failed = prove_all(&bucket.key, batch);
    if (failed)
        return failed;
    locked(of->blocks);
    failed = find(of, &bucket, err); /* it may be gone, or another one */
    return failed ? failed : put_all(&bucket, batch, err);
}

static int drop(struct bucket *bucket, const struct packed *packed,
                struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BLOCK_DROP);
    block_use_number(&use, bucket->id);
    block_use_bytes(&use, &packed->digest, sizeof(packed->digest));
    int failed = block_use_do(&use, err);
    return failed ? failed : hold(bucket, -(int64_t)packed->length, err);
}

/* Reads a block, unpacked and, if wanted, packed. One that is not what its digest says any more is
 * no block: it goes. */
static int get(struct bucket *bucket, const struct block_digest *digest,
               unsigned char out[block_bytes], struct text *batch) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BLOCK_GET);
    struct packed packed = {.digest = *digest};
    size_t length = 0;
    block_use_number(&use, bucket->id);
    block_use_bytes(&use, digest, sizeof(*digest));
    int found = block_use_step(&use, NULL);
    if (found > 0)
        packed.bytes = block_use_read_bytes(&use, 0, &packed.length);
    bool sound = found > 0 && pack_prove(&packed, &bucket->key, out, &length) == 0;
    if (sound && batch)
        pack_add_packed(batch, digest, packed.bytes, packed.length);
    block_use_end(&use);
    if (found > 0 && !sound)
        found = drop(bucket, &packed, NULL);
    return found < 0 ? found : sound ? 0 : BLOCKS_LACKING;
}

int blocks_get(const struct blocks_of *of, const struct block_digest *digest,
               struct text *batch, struct error *err) {
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, block_bytes);
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    if (!failed)
        failed = get(&bucket, digest, bytes, batch);
    return failed < 0 ? error_set(err, failed, "read a block of %s: %s", of->vm, strerror(-failed))
                      : failed;
}

/* --- roots --- */

/* What is done with each block that a root leads to. */
enum walk { WALK_LISTED, WALK_READS, WALK_MARKS };

static int mark_one(const struct bucket *bucket, const struct block_digest *digest) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_MARK);
    block_use_bytes(&use, digest, sizeof(*digest));
    return block_use_do(&use, NULL);
}

static int is_listed(const struct bucket *bucket, const struct block_digest *digest) {
    int there = have(bucket, digest, NULL);
    return there < 0 ? there : there ? 0 : BLOCKS_LACKING;
}

/* A page that is here, and all whose blocks are; or marks them, so that they are not swept. */
static int walk_page(struct bucket *bucket,
                     const struct block_digest *digest, enum walk how) {
    auto_clean(memory_clean) unsigned char *bytes = memory_new(1, block_bytes);
    auto_clean(memory_clean) struct block_page *page = memory_new(1, sizeof(*page));
    int failed = get(bucket, digest, bytes, NULL);
    if (!failed && page_read(bytes, page_bytes, page, NULL))
        return BLOCKS_WRONG;
    for (size_t i = 0; !failed && i < page_blocks; i++) {
        const struct block_digest *block = &page->blocks[i];
        if (block_digest_is_kept(block))
            failed = how == WALK_MARKS   ? mark_one(bucket, block)
                     : how == WALK_READS ? get(bucket, block, bytes, NULL)
                                         : is_listed(bucket, block);
    }
    return failed;
}

static int walk(struct bucket *bucket, const struct text *bytes,
                enum walk how) {
    struct root root;
    if (root_read(text_data(bytes), bytes->length, &root, NULL))
        return BLOCKS_WRONG;
    int failed = 0;
    for (size_t i = 0; !failed && i < root.pages_count; i++) {
        if (!block_digest_is_kept(&root.pages[i]))
            continue;
        failed = walk_page(bucket, &root.pages[i], how);
        if (!failed && how == WALK_MARKS)
            failed = mark_one(bucket, &root.pages[i]);
    }
    return failed;
}

int blocks_put_root(const struct blocks_of *of, const struct text *root,
                    struct block_digest *out_digest, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    if (!failed)
        failed = begin(of->blocks, err);
    if (failed)
        return failed;
    failed = walk(&bucket, root, WALK_LISTED);
    block_hash(&bucket.key, text_data(root), root->length, out_digest);
    struct block_use use = block_use(of->blocks->database, BLOCKS_ROOT_ADD);
    block_use_number(&use, bucket.id);
    block_use_bytes(&use, out_digest, sizeof(*out_digest));
    block_use_bytes(&use, text_data(root), root->length);
    if (failed)
        block_use_end(&use);
    else
        failed = block_use_do(&use, err);
    return end(of->blocks, failed, err);
}

static int get_root(const struct bucket *bucket,
                    const struct block_digest *digest, struct text *out, struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_ROOT_GET);
    size_t length = 0;
    block_use_number(&use, bucket->id);
    block_use_bytes(&use, digest, sizeof(*digest));
    int found = block_use_step(&use, err);
    const void *bytes = found > 0 ? block_use_read_bytes(&use, 0, &length) : NULL;
    struct block_digest is;
    block_hash(&bucket->key, bytes, length, &is);
    bool sound = found > 0 && block_digest_equal(&is, digest);
    if (sound)
        text_add_bytes(out, bytes, length);
    block_use_end(&use);
    return found < 0 ? found : sound ? 0 : BLOCKS_LACKING;
}

int blocks_get_root(const struct blocks_of *of, const struct block_digest *digest,
                    struct text *root, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    return failed ? failed : get_root(&bucket, digest, root, err);
}

/* A page at a time: others have their turn between them. */
static int read_page(const struct blocks_of *of, const struct block_digest *page) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, NULL);
    return failed ? failed : walk_page(&bucket, page, WALK_READS);
}

/* What cannot be read is not here, whatever the reason is. */
static bool is_whole(const struct blocks_of *of, const struct text *bytes) {
    struct root root;
    bool whole = root_read(text_data(bytes), bytes->length, &root, NULL) == 0;
    for (size_t i = 0; whole && i < root.pages_count; i++)
        whole = !block_digest_is_kept(&root.pages[i]) || read_page(of, &root.pages[i]) == 0;
    return whole;
}

static int find_root(const struct blocks_of *of, const struct block_digest *digest,
                     enum blocks_look look, struct text *out) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, NULL);
    if (!failed)
        failed = get_root(&bucket, digest, out, NULL);
    return failed || look == BLOCKS_READ ? failed : walk(&bucket, out, WALK_LISTED);
}

int blocks_look_at(const struct blocks_of *of, const struct block_digests *roots,
                   enum blocks_look look, bool *lacking) {
    for (size_t i = 0; i < roots->count; i++) {
        auto_clean(text_deinit) struct text bytes = {0};
        int failed = find_root(of, &roots->items[i], look, &bytes);
        if (failed < 0 || failed == BLOCKS_UNKNOWN)
            return failed;
        lacking[i] = failed || (look == BLOCKS_READ && !is_whole(of, &bytes));
    }
    return 0;
}

/* Marks what the kept roots lead to. */
static int mark(struct bucket *bucket, const struct block_digests *roots) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_UNMARK);
    int failed = block_use_do(&use, NULL);
    for (size_t i = 0; !failed && i < roots->count; i++) {
        auto_clean(text_deinit) struct text bytes = {0};
        failed = get_root(bucket, &roots->items[i], &bytes, NULL);
        if (!failed)
            failed = walk(bucket, &bytes, WALK_MARKS);
    }
    return failed;
}

static bool is_among(const struct block_digest *digest, const struct block_digests *roots) {
    for (size_t i = 0; i < roots->count; i++)
        if (block_digest_equal(digest, &roots->items[i]))
            return true;
    return false;
}

/* 1: there is a root that is none of these. */
static int find_other_root(const struct bucket *bucket, const struct block_digests *roots,
                           struct block_digest *out, struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_ROOTS);
    int found;
    block_use_number(&use, bucket->id);
    while ((found = block_use_step(&use, err)) > 0) {
        size_t length;
        const void *bytes = block_use_read_bytes(&use, 0, &length);
        memcpy(out, bytes, length < sizeof(*out) ? length : sizeof(*out));
        if (!is_among(out, roots))
            break;
    }
    block_use_end(&use);
    return found;
}

/* One at a time: a list that is read does not change under it. */
static int drop_other_roots(const struct bucket *bucket, const struct block_digests *roots,
                            struct error *err) {
    struct block_digest digest = block_of_image;
    int found;
    while ((found = find_other_root(bucket, roots, &digest, err)) > 0) {
        struct block_use use = block_use(bucket->blocks->database, BLOCKS_ROOT_DROP);
        block_use_number(&use, bucket->id);
        block_use_bytes(&use, &digest, sizeof(digest));
        int failed = block_use_do(&use, err);
        if (failed)
            return failed;
    }
    return found;
}

static int measure(const struct bucket *bucket, struct blocks_held *out, struct error *err) {
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_BUCKET_COUNT);
    block_use_number(&use, bucket->id);
    int found = block_use_step(&use, err);
    *out = (struct blocks_held){0};
    if (found > 0)
        *out = (struct blocks_held){.blocks = (uint64_t)block_use_read(&use, 0),
                                    .bytes = (uint64_t)block_use_read(&use, 1)};
    block_use_end(&use);
    return found < 0 ? found : 0;
}

static int sweep(struct bucket *bucket, struct error *err) {
    struct blocks_held left;
    struct block_use use = block_use(bucket->blocks->database, BLOCKS_SWEEP);
    block_use_number(&use, bucket->id);
    int failed = block_use_do(&use, err);
    if (!failed)
        failed = measure(bucket, &left, err);
    return failed ? failed : hold(bucket, (int64_t)left.bytes - bucket->held, err);
}

int blocks_keep(const struct blocks_of *of, const struct block_digests *roots, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    if (!failed)
        failed = begin(of->blocks, err);
    if (failed)
        return failed;
    failed = mark(&bucket, roots);
    if (!failed)
        failed = drop_other_roots(&bucket, roots, err);
    if (!failed)
        failed = sweep(&bucket, err);
    failed = end(of->blocks, failed, err);
    return failed ? failed : blocks_database_shrink(of->blocks->database, err);
}

int blocks_drop(const struct blocks_of *of, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    if (failed)
        return failed == BLOCKS_UNKNOWN ? 0 : failed;
    struct block_use use = block_use(of->blocks->database, BLOCKS_BUCKET_DROP);
    block_use_number(&use, bucket.id);
    failed = block_use_do(&use, err);
    return failed ? failed : blocks_database_shrink(of->blocks->database, err);
}

/* 1: there is one behind this id. */
static int next_bucket(struct blocks *blocks, int64_t *id, char out_vm[limit_id_size],
                       struct error *err) {
    locked(blocks);
    struct block_use use = block_use(blocks->database, BLOCKS_BUCKET_NEXT);
    block_use_number(&use, *id);
    int found = block_use_step(&use, err);
    if (found > 0) {
        size_t length;
        const char *name = block_use_read_bytes(&use, 1, &length);
        *id = block_use_read(&use, 0);
        text_format(out_vm, limit_id_size, "%.*s", (int)length, name ? name : "");
    }
    block_use_end(&use);
    return found;
}

int blocks_drop_unknown(struct blocks *blocks, bool (*is_known)(void *context, const char *vm),
                        void *context, struct error *err) {
    char vm[limit_id_size];
    int64_t id = 0;
    int found;
    while ((found = next_bucket(blocks, &id, vm, err)) > 0) {
        int failed = is_known(context, vm) ? 0 : blocks_drop(&(struct blocks_of){blocks, vm}, err);
        if (failed)
            return failed;
    }
    return found;
}

int blocks_measure(const struct blocks_of *of, struct blocks_held *out, struct error *err) {
    locked(of->blocks);
    struct bucket bucket;
    int failed = find(of, &bucket, err);
    return failed ? failed : measure(&bucket, out, err);
}
