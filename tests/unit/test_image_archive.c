/* Archives as they arrive from outside: good ones unpack whole, every broken one is refused with
 * its reason and leaves nothing behind. The tar headers are written by hand, so that they can
 * lie. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/image/archive.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

static const char good_manifest[] =
    "{\"format\":1,\"architecture\":\"x86_64\",\"disk\":\"disk.qcow2\",\"disk_format\":\"qcow2\"}";

static const struct image_bounds no_bounds;

struct room {
    char folder[64]; /* a temporary one, for everything */
    char archive[96];
    char target[96];
    struct text tar;
};

static int set_up(void **state) {
    struct room *room = memory_new(1, sizeof(*room));
    text_format(room->folder, sizeof(room->folder), "/tmp/isthmus-archive-XXXXXX");
    assert_non_null(mkdtemp(room->folder));
    text_format(room->archive, sizeof(room->archive), "%s/archive", room->folder);
    text_format(room->target, sizeof(room->target), "%s/image", room->folder);
    *state = room;
    return 0;
}

static int tear_down(void **state) {
    struct room *room = *state;
    assert_int_equal(folder_remove(room->folder, NULL), 0);
    text_deinit(&room->tar);
    memory_free(room);
    return 0;
}

struct header { /* POSIX.1-1988 ustar */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], rest[247];
};
_Static_assert(sizeof(struct header) == 512, "a tar header is a block");

static void put_sum(struct room *room, struct header *header) {
    memset(header->checksum, ' ', sizeof(header->checksum));
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(*header); i++)
        sum += ((const unsigned char *)header)[i];
    text_format(header->checksum, sizeof(header->checksum), "%06o", sum);
    text_add_bytes(&room->tar, (const char *)header, sizeof(*header));
}

static void put_number(char field[12], uint64_t number) {
    if (number < UINT64_C(1) << 33) {
        text_format(field, 12, "%011" PRIo64, number);
        return;
    }
    field[0] = (char)0x80; /* GNU's base 256 for large numbers */
    for (size_t i = 0; i < 8; i++)
        field[11 - i] = (char)(number >> (8 * i));
}

struct piece {
    uint64_t at, bytes;
};

/* Old GNU sparse where `pieces` is given, two of them: the file then has `real` bytes. */
static void put_sparse(struct room *room, const char *name, const struct piece *pieces,
                       uint64_t bytes, uint64_t real) {
    struct header header = {.mode = "0000644", .uid = "0000000", .gid = "0000000",
                            .mtime = "00000000000", .type = 'S', .magic = "ustar ",
                            .version = " "};
    text_format(header.name, sizeof(header.name), "%s", name);
    put_number(header.size, bytes);
    for (size_t i = 0; i < 2; i++) { /* from byte 386 on: where it is, how long */
        put_number(header.rest + 121 + 24 * i, pieces[i].at);
        put_number(header.rest + 133 + 24 * i, pieces[i].bytes);
    }
    put_number(header.rest + 218, real); /* byte 483 */
    put_sum(room, &header);
}

static void put_header(struct room *room, const char *name, char type, uint64_t bytes) {
    struct header header = {.mode = "0000644", .uid = "0000000", .gid = "0000000",
                            .mtime = "00000000000", .type = type, .magic = "ustar",
                            .version = {'0', '0'}};
    text_format(header.name, sizeof(header.name), "%s", name);
    if (type == '2')
        text_format(header.link, sizeof(header.link), "/etc/passwd");
    put_number(header.size, bytes);
    put_sum(room, &header);
}

static void put_entry(struct room *room, const char *name, const void *bytes, size_t length) {
    static const char zeros[512];
    put_header(room, name, '0', length);
    text_add_bytes(&room->tar, bytes, length);
    text_add_bytes(&room->tar, zeros, (512 - length % 512) % 512);
}

enum { disk_file_bytes = 200000 };

/* A qcow2 header that claims 3 GiB, a hole, and a last byte. */
static void put_disk(struct room *room, const char *name, unsigned char backing) {
    unsigned char *disk = memory_new(1, disk_file_bytes);
    memcpy(disk, "QFI\xfb\0\0\0\3", 8);
    disk[15] = backing;
    disk[23] = 16; /* clusters of 64 KiB */
    disk[28] = 0xc0;
    disk[53] = 1; /* the table of counts is the second cluster, */
    disk[59] = 1; /* and one alone */
    disk[99] = 4; /* counts have 16 bits */
    disk[disk_file_bytes - 1] = 7;
    put_entry(room, name, disk, disk_file_bytes);
    memory_free(disk);
}

