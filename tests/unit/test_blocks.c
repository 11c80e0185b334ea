/* The block store on a real file: what is put is there after a kill, what nothing leads to is
 * swept, what is not as its digest says is refused or dropped, and full is a refusal that costs
 * nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "base/prng.h"
#include "io/blocks/store.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

enum { mib = 1 << 20 };

struct room {
    char folder[64], path[96];
    struct blocks *blocks;
    struct blocks_of of;
    struct block_key key;
};

static void open_store(struct room *room, uint64_t most_bytes) {
    struct error err = {0};
    blocks_close(room->blocks);
    room->blocks = blocks_open(&(struct blocks_settings){.path = room->path,
                                                         .most_bytes = most_bytes,
                                                         .reserve_bytes = 1}, &err);
    if (!room->blocks)
        fail_msg("%s", err.text);
}

static const struct blocks_of *of(struct room *room, const char *vm) {
    room->of = (struct blocks_of){room->blocks, vm};
    return &room->of;
}

static int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    text_format(room->folder, sizeof(room->folder), "/tmp/isthmus-blocks-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    text_format(room->path, sizeof(room->path), "%s/blocks.sqlite", room->folder);
    open_store(room, 0);
    assert_int_equal(blocks_bucket(of(room, "vm-1"), &room->key, NULL), 0);
    assert_int_equal(blocks_bound(of(room, "vm-1"), 256 * mib, NULL), 0);
    *state = room;
    return 0;
}

static int tear_down(void **state) {
    struct room *room = *state;
    blocks_close(room->blocks);
    assert_int_equal(folder_remove(room->folder, NULL), 0);
    memory_free(room);
    return 0;
}

/* A block that does not compress, the same for a seed. */
static void block_make(uint64_t seed, unsigned char out[block_bytes]) {
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < block_bytes; i += sizeof(uint64_t)) {
        uint64_t word = prng_next(&prng);
        memcpy(out + i, &word, sizeof(word));
    }
}

static struct block_digest batch_add(const struct room *room, struct text *batch, uint64_t seed) {
    static unsigned char bytes[block_bytes];
    struct block_digest digest;
    block_make(seed, bytes);
    block_hash(&room->key, bytes, sizeof(bytes), &digest);
    pack_add(batch, &digest, bytes, sizeof(bytes));
    return digest;
}

/* A disk of 128 MiB whose blocks `first` to `last` were written, each with its own content. */
static void tree_make(const struct room *room, struct tree *tree, struct text *batch,
                      uint64_t first, uint64_t last) {
    const struct block_digest image = {{7}};
    assert_int_equal(tree_init(tree, 128 * mib, &image, NULL), 0);
    for (uint64_t seed = first; seed <= last; seed++) {
        struct block_digest digest = batch_add(room, batch, seed);
        tree_set(tree, (size_t)seed, &digest);
    }
}

static void batch_add_pages(const struct room *room, struct text *batch, const struct tree *tree) {
    for (size_t i = 0; i < tree->pages_count; i++) {
        struct block_digest digest;
        if (!tree->pages[i])
            continue;
        block_hash(&room->key, tree->pages[i], page_bytes, &digest);
        pack_add(batch, &digest, tree->pages[i], page_bytes);
    }
}

/* Puts a whole version. */
static struct block_digest version_put(struct room *room, uint64_t first, uint64_t last) {
    auto_clean(tree_deinit) struct tree tree;
    auto_clean(text_deinit) struct text batch = {0}, root = {0};
    struct block_digest digest;
    tree_make(room, &tree, &batch, first, last);
    batch_add_pages(room, &batch, &tree);
    tree_root(&tree, &room->key, &root);
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &digest, NULL), 0);
    return digest;
}

static int keep(struct room *room, const struct block_digest *roots, size_t count) {
    return blocks_keep(of(room, "vm-1"), &(struct block_digests){roots, count}, NULL);
}

static bool lacks(struct room *room, const char *vm, const struct block_digest *digest) {
    bool lacking = false;
    assert_int_equal(blocks_lack(of(room, vm), &(struct block_digests){digest, 1}, &lacking), 0);
    return lacking;
}

static uint64_t count(struct room *room) {
    struct blocks_held held;
    assert_int_equal(blocks_measure(of(room, "vm-1"), &held, NULL), 0);
    return held.blocks;
}

