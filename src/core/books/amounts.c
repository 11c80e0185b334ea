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

uint64_t amounts_plus(uint64_t amount, uint64_t more) {
    return more > UINT64_MAX - amount ? UINT64_MAX : amount + more;
}

bool amounts_admit(uint64_t most, uint64_t all, uint64_t own, uint64_t askers) {
    uint64_t tenth = most / 10;
    return all < most - tenth || (all < most && own < tenth / (askers ? askers : 1));
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

void amounts_bound(struct capacity *claimed, const struct amounts *most) {
    claimed->cpus_total = least(claimed->cpus_total, most->cpus);
    claimed->memory_mib_total = least(claimed->memory_mib_total, most->memory_mib);
    claimed->disk_gib_total = least(claimed->disk_gib_total, most->disk_gib);
    claimed->cpus_free = least(claimed->cpus_free, claimed->cpus_total);
    claimed->memory_mib_free = least(claimed->memory_mib_free, claimed->memory_mib_total);
    claimed->disk_gib_free = least(claimed->disk_gib_free, claimed->disk_gib_total);
}

uint64_t amounts_fit(const struct amounts *most, const struct size *size) {
    uint64_t memory = most->memory_mib / size->memory_mib;
    return least(most->cpus / size->cpus, least(memory, most->disk_gib / size->disk_gib));
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