static void put_disk_of_zeros(struct room *room, const char *name, size_t length) {
    auto_clean(memory_clean) char *disk = memory_new(1, length);
    put_entry(room, name, disk, length);
}

static void put_manifest(struct room *room, const char *manifest) {
    put_entry(room, "manifest.json", manifest, strlen(manifest));
}

static void write_archive(struct room *room, size_t length) {
    int fd = open(room->archive, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write(fd, text_data(&room->tar), length, room->archive, NULL), 0);
    assert_int_equal(close(fd), 0);
}

static void finish(struct room *room) {
    static const char end[1024];
    text_add_bytes(&room->tar, end, sizeof(end));
    write_archive(room, room->tar.length);
}

static size_t count_files(const char *folder) {
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    size_t count = 0;
    for (const struct dirent *file; (file = readdir(directory));)
        count += file->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* Unpack and check agree that the archive is broken, both say `why`, nothing is left. */
static void refused(struct room *room, const char *why) {
    struct image_facts facts;
    struct error err = {0};
    assert_int_equal(image_archive_unpack(room->archive, &no_bounds, room->target, &facts, &err),
                     IMAGE_MALFORMED);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    assert_int_equal(count_files(room->folder), 1);
    err = (struct error){0};
    assert_true(image_archive_check(room->archive, &no_bounds, &facts, &err) < 0);
    assert_non_null(strstr(err.text, why));
}

static void put_good(struct room *room) {
    put_disk(room, "disk.qcow2", 0);
    put_manifest(room, good_manifest);
    put_entry(room, "README", "read me", 7);
    finish(room);
}

static void a_good_archive_is_unpacked_with_its_facts(void **state) {
    struct room *room = *state;
    put_good(room);
    char digest[limit_digest_size];
    struct error err = {0};
    assert_int_equal(secret_hash_file(room->archive, digest, &err), 0);

    struct image_facts facts, again;
    assert_int_equal(image_archive_unpack(room->archive, &(struct image_bounds){.digest = digest},
                                          room->target, &facts, &err), 0);
    assert_string_equal(facts.digest, digest);
    assert_string_equal(facts.architecture, "x86_64");
    assert_string_equal(facts.disk_format, "qcow2");
    assert_int_equal(facts.disk_bytes, UINT64_C(3) << 30);
    assert_int_equal(facts.archive_bytes, room->tar.length);
    assert_int_equal(count_files(room->target), 2);
    assert_int_equal(count_files(room->folder), 2);

    char path[128];
    unsigned char last = 0;
    text_format(path, sizeof(path), "%s/disk", room->target);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, &last, 1, disk_file_bytes - 1), 1);
    assert_int_equal(last, 7);
    assert_int_equal(lseek(fd, 0, SEEK_END), disk_file_bytes);
    close(fd);

    assert_int_equal(image_archive_check(room->archive, &no_bounds, &again, &err), 0);
    assert_string_equal(again.digest, digest);
    assert_int_equal(again.disk_bytes, facts.disk_bytes);
    assert_int_equal(image_folder_facts(room->target, &again, &err), 0);
    assert_int_equal(again.disk_bytes, facts.disk_bytes);
    assert_string_equal(again.disk_format, "qcow2");
}

static void a_raw_disk_is_as_large_as_its_file(void **state) {
    struct room *room = *state;
    put_manifest(room, "{\"format\":1,\"architecture\":\"x86_64\",\"disk\":\"d\","
                       "\"disk_format\":\"raw\"}");
    put_disk_of_zeros(room, "d", 5000);
    finish(room);
    struct image_facts facts;
    assert_int_equal(image_archive_check(room->archive, &no_bounds, &facts, NULL), 0);
    assert_int_equal(facts.disk_bytes, 5000);
}

static void what_a_killed_run_left_is_replaced(void **state) {
    struct room *room = *state;
    char left[128];
    text_format(left, sizeof(left), "%s.new/0", room->target);
    assert_int_equal(folder_make(left, 0700, NULL), 0);
    put_good(room);
    struct image_facts facts;
    assert_int_equal(image_archive_unpack(room->archive, &no_bounds, room->target, &facts, NULL),
                     0);
    assert_int_equal(count_files(room->target), 2);
}

static void another_digest_is_refused_and_leaves_nothing(void **state) {
    struct room *room = *state;
    put_good(room);
    char other[limit_digest_size];
    memset(other, 'a', sizeof(other) - 1);
    other[sizeof(other) - 1] = 0;
    struct image_facts facts;
    struct error err = {0};
    assert_int_equal(image_archive_unpack(room->archive, &(struct image_bounds){.digest = other},
                                          room->target, &facts, &err),
                     IMAGE_WRONG_DIGEST);
    assert_non_null(strstr(err.text, facts.digest));
    assert_int_equal(count_files(room->folder), 1);
}

