/* A vhd's last sector says what it is; one that grows says it in its first as well, and has its
 * tables behind that. */
#include "io/image/import/vhd.h"

#include <string.h>

enum {
    sector = 512, at_data = 16, at_disk_bytes = 48, at_kind = 60, at_sum = 64,
    kind_fixed = 2, kind_dynamic = 3, kind_differencing = 4,
    dynamic_bytes = 1024, at_table = 16, at_entries = 28, at_block = 32, at_dynamic_sum = 36,
    at_parent = 40, parent_bytes = 16, most_block = 1 << 28,
};
static const char magic[] = "conectix", dynamic_magic[] = "cxsparse";

static bool has_magic(const struct bytes_file *file, uint64_t at) {
    char head[8];
    return bytes_read(file, at, head, sizeof(head)) && memcmp(head, magic, sizeof(head)) == 0;
}

bool vhd_is(const struct bytes_file *file) {
    return has_magic(file, 0) ||
           (file->length >= sector && has_magic(file, file->length - sector));
}

static bool has_sum(const unsigned char *bytes, size_t length, size_t at) {
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += i >= at && i < at + 4 ? 0 : bytes[i];
    return ~sum == bytes_be(bytes + at, 4);
}

static int judge_dynamic(const struct bytes_file *file, const unsigned char *foot,
                         struct error *err) {
    unsigned char head[dynamic_bytes];
    static const unsigned char none[parent_bytes];
    if (!bytes_read(file, bytes_be(foot + at_data, 8), head, sizeof(head)) ||
        memcmp(head, dynamic_magic, 8) != 0 || !has_sum(head, sizeof(head), at_dynamic_sum))
        return error_set(err, 1, "the disk's vhd head is damaged");
    if (memcmp(head + at_parent, none, sizeof(none)) != 0)
        return error_set(err, 1, "the disk is the difference to a parent that is not in it; merge "
                         "them first");
    uint64_t block = bytes_be(head + at_block, 4), entries = bytes_be(head + at_entries, 4);
    uint64_t at = bytes_be(head + at_table, 8);
    if (block < sector || block > most_block || block & (block - 1) ||
        entries * block < bytes_be(foot + at_disk_bytes, 8))
        return error_set(err, 1, "the disk's vhd head is damaged: its table is too small for it");
    if (at > file->length || entries * 4 > file->length - at)
        return error_set(err, 1, "the disk was cut: its table is not in it; copy it again");
    return 0;
}

int vhd_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err) {
    unsigned char foot[sector];
    bool grows = has_magic(file, 0);
    uint64_t at = grows ? 0 : file->length - sector;
    if (!bytes_read(file, at, foot, sizeof(foot)) || !has_sum(foot, sizeof(foot), at_sum))
        return error_set(err, 1, "the disk's vhd head is damaged");
    uint64_t kind = bytes_be(foot + at_kind, 4);
    *out_disk_bytes = bytes_be(foot + at_disk_bytes, 8);
    if (kind == kind_differencing)
        return error_set(err, 1, "the disk is the difference to a parent that is not in it; merge "
                         "them first");
    if (grows && kind == kind_dynamic)
        return judge_dynamic(file, foot, err);
    if (kind != kind_fixed || grows)
        return error_set(err, 1, "the disk is of a kind of vhd that is not known here");
    if (*out_disk_bytes > file->length - sector)
        return error_set(err, 1, "the disk was cut: its vhd head says that it is larger; copy it "
                         "again");
    return 0;
}
