/* What a disk has to be: alone, in the clear, of features that are known, sound, and whole as its
 * own counts of what is in use say. Numbers are big-endian; QEMU writes head, table of the counts
 * and counts in this order. Where another order makes a pass miss them, the disk's end is not
 * known, which is no fault. */
#include "io/image/qcow2.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

/* Offsets in the head; those above 71 from version 3 on. */
enum {
    at_version = 4, at_backing = 8, at_cluster_bits = 20, at_disk_bytes = 24, at_crypt = 32,
    at_table = 48, at_table_clusters = 56, at_snapshots = 60, head_2_bytes = 72,
    at_incompatible = 72, at_count_order = 96,
};
enum {
    feature_corrupt = 2, feature_data_file = 4, features_known = 31,
    least_cluster_bits = 9, most_cluster_bits = 21, most_count_order = 6,
    most_table_bytes = 1 << 23, /* 1 PiB in clusters of 64 KiB takes 4 MiB */
};

static uint64_t number(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

bool qcow2_is_so_called(const void *head, size_t length) {
    return length >= qcow2_magic_bytes && memcmp(head, "QFI\xfb", qcow2_magic_bytes) == 0;
}

/* What QEMU would need another file, a key or a repair for. */
static int judge_needs(const unsigned char *head, bool is_3, struct error *err) {
    uint64_t features = is_3 ? number(head + at_incompatible, 8) : 0;
    if (number(head + at_backing, 8) || (features & feature_data_file))
        return error_set(err, 1, "the disk refers to another file; flatten it with qemu-img "
                         "convert");
    if (number(head + at_crypt, 4))
        return error_set(err, 1, "the disk is encrypted, and nobody here has its key; decrypt it "
                         "with qemu-img convert");
    if (features & feature_corrupt)
        return error_set(err, 1, "the disk is marked as corrupt; repair it with qemu-img check "
                         "-r all");
    if (features & ~(uint64_t)features_known)
        return error_set(err, 1, "the disk has features that are not known here; make it anew with "
                         "qemu-img convert -O qcow2");
    if (number(head + at_snapshots, 4))
        return error_set(err, 1, "the disk has snapshots in it; make it anew with qemu-img convert "
                         "-O qcow2");
    return 0;
}

static int judge_head(const unsigned char *head, size_t length, struct qcow2 *out,
                      struct error *err) {
    if (length < head_2_bytes || !qcow2_is_so_called(head, length))
        return error_set(err, 1, "the disk is not qcow2, as the manifest says");
    uint64_t version = number(head + at_version, 4);
    bool is_3 = version == 3 && length >= qcow2_head_bytes;
    if (version != 2 && !is_3)
        return error_set(err, 1, "the disk's qcow2 version is not 2 or 3");
    int fault = judge_needs(head, is_3, err);
    if (fault)
        return fault;
    out->disk_bytes = number(head + at_disk_bytes, 8);
    out->cluster_bits = (uint32_t)number(head + at_cluster_bits, 4);
    uint64_t order = is_3 ? number(head + at_count_order, 4) : 4;
    if (out->cluster_bits < least_cluster_bits || out->cluster_bits > most_cluster_bits ||
        order > most_count_order)
        return error_set(err, 1, "the disk's qcow2 head is damaged: no such cluster or count");
    out->refcount_bits = 1U << order;
    out->from = number(head + at_table, 8);
    out->length = number(head + at_table_clusters, 4) << out->cluster_bits;
    if (out->length > most_table_bytes)
        return error_set(err, 1, "the disk's qcow2 head is damaged: its table of counts is too "
                         "large");
    return 0;
}

void qcow2_init(struct qcow2 *qcow2, uint64_t file_bytes) {
    *qcow2 = (struct qcow2){.file_bytes = file_bytes, .length = qcow2_head_bytes};
    qcow2->bytes = memory_new(1, qcow2_head_bytes);
}

void qcow2_deinit(struct qcow2 *qcow2) { memory_clean(&qcow2->bytes); }

static void await(struct qcow2 *qcow2, uint64_t from, uint64_t length) {
    qcow2->from = from;
    qcow2->length = length;
    memory_free(qcow2->bytes);
    qcow2->bytes = memory_new(1, length ? length : 1);
}

static void refuse_cut(struct qcow2 *qcow2, uint64_t at) {
    error_set(&qcow2->fault, 1, "the disk was cut: it has %" PRIu64 " bytes, and uses what is at "
              "%" PRIu64 "; copy it again", qcow2->file_bytes, at);
    qcow2->stage = QCOW2_READ;
}

static void on_head(struct qcow2 *qcow2) {
    size_t length = qcow2->file_bytes < qcow2_head_bytes ? (size_t)qcow2->file_bytes
                                                         : qcow2_head_bytes;
    qcow2->stage = QCOW2_TABLE;
    qcow2->is_so_called = qcow2_is_so_called(qcow2->bytes, length);
    if (judge_head(qcow2->bytes, length, qcow2, &qcow2->fault))
        qcow2->stage = QCOW2_READ;
    else if (qcow2->from > qcow2->file_bytes ||
             qcow2->length > qcow2->file_bytes - qcow2->from)
        refuse_cut(qcow2, qcow2->from);
    else
        await(qcow2, qcow2->from, qcow2->length);
}

/* The last block of counts tells of the last clusters. */
static void on_table(struct qcow2 *qcow2) {
    const uint64_t cluster = UINT64_C(1) << qcow2->cluster_bits;
    uint64_t entries = qcow2->length / 8, block = 0;
    while (entries > 0 && !(block = number(qcow2->bytes + (entries - 1) * 8, 8)))
        entries--;
    qcow2->stage = entries ? QCOW2_BLOCK : QCOW2_READ;
    if (!entries)
        return;
    qcow2->counted_from = (entries - 1) * (cluster * 8 / qcow2->refcount_bits);
    if (block > qcow2->file_bytes || cluster > qcow2->file_bytes - block)
        refuse_cut(qcow2, block);
    else
        await(qcow2, block, cluster);
}

static bool is_counted(const struct qcow2 *qcow2, uint64_t index) {
    uint64_t bits = qcow2->refcount_bits;
    if (bits < 8)
        return (unsigned)qcow2->bytes[index * bits / 8] >> (index * bits % 8) & ((1U << bits) - 1);
    return number(qcow2->bytes + index * (bits / 8), bits / 8) != 0;
}

static void on_block(struct qcow2 *qcow2) {
    uint64_t counts = qcow2->length * 8 / qcow2->refcount_bits;
    while (counts > 0 && !is_counted(qcow2, counts - 1))
        counts--;
    qcow2->stage = QCOW2_READ;
    if (!counts)
        return;
    uint64_t last = qcow2->counted_from + counts - 1;
    if (last > qcow2->file_bytes >> qcow2->cluster_bits ||
        last << qcow2->cluster_bits >= qcow2->file_bytes)
        refuse_cut(qcow2, last << qcow2->cluster_bits);
}

static void step(struct qcow2 *qcow2) {
    switch (qcow2->stage) {
    case QCOW2_HEAD:
        on_head(qcow2);
        break;
    case QCOW2_TABLE:
        on_table(qcow2);
        break;
    case QCOW2_BLOCK:
        on_block(qcow2);
        break;
    case QCOW2_READ:
        break;
    }
}

void qcow2_add(struct qcow2 *qcow2, uint64_t at, const void *bytes, size_t length) {
    while (qcow2->stage != QCOW2_READ) {
        uint64_t end = qcow2->from + qcow2->length;
        if (at < end && at + length > qcow2->from) {
            uint64_t first = at > qcow2->from ? at : qcow2->from;
            uint64_t last = at + length < end ? at + length : end;
            memcpy(qcow2->bytes + (first - qcow2->from),
                   (const unsigned char *)bytes + (first - at), last - first);
        }
        if (at + length < end)
            return;
        step(qcow2);
        if (qcow2->stage != QCOW2_READ && qcow2->from < at)
            qcow2->stage = QCOW2_READ; /* it has passed */
    }
}

void qcow2_end_head(struct qcow2 *qcow2) {
    if (qcow2->stage == QCOW2_HEAD)
        step(qcow2);
}

void qcow2_end(struct qcow2 *qcow2) {
    while (qcow2->stage != QCOW2_READ) /* what is left of the file is zeros */
        step(qcow2);
}