static void a_cut_archive_with_a_digest_is_told_as_a_wrong_digest(void **state) {
    struct room *room = *state;
    put_good(room);
    char digest[limit_digest_size];
    assert_int_equal(secret_hash_file(room->archive, digest, NULL), 0);
    write_archive(room, disk_file_bytes / 2);
    struct image_facts facts;
    assert_int_equal(image_archive_unpack(room->archive, &(struct image_bounds){.digest = digest},
                                          room->target, &facts, NULL),
                     IMAGE_WRONG_DIGEST);
    assert_int_equal(count_files(room->folder), 1);
}

static void a_cut_archive_is_refused_wherever_it_is_cut(void **state) {
    struct room *room = *state;
    put_good(room);
    static const size_t lengths[] = {0, 1, 511, 513, 100000};
    for (size_t i = 0; i < array_size(lengths); i++) {
        write_archive(room, lengths[i]);
        refused(room, "is broken");
    }
}

static void garbage_is_refused(void **state) {
    struct room *room = *state;
    for (size_t i = 0; i < 5000; i++)
        text_add_bytes(&room->tar, &(char){(char)(i * 37 + i / 7)}, 1);
    write_archive(room, room->tar.length);
    refused(room, "not a whole tar archive");
}

static void an_archive_without_a_manifest_is_refused(void **state) {
    put_disk(*state, "disk.qcow2", 0);
    finish(*state);
    refused(*state, "no manifest.json");
}

static void an_archive_without_its_disk_is_refused(void **state) {
    put_manifest(*state, good_manifest);
    finish(*state);
    refused(*state, "disk disk.qcow2 is not in it");
}

static void a_manifest_that_is_wrong_is_refused_by_field(void **state) {
    static const char *const cases[][2] = {
        {"{\"format\":2,\"architecture\":\"x86_64\",\"disk\":\"d\",\"disk_format\":\"raw\"}",
         "format"},
        {"{\"format\":1,\"architecture\":\"x'/><a b='\",\"disk\":\"d\",\"disk_format\":\"raw\"}",
         "architecture"},
        {"{\"format\":1,\"architecture\":\"\",\"disk\":\"d\",\"disk_format\":\"raw\"}",
         "architecture"},
        {"{\"format\":1,\"architecture\":\"x86_64\",\"disk\":\"d\",\"disk_format\":\"vmdk\"}",
         "disk_format"},
        {"{\"format\":1,\"architecture\":\"x86_64\",\"disk_format\":\"raw\"}", "disk"},
        {"{\"format\":1,", "manifest.json"},
    };
    struct room *room = *state;
    for (size_t i = 0; i < array_size(cases); i++) {
        text_clear(&room->tar);
        put_manifest(room, cases[i][0]);
        put_disk(room, "d", 0);
        finish(room);
        refused(room, cases[i][1]);
    }
}

static void an_entry_with_a_path_is_refused(void **state) {
    static const char *const names[] = {"../disk.qcow2", "/etc/disk", "folder/disk", "..", ".x"};
    struct room *room = *state;
    for (size_t i = 0; i < array_size(names); i++) {
        text_clear(&room->tar);
        put_manifest(room, good_manifest);
        put_disk(room, names[i], 0);
        finish(room);
        refused(room, "must be plain");
    }
}

static void an_entry_that_is_no_plain_file_is_refused(void **state) {
    static const char types[] = {'1', '2', '3', '5', '6'}; /* links, device, folder, pipe */
    struct room *room = *state;
    for (size_t i = 0; i < sizeof(types); i++) {
        text_clear(&room->tar);
        put_header(room, "disk.qcow2", types[i], 0);
        put_manifest(room, good_manifest);
        finish(room);
        refused(room, "not a plain file");
    }
}

static void a_repeated_entry_is_refused(void **state) {
    put_manifest(*state, good_manifest);
    put_manifest(*state, good_manifest);
    finish(*state);
    refused(*state, "comes twice");
}

static void a_huge_declared_size_is_refused(void **state) {
    put_manifest(*state, good_manifest);
    put_header(*state, "disk.qcow2", '0', UINT64_C(1) << 60);
    finish(*state);
    refused(*state, "larger than");
}

static void a_huge_manifest_is_refused(void **state) {
    put_header(*state, "manifest.json", '0', UINT64_C(1) << 20);
    finish(*state);
    refused(*state, "larger than");
}

