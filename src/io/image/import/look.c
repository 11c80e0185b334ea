/* Signs of a firmware: code in the first sector or a partition for it (BIOS), a loader in the EFI
 * system partition (UEFI); with both, either does. */
#include "io/image/import/look.h"

#include <string.h>

#include "base/text.h"

enum {
    sector = 512, id_bytes = 16, most_entries = 128, entry_bytes = 128, code_bytes = 440,
    at_table = 446, at_signature = 510, kind_efi = 0xef, kind_gpt = 0xee, kind_extended = 5,
    name_bytes = 11, dir_entry_bytes = 32, most_clusters = 64, most_cluster_bytes = 1 << 16,
    is_folder = 0x10, is_label = 0x08,
};
/* As they are on the disk. */
static const unsigned char id_efi[id_bytes] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                               0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
static const unsigned char id_bios[id_bytes] = {0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e,
                                                0x74, 0x4e, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49};

/* --- a FAT file system (Microsoft's specification of 2005), as far as a folder's names go --- */

struct fat {
    const struct bytes_file *disk;
    uint64_t table_at, root_at, data_at; /* in bytes of the disk */
    uint64_t cluster_bytes, root_bytes;  /* root_bytes 0: the root is a chain, too */
    uint64_t clusters;
    uint32_t root;
    unsigned bits;
};

struct place {
    uint64_t at, length;
};

static bool fat_open(const struct bytes_file *disk, uint64_t at, struct fat *out) {
    unsigned char head[sector];
    if (!bytes_read(disk, at, head, sizeof(head)) || head[at_signature] != 0x55)
        return false;
    uint64_t bytes = bytes_le(head + 11, 2), reserved = bytes_le(head + 14, 2);
    uint64_t tables = head[16], roots = bytes_le(head + 17, 2);
    uint64_t all = bytes_le(head + 19, 2), table = bytes_le(head + 22, 2);
    all = all ? all : bytes_le(head + 32, 4);
    table = table ? table : bytes_le(head + 36, 4);
    *out = (struct fat){.disk = disk, .cluster_bytes = bytes * head[13],
                        .root_bytes = roots * dir_entry_bytes};
    if (bytes < sector || bytes > 4096 || !tables || tables > 2 || !out->cluster_bytes ||
        out->cluster_bytes > most_cluster_bytes)
        return false;
    out->table_at = at + reserved * bytes;
    out->root_at = out->table_at + tables * table * bytes;
    out->data_at = out->root_at + (out->root_bytes + bytes - 1) / bytes * bytes;
    uint64_t before = out->data_at - at;
    if (all * bytes <= before)
        return false;
    out->clusters = (all * bytes - before) / out->cluster_bytes;
    out->bits = out->clusters < 4085 ? 12 : out->clusters < 65525 ? 16 : 32;
    out->root = out->bits == 32 ? (uint32_t)bytes_le(head + 44, 4) : 0;
    return true;
}

/* The cluster behind this one; 0: none. */
static uint32_t next_cluster(const struct fat *fat, uint32_t cluster) {
    unsigned char bytes[4] = {0};
    uint64_t at = fat->table_at + (uint64_t)cluster * fat->bits / 8;
    if (!bytes_read(fat->disk, at, bytes, fat->bits == 32 ? 4 : 2))
        return 0;
    uint64_t next = bytes_le(bytes, 4);
    if (fat->bits == 12)
        next = cluster & 1 ? next >> 4 : next & 0xfff;
    next &= fat->bits == 32 ? 0x0fffffff : 0xffff;
    return next >= 2 && next < fat->clusters + 2 ? (uint32_t)next : 0;
}

/* Is the name in these entries? `out_cluster` is where its contents begin. */
static bool find_in(const struct fat *fat, const struct place *place, const char *name,
                    uint32_t *out_cluster) {
    unsigned char entry[dir_entry_bytes];
    for (uint64_t i = 0; i + sizeof(entry) <= place->length; i += sizeof(entry)) {
        if (!bytes_read(fat->disk, place->at + i, entry, sizeof(entry)) || !entry[0])
            return false;
        if (memcmp(entry, name, name_bytes) == 0 && !(entry[name_bytes] & is_label)) {
            *out_cluster = (uint32_t)(bytes_le(entry + 20, 2) << 16 | bytes_le(entry + 26, 2));
            return true;
        }
    }
    return false;
}

