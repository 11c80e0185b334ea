/* Which vmdk is alone: one sparse extent, no parent. QEMU takes a head without capacity for a
 * pointer to a descriptor, and looks for a parent in the 10 KiB behind the head whatever that says
 * of where its descriptor is; both are looked at here. */
#include "io/image/import/vmdk.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    sector = 512, head_bytes = 79, entries_of_table = 512,
    at_version = 4, at_capacity = 12, at_grain = 20, at_descriptor = 28,
    at_descriptor_sectors = 36, at_entries = 44, at_directory = 56, at_newlines = 73,
    at_packing = 77,
    most_version = 3, most_grain = 1 << 12, qemu_descriptor_bytes = 20 * sector,
    most_descriptor_bytes = 1 << 20, footer_from_end = 1024,
};
static const uint64_t directory_at_end = UINT64_MAX;
static const char magic[] = "KDMV", text_magic[] = "# Disk DescriptorFile", cow_magic[] = "COWD";

bool vmdk_is(const struct bytes_file *file) {
    char head[sizeof(text_magic) - 1] = "";
    bytes_read_padded(file, 0, head, sizeof(head));
    return memcmp(head, magic, 4) == 0 || memcmp(head, cow_magic, 4) == 0 ||
           memcmp(head, text_magic, sizeof(head)) == 0;
}

/* What stands behind `name` on a line of its own: name="value", or name=value. */
static bool line_value(const char *line, const char *name, char *out, size_t size) {
    size_t length = strlen(name);
    out[0] = 0;
    if (strncasecmp(line, name, length) != 0)
        return false;
    line += length;
    line += strspn(line, " \t");
    if (*line != '=')
        return false;
    line++;
    line += strspn(line, " \t\"");
    text_format(out, size, "%.*s", (int)strcspn(line, "\"\r\n"), line);
    return true;
}

struct descriptor {
    unsigned extents, parents, kinds;
};

static int judge_line(const char *line, struct descriptor *is, struct error *err) {
    char value[64];
    if (line_value(line, "parentCID", value, sizeof(value)) && strcasecmp(value, "ffffffff") != 0)
        return error_set(err, 1, "the disk is the difference to a parent that is not in it; make "
                         "it whole with qemu-img convert");
    if (line_value(line, "createType", value, sizeof(value))) {
        is->kinds++;
        if (strcasecmp(value, "streamOptimized") != 0 && strcasecmp(value, "monolithicSparse") != 0)
            return error_set(err, 1, "the disk is a vmdk of type %.40s, which lies in other files; "
                             "make it streamOptimized", value);
    }
    if (strncasecmp(line, "RW", 2) == 0 || strncasecmp(line, "RDONLY", 6) == 0 ||
        strncasecmp(line, "NOACCESS", 8) == 0) {
        is->extents++;
        const char *kind = line + strcspn(line, " \t");
        kind += strspn(kind, " \t");
        kind += strspn(kind, "0123456789");
        kind += strspn(kind, " \t");
        if (strncasecmp(kind, "SPARSE", 6) != 0)
            return error_set(err, 1, "the disk's descriptor names another file as its contents; "
                             "make it streamOptimized");
    }
    return 0;
}

/* Every line of it, in every way that one may end. */
static int judge_descriptor(const struct bytes_file *file, uint64_t at, size_t length,
                            struct error *err) {
    struct descriptor is = {0};
    auto_clean(memory_clean) char *bytes = memory_new(1, length + 1);
    size_t got = bytes_read_some(file, at, bytes, length);
    for (size_t i = 0; i < got; i++)
        if (!bytes[i])
            bytes[i] = '\n';
    if (strcasestr(bytes, "parentFileNameHint"))
        return error_set(err, 1, "the disk names another file as its parent; make it whole with "
                         "qemu-img convert");
    for (char *line = bytes; *line;) {
        line += strspn(line, " \t\r\n");
        int fault = judge_line(line, &is, err);
        if (fault)
            return fault;
        line += strcspn(line, "\r\n");
    }
    if (is.extents > 1 || is.kinds > 1)
        return error_set(err, 1, "the disk has %u extents, and one may be: make it streamOptimized",
                         is.extents);
    return is.kinds == 1 && is.extents == 1 ? 0 : -1;
}

static int judge_head(const struct bytes_file *file, uint64_t at, unsigned char *head,
                      struct error *err) {
    if (!bytes_read(file, at, head, head_bytes) || memcmp(head, magic, 4) != 0)
        return error_set(err, 1, "the disk is a vmdk that was cut: a head of it is not there; copy "
                         "it again");
    uint64_t version = bytes_le(head + at_version, 4), grain = bytes_le(head + at_grain, 8);
    if (!version || version > most_version)
        return error_set(err, 1, "the disk's vmdk version is not 1, 2 or 3");
    if (!bytes_le(head + at_capacity, 8))
        return error_set(err, 1, "the disk's vmdk head has no capacity, but a descriptor that "
                         "could name other files; make it streamOptimized");
    if (!grain || grain > most_grain || grain & (grain - 1) ||
        bytes_le(head + at_entries, 4) != entries_of_table)
        return error_set(err, 1, "the disk's vmdk head is damaged: no such grain or table");
    if (memcmp(head + at_newlines, "\n \r\n", 4) != 0)
        return error_set(err, 1, "the disk's vmdk head is damaged: it was sent as a text; copy it "
                         "as bytes");
    if (bytes_le(head + at_packing, 2) > 1)
        return error_set(err, 1, "the disk's vmdk is compressed in a way that is not known here");
    return 0;
}

int vmdk_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err) {
    unsigned char head[head_bytes] = {0}, footer[head_bytes];
    bytes_read_padded(file, 0, head, sizeof(head));
    if (memcmp(head, magic, 4) != 0)
        return error_set(err, 1, "the disk is a vmdk whose contents lie in other files; make one "
                         "file of it: streamOptimized, or qemu-img convert -O qcow2");
    int fault = judge_head(file, 0, head, err);
    if (fault)
        return fault;
    *out_disk_bytes = bytes_le(head + at_capacity, 8) * sector;
    uint64_t directory = bytes_le(head + at_directory, 8);
    if (directory == directory_at_end) {
        fault = file->length < footer_from_end
                    ? error_set(err, 1, "the disk is a vmdk that was cut: its end is not there")
                    : judge_head(file, file->length - footer_from_end, footer, err);
        if (!fault && bytes_le(footer + at_capacity, 8) != bytes_le(head + at_capacity, 8))
            fault = error_set(err, 1, "the disk's two vmdk heads say two sizes");
        if (fault)
            return fault;
        directory = bytes_le(footer + at_directory, 8);
    }
    if (directory >= file->length / sector)
        return error_set(err, 1, "the disk is a vmdk that was cut: its tables are not in it; copy "
                         "it again");
    uint64_t at = bytes_le(head + at_descriptor, 8);
    uint64_t sectors = bytes_le(head + at_descriptor_sectors, 8);
    if (!at || at > file->length / sector || !sectors || sectors > most_descriptor_bytes / sector)
        return error_set(err, 1, "the disk's vmdk has no descriptor in it");
    /* What QEMU reads, whatever the head says, and what it would not. */
    fault = judge_descriptor(file, sector, qemu_descriptor_bytes, err);
    if (fault <= 0)
        fault = judge_descriptor(file, at * sector, (size_t)(sectors * sector), err);
    return fault < 0 ? error_set(err, 1, "the disk's vmdk descriptor does not say what it is")
                     : fault;
}