static void a_disk_with_a_backing_file_is_refused(void **state) {
    put_manifest(*state, good_manifest);
    put_disk(*state, "disk.qcow2", 104);
    finish(*state);
    refused(*state, "refers to another file");
}

static const char raw_manifest[] =
    "{\"format\":1,\"architecture\":\"x86_64\",\"disk\":\"d\",\"disk_format\":\"raw\"}";

static void tar_of_a_folder_is_as_one_of_its_files(void **state) {
    struct room *room = *state;
    put_header(room, "./", '5', 0);
    put_entry(room, "./manifest.json", raw_manifest, strlen(raw_manifest));
    put_disk_of_zeros(room, "./d", 1024);
    finish(room);
    struct image_facts facts;
    struct error err = {0};
    assert_int_equal(image_archive_unpack(room->archive, &no_bounds, room->target, &facts, &err),
                     0);
    assert_int_equal(facts.disk_bytes, 1024);
    assert_int_equal(count_files(room->target), 2);
}

static void a_disk_alone_is_told_what_it_lacks(void **state) {
    struct room *room = *state;
    text_add_bytes(&room->tar, "QFI\xfb\0\0\0\3", 8);
    finish(room);
    refused(room, "it is a qcow2 disk alone");
}

static void a_manifest_with_holes_is_refused(void **state) {
    struct room *room = *state;
    const struct piece pieces[] = {{0, 512}, {1024, 512}};
    char bytes[1024];
    memset(bytes, ' ', sizeof(bytes));
    put_sparse(room, "manifest.json", pieces, sizeof(bytes), 1536);
    text_add_bytes(&room->tar, bytes, sizeof(bytes));
    put_disk_of_zeros(room, "d", 512);
    finish(room);
    refused(room, "has holes");
}

/* What it declares is small; what comes is not. */
static void more_than_an_entry_declares_is_refused(void **state) {
    static const struct piece cases[][2] = {
        {{0, 512}, {512, 1 << 20}},        /* far over its size */
        {{0, 512}, {UINT64_C(1) << 40, 512}}, /* far beyond its end */
        {{0, 512}, {0, 512}},              /* its head twice: judged once, and then another */
        {{1024, 512}, {0, 512}},
    };
    struct room *room = *state;
    auto_clean(memory_clean) char *bytes = memory_new(1, 512 + (1 << 20));
    for (size_t i = 0; i < array_size(cases); i++) {
        size_t length = cases[i][0].bytes + cases[i][1].bytes;
        text_clear(&room->tar);
        put_manifest(room, raw_manifest);
        put_sparse(room, "d", cases[i], length, 1536);
        text_add_bytes(&room->tar, bytes, length);
        finish(room);
        refused(room, i == 3 ? "" : "pieces outside of itself");
    }
}

enum { zstd_block = 1 << 17 };

/* A zstd frame (RFC 8878): a copy of `bytes`, or `length` times the byte 0. */
static void put_zstd(struct text *out, const char *bytes, size_t length) {
    text_add_bytes(out, "\x28\xb5\x2f\xfd\x00\x38", 6); /* a window of 128 KiB */
    for (size_t at = 0; at < length; at += zstd_block) {
        size_t piece = length - at < zstd_block ? length - at : zstd_block;
        size_t head = piece << 3 | (bytes ? 0 : 1 << 1) | (at + piece == length);
        const char three[] = {(char)head, (char)(head >> 8), (char)(head >> 16)};
        text_add_bytes(out, three, sizeof(three));
        text_add_bytes(out, bytes ? bytes + at : "", bytes ? piece : 1);
    }
}

/* A disk of so many zeros, and what tar itself does not say of it, in a few kilobytes. */
static void pack_zeros(struct room *room, uint64_t bytes) {
    auto_clean(text_deinit) struct text packed = {0};
    put_manifest(room, raw_manifest);
    put_header(room, "d", '0', bytes);
    put_zstd(&packed, text_data(&room->tar), room->tar.length);
    put_zstd(&packed, NULL, bytes);
    put_zstd(&packed, NULL, 1024);
    text_clear(&room->tar);
    text_add_bytes(&room->tar, text_data(&packed), packed.length);
}

static int unpack_within(struct room *room, const struct image_bounds *bounds, struct error *err) {
    struct image_facts facts;
    *err = (struct error){0};
    int fault = image_archive_unpack(room->archive, bounds, room->target, &facts, err);
    assert_int_equal(count_files(room->folder), fault ? 1 : 2);
    return fault;
}