/* In the folder whose contents begin there, 0: in the root. */
static bool find_name(const struct fat *fat, uint32_t folder, const char *name,
                      uint32_t *out_cluster) {
    if (!folder && fat->bits != 32)
        return find_in(fat, &(struct place){fat->root_at, fat->root_bytes}, name, out_cluster);
    uint32_t cluster = folder ? folder : fat->root;
    for (int i = 0; i < most_clusters && cluster >= 2; i++) {
        const struct place place = {
            fat->data_at + (uint64_t)(cluster - 2) * fat->cluster_bytes, fat->cluster_bytes};
        if (find_in(fat, &place, name, out_cluster))
            return true;
        cluster = next_cluster(fat, cluster);
    }
    return false;
}

/* --- partitions --- */

struct signs {
    bool bios, uefi;
};

/* The loader that UEFI starts from a disk that it does not know. */
static void look_for_loader(const struct bytes_file *disk, uint64_t at, struct look *look,
                            struct signs *signs) {
    static const struct {
        const char *name, *architecture;
    } loaders[] = {{"BOOTX64 EFI", "x86_64"}, {"BOOTAA64EFI", "aarch64"}};
    struct fat fat;
    uint32_t efi = 0, boot = 0, loader;
    if (!fat_open(disk, at, &fat) || !find_name(&fat, 0, "EFI        ", &efi) || efi < 2 ||
        !find_name(&fat, efi, "BOOT       ", &boot) || boot < 2)
        return;
    for (size_t i = 0; i < array_size(loaders); i++)
        if (find_name(&fat, boot, loaders[i].name, &loader)) {
            text_format(look->architecture, sizeof(look->architecture), "%s",
                        loaders[i].architecture);
            signs->uefi = true;
        }
}

static void take_partition(struct look *look, uint64_t at) {
    if (look->partitions_count < look_most_partitions)
        look->partitions[look->partitions_count++] = at;
}

static void look_at_gpt(const struct bytes_file *disk, struct look *look, struct signs *signs) {
    unsigned char head[92], entry[entry_bytes];
    static const unsigned char none[id_bytes];
    if (!bytes_read(disk, sector, head, sizeof(head)) || memcmp(head, "EFI PART", 8) != 0)
        return;
    uint64_t at = bytes_le(head + 72, 8), count = bytes_le(head + 80, 4);
    uint64_t size = bytes_le(head + 84, 4);
    if (at > disk->length / sector || size < entry_bytes || size > 4096)
        return;
    for (uint64_t i = 0; i < count && i < most_entries; i++) {
        if (!bytes_read(disk, at * sector + i * size, entry, sizeof(entry)))
            return;
        uint64_t begin = bytes_le(entry + 32, 8);
        if (memcmp(entry, none, id_bytes) == 0 || begin > disk->length / sector)
            continue;
        if (memcmp(entry, id_efi, id_bytes) == 0)
            look_for_loader(disk, begin * sector, look, signs);
        else if (memcmp(entry, id_bios, id_bytes) == 0)
            signs->bios = true;
        else
            take_partition(look, begin * sector);
    }
}

void look_at(const struct bytes_file *disk, struct look *out) {
    static const unsigned char none[code_bytes];
    unsigned char head[sector] = {0};
    struct signs signs = {0};
    bool is_gpt = false;
    *out = (struct look){0};
    bytes_read_padded(disk, 0, head, sizeof(head));
    for (int i = 0; i < 4 && head[at_signature] == 0x55; i++) {
        const unsigned char *row = head + at_table + 16 * i;
        uint64_t at = bytes_le(row + 8, 4) * sector;
        is_gpt |= row[4] == kind_gpt;
        if (row[4] == kind_efi)
            look_for_loader(disk, at, out, &signs);
        else if (row[4] && row[4] != kind_gpt && row[4] != kind_extended)
            take_partition(out, at);
    }
    if (is_gpt)
        look_at_gpt(disk, out, &signs);
    else
        signs.bios |= memcmp(head, none, sizeof(none)) != 0;
    if (signs.bios != signs.uefi)
        out->firmware = signs.bios ? FIRMWARE_BIOS : FIRMWARE_UEFI;
}
