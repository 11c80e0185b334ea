/* What a qcow2 file must not name, even where its feature bits do not say that it does; and that
 * its first table is in it: a tool would read zeros where the file ends. */
#include "io/image/import/qcow2_file.h"

#include <inttypes.h>

#include "base/memory.h"
#include "io/image/qcow2.h"

enum {
    at_version = 4, at_cluster_bits = 20, at_l1_entries = 36, at_l1 = 40, at_head_length = 100,
    head_2_bytes = 72, most_l1_entries = 1 << 22, piece_bytes = 1 << 16, most_extensions = 64,
    extension_end = 0, extension_data_file = 0x44415441, extension_crypt = 0x0537be77,
};

bool qcow2_file_is(const struct bytes_file *file) {
    unsigned char head[qcow2_magic_bytes];
    return bytes_read(file, 0, head, sizeof(head)) && qcow2_is_so_called(head, sizeof(head));
}

/* The stages of qcow2.h, each of which says what it wants to see. */
static int judge_counts(const struct bytes_file *file, struct qcow2 *qcow2, struct error *err) {
    auto_clean(memory_clean) unsigned char *piece = memory_new(1, piece_bytes);
    while (qcow2->stage != QCOW2_READ) {
        uint64_t from = qcow2->from, end = from + qcow2->length;
        int stage = (int)qcow2->stage;
        for (uint64_t at = from; at < end && (int)qcow2->stage == stage; at += piece_bytes) {
            size_t length = end - at < piece_bytes ? (size_t)(end - at) : piece_bytes;
            length = bytes_read_some(file, at, piece, length);
            if (!length)
                break;
            qcow2_add(qcow2, at, piece, length);
        }
        if ((int)qcow2->stage == stage)
            qcow2_end(qcow2);
    }
    if (qcow2->fault.code && err)
        *err = qcow2->fault;
    return qcow2->fault.code;
}

static int judge_extensions(const struct bytes_file *file, const unsigned char *head,
                            struct error *err) {
    unsigned char words[8];
    uint64_t at = head_2_bytes, cluster = UINT64_C(1) << bytes_be(head + at_cluster_bits, 4);
    if (bytes_be(head + at_version, 4) > 2)
        at = bytes_be(head + at_head_length, 4);
    for (int count = 0; count < most_extensions; count++) {
        if (at > cluster - sizeof(words) || !bytes_read(file, at, words, sizeof(words)))
            return 0;
        uint64_t kind = bytes_be(words, 4), length = bytes_be(words + 4, 4);
        if (kind == extension_end)
            return 0;
        if (kind == extension_data_file)
            return error_set(err, 1, "the disk names a data file; flatten it with qemu-img "
                             "convert");
        if (kind == extension_crypt)
            return error_set(err, 1, "the disk is encrypted, and nobody here has its key; decrypt "
                             "it with qemu-img convert");
        if (length > cluster)
            break;
        at += sizeof(words) + (length + 7) / 8 * 8;
    }
    return error_set(err, 1, "the disk's qcow2 head is damaged: its extensions do not end");
}

static int judge_first_table(const struct bytes_file *file, const unsigned char *head,
                             uint64_t disk_bytes, struct error *err) {
    uint64_t cluster = UINT64_C(1) << bytes_be(head + at_cluster_bits, 4);
    uint64_t entries = bytes_be(head + at_l1_entries, 4), at = bytes_be(head + at_l1, 8);
    uint64_t of_entry = cluster * (cluster / 8);
    if (entries > most_l1_entries || entries < (disk_bytes + of_entry - 1) / of_entry)
        return error_set(err, 1, "the disk's qcow2 head is damaged: its first table has %" PRIu64
                         " entries, which is no number for %" PRIu64 " bytes", entries, disk_bytes);
    if (at % cluster || at > file->length || entries * 8 > file->length - at)
        return error_set(err, 1, "the disk was cut: its first table is not in it; copy it again");
    return 0;
}

int qcow2_file_judge(const struct bytes_file *file, uint64_t *out_disk_bytes, struct error *err) {
    auto_clean(qcow2_deinit) struct qcow2 qcow2;
    unsigned char head[qcow2_head_bytes] = {0};
    qcow2_init(&qcow2, file->length);
    bytes_read_padded(file, 0, head, sizeof(head));
    int fault = judge_counts(file, &qcow2, err);
    if (!fault)
        fault = judge_extensions(file, head, err);
    if (!fault)
        fault = judge_first_table(file, head, qcow2.disk_bytes, err);
    *out_disk_bytes = qcow2.disk_bytes;
    return fault;
}