static void what_comes_out_has_a_limit(void **state) {
    struct room *room = *state;
    struct error err;
    pack_zeros(room, UINT64_C(1) << 30);
    write_archive(room, room->tar.length);
    assert_int_equal(unpack_within(room, &(struct image_bounds){.most_bytes = 1 << 29}, &err),
                     IMAGE_OVER_LIMIT);
    assert_non_null(strstr(err.text, "larger than"));
    assert_int_equal(unpack_within(room, &(struct image_bounds){.most_bytes = 1 << 30}, &err), 0);
}

static void what_is_beside_the_disk_counts_too(void **state) {
    struct room *room = *state;
    struct error err;
    put_manifest(room, raw_manifest);
    for (char name[] = "a"; *name < 'd'; ++*name)
        put_disk_of_zeros(room, name, 6 << 20);
    put_disk_of_zeros(room, "d", 512);
    finish(room);
    assert_int_equal(unpack_within(room, &(struct image_bounds){.most_bytes = 1 << 20}, &err),
                     IMAGE_OVER_LIMIT);
    assert_non_null(strstr(err.text, "come out of it"));
}

static void an_archive_that_is_packed_twice_is_refused(void **state) {
    struct room *room = *state;
    auto_clean(text_deinit) struct text packed = {0};
    pack_zeros(room, UINT64_C(1) << 30);
    put_zstd(&packed, text_data(&room->tar), room->tar.length);
    text_clear(&room->tar);
    text_add_bytes(&room->tar, text_data(&packed), packed.length);
    write_archive(room, room->tar.length);
    refused(room, "not a whole tar archive");
}

static void what_is_cancelled_is_given_up_at_once(void **state) {
    struct room *room = *state;
    struct error err;
    const atomic_bool cancel = true;
    pack_zeros(room, UINT64_C(1) << 30);
    write_archive(room, room->tar.length);
    assert_int_equal(unpack_within(room, &(struct image_bounds){.cancel = &cancel}, &err),
                     -ECANCELED);
}

static void what_is_to_be_left_free_is_left_free(void **state) {
    struct room *room = *state;
    struct error err;
    put_good(room);
    assert_int_equal(unpack_within(room, &(struct image_bounds){.reserve_bytes = UINT64_MAX}, &err),
                     -ENOSPC);
    assert_non_null(strstr(err.text, "are kept; free some space"));
}

static void a_missing_archive_is_an_error_of_ours(void **state) {
    struct room *room = *state;
    struct image_facts facts;
    struct error err = {0};
    assert_true(image_archive_unpack(room->archive, &no_bounds, room->target, &facts, &err) < 0);
    assert_non_null(strstr(err.text, room->archive));
    assert_int_equal(count_files(room->folder), 0);
}

static void tokens_differ_and_fit_into_a_header(void **state) {
    (void)state;
    char one[secret_token_size], other[secret_token_size], digest[limit_digest_size];
    secret_token(one);
    secret_token(other);
    assert_int_equal(strlen(one), 43);
    assert_int_equal(
        strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_string_not_equal(one, other);
    secret_hash_bytes("abc", 3, digest); /* FIPS 180-2, B.1 */
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_good_archive_is_unpacked_with_its_facts),
        test(a_raw_disk_is_as_large_as_its_file),
        test(what_a_killed_run_left_is_replaced),
        test(another_digest_is_refused_and_leaves_nothing),
        test(a_cut_archive_with_a_digest_is_told_as_a_wrong_digest),
        test(a_cut_archive_is_refused_wherever_it_is_cut),
        test(garbage_is_refused),
        test(an_archive_without_a_manifest_is_refused),
        test(an_archive_without_its_disk_is_refused),
        test(a_manifest_that_is_wrong_is_refused_by_field),
        test(an_entry_with_a_path_is_refused),
        test(an_entry_that_is_no_plain_file_is_refused),
        test(a_repeated_entry_is_refused),
        test(a_huge_declared_size_is_refused),
        test(a_huge_manifest_is_refused),
        test(a_disk_with_a_backing_file_is_refused),
        test(tar_of_a_folder_is_as_one_of_its_files),
        test(a_disk_alone_is_told_what_it_lacks),
        test(a_manifest_with_holes_is_refused),
        test(more_than_an_entry_declares_is_refused),
        test(what_comes_out_has_a_limit),
        test(what_is_beside_the_disk_counts_too),
        test(an_archive_that_is_packed_twice_is_refused),
        test(what_is_cancelled_is_given_up_at_once),
        test(what_is_to_be_left_free_is_left_free),
        test(a_missing_archive_is_an_error_of_ours),
        test(tokens_differ_and_fit_into_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
