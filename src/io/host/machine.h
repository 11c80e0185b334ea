/* The machine under an agent: what it has, and which accelerator is worth using. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "message/model.h"

/* What this machine has. */
struct host_machine {
    uint32_t cpus; /* left alone by host_machine_look() */
    uint32_t memory_mib;
    uint64_t disk_bytes;    /* free on the disk of VMs, and what they hold of it: what is left of
                             * all for them, whoever else fills it */
    uint64_t reserve_bytes; /* of that disk, where its owner says nothing */
    bool is_full;           /* less is free than the reserve; and until an eighth more is */
};

/* `vms` is the folder of VMs, `reserve_gib` the owner's, 0: the usual. */
int host_machine_look(const char *vms, uint32_t reserve_gib, struct host_machine *machine,
                      struct error *err);

/* What an owner lends: where `wanted` says something, that; then less the reserve. Of what the host
 * has, a part is kept even where its owner says nothing: a twentieth of memory, 2 GiB at the most.
 */
struct size host_machine_lend(const struct host_machine *machine, struct size wanted,
                              struct size reserve);

/* "kvm" or "tcg", from the configuration's "auto", "kvm" or "tcg" and libvirt's capabilities.
 * NULL with `err` for a word that is neither, and for a "kvm" that this machine cannot.
 * facts: /dev/kvm and the capabilities may promise what the processor does not hold; only a
 * processor that shows svm or vmx runs KVM well. */
const char *host_machine_accelerator(const char *wanted, const char *capabilities,
                                     struct error *err);