static void what_is_put_comes_back_after_reopening(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0}, got = {0};
    unsigned char bytes[block_bytes], wanted[block_bytes];
    struct packed packed;
    size_t length;
    struct block_digest digest = batch_add(room, &batch, 1);
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0); /* again: no harm */
    open_store(room, 0);
    assert_int_equal(blocks_get(of(room, "vm-1"), &digest, &got, NULL), 0);
    struct pack_reader reader = {(const unsigned char *)got.data, got.length};
    assert_int_equal(pack_next(&reader, &packed), PACK_READ);
    assert_int_equal(pack_prove(&packed, &room->key, bytes, &length), 0);
    block_make(1, wanted);
    assert_int_equal(length, block_bytes);
    assert_memory_equal(bytes, wanted, block_bytes);
    assert_int_equal(count(room), 1);
}

static void two_vms_have_nothing_in_common(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0}, got = {0};
    struct block_key other;
    struct block_digest digest = batch_add(room, &batch, 1);
    assert_int_equal(blocks_bucket(of(room, "vm-2"), &other, NULL), 0);
    assert_int_equal(blocks_bound(of(room, "vm-2"), mib, NULL), 0);
    assert_memory_not_equal(&other, &room->key, sizeof(other));
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    assert_int_equal(blocks_put(of(room, "vm-2"), &batch, NULL), BLOCKS_WRONG);
    assert_true(lacks(room, "vm-2", &digest));
    assert_int_equal(blocks_get(of(room, "vm-2"), &digest, &got, NULL), BLOCKS_LACKING);
    assert_int_equal(blocks_get(of(room, "vm-3"), &digest, &got, NULL), BLOCKS_UNKNOWN);
}

static void a_token_is_of_one_vm_and_of_its_newest_operation(void **state) {
    struct room *room = *state;
    struct block_key key;
    char token[blocks_token_size], again[blocks_token_size], other[blocks_token_size];
    char hash[limit_digest_size], other_hash[limit_digest_size];
    assert_int_equal(blocks_bucket(of(room, "vm-2"), &key, NULL), 0);
    assert_false(blocks_admits(of(room, "vm-1"), ""));
    assert_int_equal(blocks_admit(of(room, "vm-1"), "op-1", token, NULL), 0);
    secret_hash_bytes(token, strlen(token), hash);
    assert_true(blocks_admits(of(room, "vm-1"), hash));
    assert_false(blocks_admits(of(room, "vm-2"), hash));
    open_store(room, 0);
    assert_int_equal(blocks_admit(of(room, "vm-1"), "op-1", again, NULL), 0);
    assert_string_equal(again, token);
    assert_int_equal(blocks_admit(of(room, "vm-1"), "op-2", other, NULL), 0);
    secret_hash_bytes(other, strlen(other), other_hash);
    assert_false(blocks_admits(of(room, "vm-1"), hash));
    assert_true(blocks_admits(of(room, "vm-1"), other_hash));
    assert_int_equal(blocks_admit(of(room, "vm-3"), "op-1", token, NULL), BLOCKS_UNKNOWN);
}

static void a_root_is_taken_once_all_that_it_names_is_there(void **state) {
    struct room *room = *state;
    auto_clean(tree_deinit) struct tree tree;
    auto_clean(text_deinit) struct text blocks = {0}, pages = {0}, root = {0}, rest = {0};
    struct block_digest digest;
    tree_make(room, &tree, &blocks, 1000, 1030); /* on both pages */
    batch_add_pages(room, &pages, &tree);
    tree_root(&tree, &room->key, &root);
    assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &digest, NULL), BLOCKS_LACKING);
    assert_int_equal(blocks_put(of(room, "vm-1"), &pages, NULL), 0);
    assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &digest, NULL), BLOCKS_LACKING);
    text_add_bytes(&rest, blocks.data, blocks.length); /* all but the last block */
    rest.length -= blocks.length / 31;
    assert_int_equal(blocks_put(of(room, "vm-1"), &rest, NULL), 0);
    assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &digest, NULL), BLOCKS_LACKING);
    assert_int_equal(blocks_get_root(of(room, "vm-1"), &digest, &rest, NULL), BLOCKS_LACKING);
    assert_int_equal(blocks_put(of(room, "vm-1"), &blocks, NULL), 0);
    assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &digest, NULL), 0);
    text_clear(&rest);
    assert_int_equal(blocks_get_root(of(room, "vm-1"), &digest, &rest, NULL), 0);
    assert_int_equal(rest.length, root.length);
    assert_memory_equal(rest.data, root.data, root.length);
}

