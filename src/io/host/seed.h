/* What a guest is told at its first boot: the NoCloud seed of a VM, which cloud-init and its likes
 * read (https://cloudinit.readthedocs.io, "NoCloud"). Its host name, its networks, who may log in,
 * the first-boot data of its tenant. */
#pragma once

#include "core/effect.h"

/* The network configuration, version 2: an entry for each interface, found by its MAC address, with
 * an address by DHCP. Appends nothing where the VM has no interface. */
void host_seed_networks(const struct effect_job *job, struct text *out);

/* Who it is, and which SSH keys are let in: where the definition has none, those of the meta-data
 * that it had; NULL: it had none. Appends. */
void host_seed_meta_data(const struct effect_job *job, const char *was, struct text *out);

/* Writes the seed of a job's definition. The second keeps what the seed has of first-boot data and
 * of SSH keys where the definition has none. 0, or negative with `err`. */
int host_seed_make(const struct effect_job *job, const char *path, struct error *err);
int host_seed_renew(const struct effect_job *job, const char *path, struct error *err);
