/* Memory is what /proc/meminfo says; disk what is free on that of the VMs' folder, with what they
 * hold. KVM is used where libvirt offers it the processor has it, and it was tried. */
#include "io/host/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "io/os/kvm.h"

static void file_clean(FILE **file) {
    if (*file)
        (void)fclose(*file);
}

/* Not libvirt's own figure, which was wrong where it was tried. */
static int memory_mib(uint32_t *out_mib, struct error *err) {
    static const char path[] = "/proc/meminfo";
    auto_clean(file_clean) FILE *file = fopen(path, "re");
    char line[256];
    uint64_t kib = 0;
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemTotal: %" SCNu64 " kB", &kib) == 1)
            break;
    if (kib == 0)
        return error_set(err, -ENODATA, "read this machine's memory from %s: no MemTotal", path);
    *out_mib = (uint32_t)(kib / 1024);
    return 0;
}

int host_machine_look(const char *vms, uint32_t reserve_gib, struct host_machine *machine,
                      struct error *err) {
    struct disk disk;
    int failed = disk_measure(vms, &disk, err);
    if (failed)
        return failed;
    machine->disk_bytes = disk.free_bytes + folder_bytes(vms);
    machine->reserve_bytes = disk_usual_reserve(&disk);
    uint64_t reserve = reserve_gib ? (uint64_t)reserve_gib << 30 : machine->reserve_bytes;
    machine->is_full = disk.free_bytes < reserve + (machine->is_full ? reserve / 8 : 0);
    return memory_mib(&machine->memory_mib, err);
}

static uint32_t lend(uint32_t has, uint32_t wanted, uint32_t reserve) {
    uint32_t all = wanted ? wanted : has;
    return all > reserve ? all - reserve : 0;
}

enum { most_memory_mib = 2048 }; /* that is kept where nobody said how much */

struct size host_machine_lend(const struct host_machine *machine, struct size wanted,
                              struct size reserve) {
    uint64_t disk = machine->disk_bytes;
    uint32_t memory_mib = machine->memory_mib;
    if (!reserve.disk_gib)
        disk = disk > machine->reserve_bytes ? disk - machine->reserve_bytes : 0;
    if (!reserve.memory_mib)
        memory_mib -= memory_mib / 20 < most_memory_mib ? memory_mib / 20 : most_memory_mib;
    return (struct size){
        .cpus = lend(machine->cpus, wanted.cpus, reserve.cpus),
        .memory_mib = lend(memory_mib, wanted.memory_mib, reserve.memory_mib),
        .disk_gib = lend((uint32_t)(disk >> 30), wanted.disk_gib, reserve.disk_gib),
    };
}

/* Does the first `flags` line of /proc/cpuinfo hold svm or vmx? */
static bool processor_virtualizes(void) {
    auto_clean(file_clean) FILE *file = fopen("/proc/cpuinfo", "re");
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    while (file && !found && getline(&line, &capacity, file) > 0)
        if (text_starts(line, "flags"))
            found = strstr(line, " svm ") || strstr(line, " vmx ");
    free(line);
    return found;
}

const char *host_machine_accelerator(const char *wanted, const char *capabilities,
                                     struct error *err) {
    if (text_equal(wanted, "tcg"))
        return "tcg";
    bool demanded = text_equal(wanted, "kvm");
    if (!demanded && !text_equal(wanted, "auto")) {
        error_set(err, -EINVAL, "accelerator %s: write auto, kvm or tcg", wanted);
        return NULL;
    }
    const char *why = NULL;
    struct error fault = {0};
    if (!strstr(capabilities, "<domain type='kvm'"))
        why = "libvirt does not offer it (is /dev/kvm there, and allowed to QEMU?)";
    else if (!processor_virtualizes())
        why = "/proc/cpuinfo shows neither svm nor vmx";
    else if (kvm_try(&fault))
        why = fault.text;
    if (!why)
        return "kvm";
    if (!demanded)
        return "tcg";
    error_set(err, -ENOTSUP, "accelerator kvm: %s; write auto or tcg to run without it", why);
    return NULL;
}
