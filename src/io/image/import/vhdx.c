/* Where a vhdx keeps what it says of itself: a table of areas, one of which holds a table of
 * items. Any item that is a parent's place refuses it, whether it says that it has one or not. */
#include "io/image/import/vhdx.h"

#include <string.h>

enum {
    kib = 1024, mib = 1024 * 1024, head_1 = 64 * kib, head_2 = 128 * kib, areas_1 = 192 * kib,
    areas_2 = 256 * kib, id_bytes = 16, at_log_id = 48, log_id_bytes = 16,
    table_head = 16, most_areas = 2047, area_bytes = 32,
    items_head = 32, most_items = 2047, item_bytes = 32, flag_has_parent = 2,
};
/* As they are in the file. */
static const unsigned char id_metadata[id_bytes] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                                    0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const unsigned char id_table[id_bytes] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                                 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const unsigned char id_file[id_bytes] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                                0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const unsigned char id_size[id_bytes] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                                0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
static const unsigned char id_parent[id_bytes] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
                                                  0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};

bool vhdx_is(const struct bytes_file *file) {
    char head[8];
    return bytes_read(file, 0, head, sizeof(head)) && memcmp(head, "vhdxfile", 8) == 0;
}

static int damaged(const char *what, struct error *err) {
    return error_set(err, 1, "the disk's vhdx head is damaged: %s", what);
}

/* A head with something in its log would have a tool write into the file first. */
static int judge_log(const struct bytes_file *file, struct error *err) {
    static const unsigned char none[log_id_bytes];
    static const uint64_t heads[] = {head_1, head_2};
    unsigned char head[at_log_id + log_id_bytes];
    unsigned there = 0;
    for (size_t i = 0; i < 2; i++) {
        if (!bytes_read(file, heads[i], head, sizeof(head)) || memcmp(head, "head", 4) != 0)
            continue;
        there++;
        if (memcmp(head + at_log_id, none, sizeof(none)) != 0)
            return error_set(err, 1, "the disk is a vhdx that was not closed: what is in its log "
                             "would be lost; open and close it where it was made, or use qemu-img "
                             "check -r all");
    }
    return there ? 0 : damaged("no head", err);
}

struct area {
    uint64_t at, length;
};

/* Both copies of the table say the same of the metadata, and of nothing else that is needed. */
static int find_metadata(const struct bytes_file *file, uint64_t table_at, struct area *out,
                         struct error *err) {
    unsigned char table[table_head], area[area_bytes];
    if (!bytes_read(file, table_at, table, sizeof(table)) || memcmp(table, "regi", 4) != 0)
        return damaged("no table of areas", err);
    uint64_t count = bytes_le(table + 8, 4);
    if (count > most_areas)
        return damaged("too many areas", err);
    *out = (struct area){0};
    for (uint64_t i = 0; i < count; i++) {
        if (!bytes_read(file, table_at + table_head + i * area_bytes, area, sizeof(area)))
            return damaged("its areas are not in it", err);
        struct area found = {bytes_le(area + id_bytes, 8), bytes_le(area + 24, 4)};
        bool is_metadata = memcmp(area, id_metadata, id_bytes) == 0;
        if (!is_metadata && memcmp(area, id_table, id_bytes) != 0) {
            if (bytes_le(area + 28, 4) & 1)
                return damaged("it needs an area that is not known here", err);
            continue;
        }
        if (found.at < mib || found.at % mib || !found.length || found.at > file->length ||
            found.length > file->length - found.at)
            return damaged("an area is not in it", err);
        if (is_metadata && out->at)
            return damaged("two areas of metadata", err);
        if (is_metadata)
            *out = found;
    }
    return out->at ? 0 : damaged("no metadata", err);
}

struct metadata {
    const struct bytes_file *file;
    struct area area;
};

static int judge_item(const struct metadata *metadata, const unsigned char *item, uint64_t *size,
                      struct error *err) {
    unsigned char value[8];
    uint64_t at = bytes_le(item + id_bytes, 4), length = bytes_le(item + 20, 4);
    bool is_file = memcmp(item, id_file, id_bytes) == 0;
    if (memcmp(item, id_parent, id_bytes) == 0)
        return error_set(err, 1, "the disk is the difference to a parent that is not in it; merge "
                         "them first");
    if (!is_file && memcmp(item, id_size, id_bytes) != 0)
        return 0;
    if (length != 8 || at > metadata->area.length - 8 || metadata->area.length < 8 ||
        !bytes_read(metadata->file, metadata->area.at + at, value, sizeof(value)))
        return damaged("an item is not in it", err);
    if (is_file && bytes_le(value + 4, 4) & flag_has_parent)
        return error_set(err, 1, "the disk is the difference to a parent that is not in it; merge "
                         "them first");
    if (!is_file && *size)
        return damaged("it says two sizes", err);
    if (!is_file)
        *size = bytes_le(value, 8);
    return 0;
}

int vhdx_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err) {
    struct area metadata, other;
    unsigned char head[items_head], item[item_bytes];
    *out_disk_bytes = 0;
    int fault = judge_log(file, err);
    if (!fault)
        fault = find_metadata(file, areas_1, &metadata, err);
    if (!fault)
        fault = find_metadata(file, areas_2, &other, err);
    if (fault)
        return fault;
    if (other.at != metadata.at || other.length != metadata.length)
        return damaged("its two tables of areas differ", err);
    if (!bytes_read(file, metadata.at, head, sizeof(head)) || memcmp(head, "metadata", 8) != 0)
        return damaged("no table of items", err);
    uint64_t count = bytes_le(head + 10, 2);
    if (count > most_items)
        return damaged("too many items", err);
    for (uint64_t i = 0; i < count && !fault; i++) {
        if (!bytes_read(file, metadata.at + items_head + i * item_bytes, item, sizeof(item)))
            return damaged("its items are not in it", err);
        fault = judge_item(&(struct metadata){file, metadata}, item, out_disk_bytes, err);
    }
    if (!fault && !*out_disk_bytes)
        fault = damaged("it does not say its size", err);
    return fault;
}
