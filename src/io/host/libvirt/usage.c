/* Which of libvirt's many numbers say it: of all disks and interfaces together. */
#include "io/host/libvirt/usage.h"

#include <string.h>

#include "io/host/libvirt/look_up.h"

/* Adds what stands under `prefix`.N.`name`, for each N that there is. */
static uint64_t sum(virTypedParameterPtr params, int count, const char *prefix, const char *name) {
    uint64_t all = 0;
    for (int i = 0; i < count; i++) {
        const char *field = params[i].field, *last = strrchr(field, '.');
        size_t ends = last ? (size_t)(last - field) : 0, length = strlen(name);
        bool is_it = params[i].type == VIR_TYPED_PARAM_ULLONG &&
                     strncmp(field, prefix, strlen(prefix)) == 0 && strlen(field) > length &&
                     strcmp(field + strlen(field) - length, name) == 0;
        all += is_it && ends ? params[i].value.ul : 0;
    }
    return all;
}

static uint64_t one(virTypedParameterPtr params, int count, const char *name) {
    unsigned long long value = 0;
    return virTypedParamsGetULLong(params, count, name, &value) == 1 ? value : 0;
}

/* Without waiting for a job that is under way on it. */
static bool read_stats(virDomainPtr domain, struct libvirt_counters *out) {
    const unsigned kinds = VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON |
                           VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK;
    virDomainPtr domains[] = {domain, NULL};
    virDomainStatsRecordPtr *records = NULL;
    int count = virDomainListGetStats(domains, kinds, &records,
                                      VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (count > 0) {
        virTypedParameterPtr params = records[0]->params;
        int all = records[0]->nparams;
        out->cpu_ns = one(params, all, "cpu.time");
        out->memory_kib = one(params, all, "balloon.rss");
        out->disk_read = sum(params, all, "block.", ".rd.bytes");
        out->disk_written = sum(params, all, "block.", ".wr.bytes");
        out->net_received = sum(params, all, "net.", ".rx.bytes");
        out->net_sent = sum(params, all, "net.", ".tx.bytes");
    }
    if (count >= 0)
        virDomainStatsRecordListFree(records);
    return count > 0;
}

bool libvirt_read_counters(struct libvirt *libvirt, const char *vm, struct libvirt_counters *out) {
    auto_clean(ours_clean) struct ours ours = {0};
    struct error err;
    virDomainInfo info;
    *out = (struct libvirt_counters){0};
    if (libvirt_is_frozen(libvirt, vm) || libvirt_look_up_known(libvirt, vm, &ours, &err) ||
        virDomainGetInfo(ours.domain, &info) < 0 || info.state != VIR_DOMAIN_RUNNING)
        return false;
    if (!read_stats(ours.domain, out)) /* a driver that has no more, or it is busy */
        out->cpu_ns = info.cpuTime;
    if (!out->memory_kib || out->memory_kib > info.memory) /* QEMU's own is no matter of the VM's */
        out->memory_kib = info.memory;
    out->run = (int)virDomainGetID(ours.domain);
    return true;
}
