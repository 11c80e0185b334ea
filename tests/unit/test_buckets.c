/* The block store's worker: each order that somebody waits for has one answer, in its order, and
 * what is said is so. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/event.h"
#include "io/blocks/buckets.h"
#include "io/os/folder.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t told;
    struct event_bucket last;
    unsigned count;
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};

void shell_post(struct shell *shell, const struct event *event) {
    (void)shell;
    (void)pthread_mutex_lock(&heard.lock);
    heard.last = event->bucket;
    heard.count++;
    (void)pthread_cond_signal(&heard.told);
    (void)pthread_mutex_unlock(&heard.lock);
}

void shell_serve(struct shell *shell) { (void)shell; }

static struct event_bucket ask(struct buckets *buckets, const struct effect_bucket *order) {
    (void)pthread_mutex_lock(&heard.lock);
    unsigned before = heard.count;
    (void)pthread_mutex_unlock(&heard.lock);
    buckets_order(buckets, order);
    (void)pthread_mutex_lock(&heard.lock);
    while (heard.count == before)
        (void)pthread_cond_wait(&heard.told, &heard.lock);
    assert_int_equal(heard.count, before + 1);
    struct event_bucket answer = heard.last;
    (void)pthread_mutex_unlock(&heard.lock);
    assert_int_equal(answer.order, order->order);
    assert_string_equal(answer.op, order->op);
    return answer;
}

/* A root that nobody has put. */
static struct effect_bucket with_root(struct effect_bucket order) {
    for (size_t i = 0; i + 1 < limit_digest_size; i++)
        order.roots[0][i] = 'a';
    order.roots_count = 1;
    return order;
}

static bool is_anybodys(void *context, const char *vm) {
    return text_equal(context, vm);
}

static void each_order_is_answered_as_it_is(void **state) {
    (void)state;
    char folder[] = "/tmp/isthmus-buckets-XXXXXX", path[96];
    assert_non_null(mkdtemp(folder));
    text_format(path, sizeof(path), "%s/copies.sqlite", folder);
    struct blocks *blocks =
        blocks_open(&(struct blocks_settings){.path = path, .reserve_bytes = 1}, NULL);
    struct buckets *buckets = buckets_new(blocks, NULL, NULL);
    const struct effect_bucket open_first = {
        .order = BUCKET_OPEN, .vm = "vm-1", .op = "op-1", .disk_gib = 1};
    struct event_bucket first = ask(buckets, &open_first), again = ask(buckets, &open_first);
    assert_int_equal(first.code, CODE_OK);
    assert_int_equal(first.lacking_count, 0);
    assert_string_equal(first.copy.token, again.copy.token); /* after a crash the host goes on */
    struct effect_bucket later = with_root(open_first);
    text_set(later.op, "op-2");
    struct event_bucket second = ask(buckets, &later);
    assert_int_equal(second.code, CODE_OK);
    assert_int_equal(second.lacking_count, 1);
    assert_string_equal(second.lacking[0], later.roots[0]);
    assert_string_not_equal(second.copy.token, first.copy.token);
    assert_string_equal(second.copy.key, first.copy.key);
    struct effect_bucket proof = with_root((struct effect_bucket){.order = BUCKET_PROVE,
                                                                  .vm = "vm-1"});
    struct event_bucket proven = ask(buckets, &proof); /* though no operation waits */
    assert_true(proven.code == CODE_OK && proven.lacking_count == 1 && !*proven.copy.root);
    text_set(proof.vm, "vm-2"); /* it has no bucket */
    proven = ask(buckets, &proof);
    assert_true(proven.code == CODE_OK && proven.lacking_count == 1);
    struct effect_bucket keep =
        with_root((struct effect_bucket){.order = BUCKET_KEEP, .vm = "vm-1", .op = "op-2"});
    assert_int_equal(ask(buckets, &keep).code, CODE_LOST); /* whatever a host has said */
    buckets_order(buckets, &(struct effect_bucket){.order = BUCKET_DROP, .vm = "vm-1"});
    text_set(keep.op, "op-3");
    assert_int_equal(ask(buckets, &keep).code, CODE_LOST); /* it is no more */
    (void)ask(buckets, &open_first);
    buckets_free(buckets);
    const struct blocks_of of = {blocks, "vm-1"};
    struct blocks_held held;
    assert_int_equal(blocks_drop_unknown(blocks, is_anybodys, (char[]){"vm-1"}, NULL), 0);
    assert_int_equal(blocks_measure(&of, &held, NULL), 0);
    assert_int_equal(blocks_drop_unknown(blocks, is_anybodys, (char[]){"vm-2"}, NULL), 0);
    assert_int_equal(blocks_measure(&of, &held, NULL), BLOCKS_UNKNOWN);
    blocks_close(blocks);
    assert_int_equal(folder_remove(folder, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_order_is_answered_as_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
