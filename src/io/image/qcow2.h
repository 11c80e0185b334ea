/* A qcow2 disk, judged by what it says of itself (QEMU's docs/interop/qcow2.txt) while its bytes
 * come: no tool opens a disk before that. Holes are zeros. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { qcow2_head_bytes = 104, qcow2_magic_bytes = 4 };

struct qcow2 {
    uint64_t file_bytes; /* given */
    uint64_t disk_bytes; /* virtual size, once the head was read */
    uint32_t cluster_bits, refcount_bits;
    enum { QCOW2_HEAD, QCOW2_TABLE, QCOW2_BLOCK, QCOW2_READ } stage;
    uint64_t from, length; /* the bytes that the stage wants */
    uint64_t counted_from; /* QCOW2_BLOCK: the cluster that its first count is of */
    bool is_so_called;     /* once the head was read */
    unsigned char *bytes;  /* of them, zeros where none came */
    struct error fault;    /* code 0: none */
};

void qcow2_init(struct qcow2 *qcow2, uint64_t file_bytes);
void qcow2_deinit(struct qcow2 *qcow2);

/* A piece of the file; offsets only rise. */
void qcow2_add(struct qcow2 *qcow2, uint64_t at, const void *bytes, size_t length);

bool qcow2_is_so_called(const void *head, size_t length);

/* What is wrong is then in `fault`: by the head alone, once it has come, which is what QEMU opens a
 * disk by; or by all that has come, which is the whole file but for holes at its end. */
void qcow2_end_head(struct qcow2 *qcow2);
void qcow2_end(struct qcow2 *qcow2);