static void what_no_kept_root_leads_to_is_swept(void **state) {
    struct room *room = *state;
    struct block_digest roots[3] = {version_put(room, 1, 10), version_put(room, 6, 20),
                                    version_put(room, 15, 30)};
    assert_int_equal(count(room), 30 + 3);
    assert_int_equal(keep(room, roots + 1, 2), 0);
    assert_int_equal(count(room), 25 + 2);
    struct text root = {0};
    assert_int_equal(blocks_get_root(of(room, "vm-1"), &roots[0], &root, NULL), BLOCKS_LACKING);
    assert_int_equal(keep(room, roots, 1), BLOCKS_LACKING);
    assert_int_equal(count(room), 25 + 2); /* nothing was swept for what is not there */
    assert_int_equal(blocks_get_root(of(room, "vm-1"), &roots[2], &root, NULL), 0);
    text_deinit(&root);
    assert_int_equal(blocks_drop(of(room, "vm-1"), NULL), 0);
    assert_int_equal(blocks_drop(of(room, "vm-1"), NULL), 0);
    open_store(room, 0);
    assert_int_equal(blocks_bucket(of(room, "vm-1"), &room->key, NULL), 0);
    assert_int_equal(count(room), 0);
}

static void sql(const struct room *room, const char *text) {
    sqlite3 *sqlite = NULL;
    assert_int_equal(sqlite3_open(room->path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static void a_damaged_block_is_found_by_its_digest_and_asked_for_again(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0}, got = {0};
    struct block_digest digest = batch_add(room, &batch, 1);
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    blocks_close(take(room->blocks));
    sql(room, "UPDATE block SET bytes = substr(bytes, 1, 40000) || x'00' || substr(bytes, 40002)");
    open_store(room, 0);
    assert_false(lacks(room, "vm-1", &digest)); /* nobody has looked */
    assert_int_equal(blocks_get(of(room, "vm-1"), &digest, &got, NULL), BLOCKS_LACKING);
    assert_int_equal(got.length, 0);
    assert_true(lacks(room, "vm-1", &digest));
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    assert_int_equal(blocks_get(of(room, "vm-1"), &digest, &got, NULL), 0);
}

static void a_damaged_version_is_found_by_reading_it_and_the_others_stay(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0}, damage = {0};
    const struct block_digest versions[] = {version_put(room, 1, 4), version_put(room, 2, 5)};
    const struct block_digests all = {versions, 2};
    struct block_digest digest = batch_add(room, &batch, 5); /* of the later one alone */
    char said[block_digest_text_size];
    bool lacking[] = {true, true};
    block_digest_say(&digest, said);
    text_addf(&damage, "UPDATE block SET bytes = x'00' WHERE digest = x'%s'", said);
    blocks_close(take(room->blocks));
    sql(room, text_data(&damage));
    open_store(room, 0);
    assert_int_equal(blocks_look_at(of(room, "vm-1"), &all, BLOCKS_LISTED, lacking), 0);
    assert_false(lacking[0] || lacking[1]); /* nobody has read it */
    assert_int_equal(blocks_look_at(of(room, "vm-1"), &all, BLOCKS_READ, lacking), 0);
    assert_true(!lacking[0] && lacking[1]);
    lacking[1] = false;
    assert_int_equal(blocks_look_at(of(room, "vm-1"), &all, BLOCKS_LISTED, lacking), 0);
    assert_true(!lacking[0] && lacking[1]);
    const struct block_digest none = {{1}};
    assert_int_equal(blocks_look_at(of(room, "vm-1"), &(struct block_digests){&none, 1},
                                    BLOCKS_READ, lacking), 0);
    assert_true(lacking[0]);
    assert_int_equal(blocks_look_at(of(room, "vm-9"), &all, BLOCKS_READ, lacking),
                     BLOCKS_UNKNOWN);
}

static void a_batch_that_is_wrong_is_refused_as_a_whole(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0};
    (void)batch_add(room, &batch, 1);
    (void)batch_add(room, &batch, 2);
    batch.data[batch.length - 100] ^= 1;
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), BLOCKS_WRONG);
    batch.length -= 50;
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), BLOCKS_WRONG);
    assert_int_equal(count(room), 0);
}

