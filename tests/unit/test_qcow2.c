/* Disks as they come from outside: what QEMU would need another file, a key or a repair for is
 * refused with words, and so is one that was cut, however its bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/image/qcow2.h"

enum { cluster = 1 << 16, file_bytes = 8 * cluster };

/* Head, table, counts, and five clusters more, all in use. */
static unsigned char *disk_new(void) {
    unsigned char *disk = memory_new(1, file_bytes);
    memcpy(disk, "QFI\xfb\0\0\0\3", 8);
    disk[23] = 16;            /* bits of a cluster */
    disk[28] = 0xc0;          /* 3 GiB */
    disk[53] = disk[59] = 1;  /* the table: at the second cluster, one */
    disk[99] = 4;             /* 16 bits a count */
    disk[cluster + 5] = 2;    /* the counts: at the third */
    for (size_t i = 0; i < 8; i++)
        disk[2 * cluster + 2 * i + 1] = 1;
    return disk;
}

/* Judges the first `length` bytes, which come in pieces. */
static int judge(const unsigned char *disk, size_t length, size_t piece, struct error *err) {
    auto_clean(qcow2_deinit) struct qcow2 qcow2;
    qcow2_init(&qcow2, length);
    for (size_t at = 0; at < length; at += piece)
        qcow2_add(&qcow2, at, disk + at, length - at < piece ? length - at : piece);
    qcow2_end(&qcow2);
    *err = qcow2.fault;
    if (!err->code)
        assert_int_equal(qcow2.disk_bytes, UINT64_C(3) << 30);
    return err->code;
}

static const size_t pieces[] = {1, 7, 512, 100000, file_bytes};

static void a_whole_disk_is_judged_sound_however_it_comes(void **state) {
    (void)state;
    struct error err;
    auto_clean(memory_clean) unsigned char *disk = disk_new();
    for (size_t i = 0; i < array_size(pieces); i++)
        assert_int_equal(judge(disk, file_bytes, pieces[i], &err), 0);
    assert_int_equal(judge(disk, file_bytes - 100, 512, &err), 0); /* its last cluster is short */
}

static void what_is_wrong_is_told_with_words(void **state) {
    (void)state;
    static const struct {
        size_t at;
        unsigned char byte;
        const char *words;
    } cases[] = {
        {0, 'K', "is not qcow2"},
        {7, 4, "version"},
        {15, 104, "refers to another file"},
        {79, 4, "refers to another file"},
        {35, 1, "encrypted"},
        {35, 2, "encrypted"},
        {79, 2, "marked as corrupt"},
        {79, 32, "features that are not known"},
        {72, 128, "features that are not known"},
        {63, 1, "snapshots"},
        {23, 8, "damaged"},
        {23, 60, "damaged"},
        {99, 7, "damaged"},
        {56, 255, "damaged"},
        {50, 1, "was cut"},
        {cluster, 1, "was cut"},
        {2 * cluster + 2 * 8 + 1, 1, "was cut"},
    };
    for (size_t i = 0; i < array_size(cases); i++) {
        struct error err;
        auto_clean(memory_clean) unsigned char *disk = disk_new();
        disk[cases[i].at] = cases[i].byte;
        assert_true(judge(disk, file_bytes, 4096, &err) > 0);
        if (!strstr(err.text, cases[i].words))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
    }
}

static void a_cut_disk_is_refused_wherever_it_is_cut(void **state) {
    (void)state;
    static const size_t lengths[] = {0,           3,           71,          104,     cluster,
                                     2 * cluster, 3 * cluster, 5 * cluster, 7 * cluster};
    for (size_t i = 0; i < array_size(lengths); i++)
        for (size_t j = 0; j < array_size(pieces); j++) {
            struct error err;
            auto_clean(memory_clean) unsigned char *disk = disk_new();
            assert_true(judge(disk, lengths[i], pieces[j], &err) > 0);
        }
}

static void features_that_are_known_and_counts_of_a_bit_are_taken(void **state) {
    (void)state;
    struct error err;
    auto_clean(memory_clean) unsigned char *disk = disk_new();
    disk[79] = 1 | 8 | 16; /* not closed, zstd, extended L2 entries */
    disk[99] = 0;
    memset(disk + 2 * cluster, 0, cluster);
    disk[2 * cluster] = 0xff; /* eight clusters */
    assert_int_equal(judge(disk, file_bytes, 512, &err), 0);
    assert_true(judge(disk, 7 * cluster, 512, &err) > 0);
}

static void counts_before_their_table_are_no_fault(void **state) {
    (void)state;
    struct error err;
    auto_clean(memory_clean) unsigned char *disk = disk_new();
    disk[53] = 4; /* the table is the fifth cluster, the counts are before it */
    disk[4 * cluster + 5] = 2;
    assert_int_equal(judge(disk, 6 * cluster, 512, &err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_disk_is_judged_sound_however_it_comes),
        cmocka_unit_test(what_is_wrong_is_told_with_words),
        cmocka_unit_test(a_cut_disk_is_refused_wherever_it_is_cut),
        cmocka_unit_test(features_that_are_known_and_counts_of_a_bit_are_taken),
        cmocka_unit_test(counts_before_their_table_are_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
