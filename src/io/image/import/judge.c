/* Formats by their magic, those that are not taken by name; what is left is raw, and has to begin
 * as a disk that can be started from does. */
#include "io/image/import/judge.h"

#include <inttypes.h>
#include <string.h>

#include "base/attributes.h"
#include "io/image/import/qcow2_file.h"
#include "io/image/import/vhd.h"
#include "io/image/import/vhdx.h"
#include "io/image/import/vmdk.h"

enum { sector = 512, at_signature = 510 };

const char *const disk_format_names[DISK_IS_COUNT] = {
    [DISK_IS_RAW] = "raw", [DISK_IS_QCOW2] = "qcow2", [DISK_IS_VMDK] = "vmdk",
    [DISK_IS_VHD] = "vpc", [DISK_IS_VHDX] = "vhdx"};

static const struct {
    enum disk_format format;
    bool (*is)(const struct bytes_file *file);
    int (*judge)(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err);
} formats[] = {
    {DISK_IS_QCOW2, qcow2_file_is, qcow2_file_judge},
    {DISK_IS_VMDK, vmdk_is, vmdk_judge},
    {DISK_IS_VHDX, vhdx_is, vhdx_judge},
    {DISK_IS_VHD, vhd_is, vhd_judge},
};

/* What a tool would take for something else than raw. */
static const struct {
    uint64_t at;
    const char *magic;
    size_t length;
    const char *name;
} others[] = {
    {0, "LUKS\xba\xbe", 6, "an encrypted disk (LUKS)"},
    {0, "QED", 4, "a QED disk"},
    {64, "\x7f\x10\xda\xbe", 4, "a VDI disk"},
    {0, "WithoutFreeSpace", 16, "a Parallels disk"},
    {0, "WithouFreSpacExt", 16, "a Parallels disk"},
    {0, "Bochs Virtual HD Image", 22, "a Bochs disk"},
    {0, "PK\3\4", 4, "a ZIP archive"},
    {0, "7z\xbc\xaf\x27\x1c", 6, "a 7z archive"},
};

static int judge_raw(const struct bytes_file *file, struct error *err) {
    unsigned char head[sector];
    for (size_t i = 0; i < array_size(others); i++) {
        char found[32] = "";
        if (bytes_read(file, others[i].at, found, others[i].length) &&
            memcmp(found, others[i].magic, others[i].length) == 0)
            return error_set(err, 1, "it is %s, which is not taken; make it qcow2 with qemu-img "
                             "convert", others[i].name);
    }
    if (!bytes_read(file, 0, head, sizeof(head)) || file->length % sector)
        return error_set(err, 1, "it is no disk: its %" PRIu64 " bytes are no whole sectors of "
                         "512; check what the file is", file->length);
    if (head[at_signature] != 0x55 || head[at_signature + 1] != 0xaa)
        return error_set(err, 1, "it is no disk that can be started: neither a partition table nor "
                         "a boot sector is in its first sector; check what the file is");
    return 0;
}

int disk_judge(const struct bytes_file *file, uint64_t most_bytes, struct disk_judged *out,
               struct error *err) {
    int fault = 0;
    size_t i = 0;
    *out = (struct disk_judged){.format = DISK_IS_RAW, .disk_bytes = file->length};
    while (i < array_size(formats) && !formats[i].is(file))
        i++;
    if (i < array_size(formats)) {
        out->format = formats[i].format;
        fault = formats[i].judge(file, &out->disk_bytes, err);
    } else {
        fault = judge_raw(file, err);
    }
    if (fault)
        return fault;
    if (!out->disk_bytes || out->disk_bytes > most_bytes)
        return error_set(err, 1, "the disk has %" PRIu64 " bytes; from one to %" PRIu64 " GiB may "
                         "be", out->disk_bytes, most_bytes >> 30);
    return 0;
}