static void full_is_a_refusal_and_all_that_is_there_stays(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text batch = {0}, more = {0}, got = {0};
    struct block_digest digest = batch_add(room, &batch, 1);
    for (uint64_t seed = 2; seed < 40; seed++)
        (void)batch_add(room, &more, seed);
    assert_int_equal(blocks_bound(of(room, "vm-1"), 10 * block_bytes, NULL), 0);
    assert_int_equal(blocks_put(of(room, "vm-1"), &batch, NULL), 0);
    assert_int_equal(blocks_put(of(room, "vm-1"), &more, NULL), BLOCKS_FULL); /* the bucket */
    assert_int_equal(count(room), 1);
    assert_int_equal(blocks_bound(of(room, "vm-1"), 256 * mib, NULL), 0);
    open_store(room, mib);
    assert_int_equal(blocks_put(of(room, "vm-1"), &more, NULL), BLOCKS_FULL); /* the store */
    assert_int_equal(count(room), 1);
    assert_int_equal(blocks_get(of(room, "vm-1"), &digest, &got, NULL), 0);
    open_store(room, 0);
    assert_int_equal(blocks_put(of(room, "vm-1"), &more, NULL), 0);
}

/* Puts versions for ever, and says the number of each that was taken. */
static void put_until_killed(const struct room *from, int told) {
    struct room room = *from;
    room.blocks = NULL;
    open_store(&room, 0);
    struct block_digest roots[2];
    for (uint64_t i = 0;; i++) {
        roots[i % 2] = version_put(&room, 1 + i, 8 + i);
        if (i && keep(&room, roots, 2))
            abort();
        if (write(told, &roots[i % 2], sizeof(*roots)) != (ssize_t)sizeof(*roots))
            abort();
    }
}

static void a_version_that_was_taken_is_whole_after_a_kill_at_any_point(void **state) {
    struct room *room = *state;
    blocks_close(take(room->blocks));
    for (useconds_t round = 1; round <= 12; round++) {
        int ends[2];
        struct block_digest last = {{0}}, next;
        assert_int_equal(pipe(ends), 0);
        pid_t process = fork();
        if (process == 0)
            put_until_killed(room, ends[1]);
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], &last, sizeof(last)), sizeof(last)); /* it is at it */
        (void)usleep(round * 1733);
        assert_int_equal(kill(process, SIGKILL), 0);
        assert_int_equal(waitpid(process, NULL, 0), process);
        while (read(ends[0], &next, sizeof(next)) == (ssize_t)sizeof(next))
            last = next;
        (void)close(ends[0]);
        open_store(room, 0);
        struct text root = {0};
        struct block_digest again;
        assert_int_equal(blocks_get_root(of(room, "vm-1"), &last, &root, NULL), 0);
        assert_int_equal(blocks_put_root(of(room, "vm-1"), &root, &again, NULL), 0); /* whole */
        assert_true(block_digest_equal(&again, &last));
        text_deinit(&root);
        blocks_close(take(room->blocks));
    }
}

static void a_file_of_something_else_is_refused(void **state) {
    struct room *room = *state;
    struct error err = {0};
    blocks_close(take(room->blocks));
    sql(room, "PRAGMA application_id = 1");
    assert_null(blocks_open(&(struct blocks_settings){.path = room->path}, &err));
    assert_non_null(strstr(err.text, "move it away"));
}

static void zeros_and_the_image_are_no_blocks(void **state) {
    struct room *room = *state;
    unsigned char *zeros = memory_new(1, block_bytes);
    struct block_digest digest;
    bool lacking[2] = {true, true};
    block_hash(&room->key, zeros, block_bytes, &digest);
    assert_true(block_digest_equal(&digest, &block_of_zeros));
    const struct block_digest none[2] = {block_of_zeros, block_of_image};
    assert_int_equal(blocks_lack(of(room, "vm-1"), &(struct block_digests){none, 2}, lacking), 0);
    assert_false(lacking[0] || lacking[1]);
    memory_free(zeros);
    struct block_digest root = version_put(room, 1, 0); /* nothing was written */
    assert_int_equal(count(room), 0);
    assert_int_equal(keep(room, &root, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_comes_back_after_reopening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_vms_have_nothing_in_common, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_is_of_one_vm_and_of_its_newest_operation, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_root_is_taken_once_all_that_it_names_is_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_no_kept_root_leads_to_is_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_damaged_block_is_found_by_its_digest_and_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_damaged_version_is_found_by_reading_it_and_the_others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_that_is_wrong_is_refused_as_a_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(full_is_a_refusal_and_all_that_is_there_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_version_that_was_taken_is_whole_after_a_kill_at_any_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_something_else_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zeros_and_the_image_are_no_blocks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
