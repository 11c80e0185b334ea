/* Sums of sizes, and which amount of a limit is exceeded first: VMs, cpus, memory, disk, in this
 * order. */
#include "core/books/amounts.h"

void amounts_add(struct amounts *used, const struct size *size) {
    used->vms++;
    used->cpus += size->cpus;
    used->memory_mib += size->memory_mib;
    used->disk_gib += size->disk_gib;
}

void amounts_remove(struct amounts *used, const struct size *size) {
    used->vms--;
    used->cpus -= size->cpus;
    used->memory_mib -= size->memory_mib;
    used->disk_gib -= size->disk_gib;
}

bool amounts_equal(const struct amounts *left, const struct amounts *right) {
    return left->vms == right->vms && left->cpus == right->cpus &&
           left->memory_mib == right->memory_mib && left->disk_gib == right->disk_gib;
}

uint64_t amounts_left(uint64_t limit, uint64_t used) {
    return !limit ? UINT64_MAX : limit > used ? limit - used : 0;
}

enum amount amounts_exceeded(const struct amounts *limits, const struct amounts *used,
                             const struct size *size) {
    return amounts_left(limits->vms, used->vms) < 1 ? AMOUNT_VMS
                                                    : amounts_outgrown(limits, used, size);
}

enum amount amounts_outgrown(const struct amounts *limits, const struct amounts *used,
                             const struct size *size) {
    if (amounts_left(limits->cpus, used->cpus) < size->cpus)
        return AMOUNT_CPUS;
    if (amounts_left(limits->memory_mib, used->memory_mib) < size->memory_mib)
        return AMOUNT_MEMORY;
    if (amounts_left(limits->disk_gib, used->disk_gib) < size->disk_gib)
        return AMOUNT_DISK;
    return AMOUNT_NONE;
}
