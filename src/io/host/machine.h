/* The machine under an agent: what it has, and which accelerator is worth using. */
#pragma once

#include "base/error.h"
#include "message/model.h"

/* Memory and disk of this machine; `folder` is on the disk that VMs use. cpus is left alone. */
int host_machine_size(const char *folder, struct size *size, struct error *err);

/* What an owner lends: where `wanted` says something, that; then less the reserve. */
struct size host_machine_lend(struct size has, struct size wanted, struct size reserve);

/* "kvm" or "tcg", from the configuration's "auto", "kvm" or "tcg" and libvirt's capabilities.
 * NULL with `err` for a word that is neither, and for a "kvm" that this machine cannot.
 * facts: /dev/kvm and the capabilities may promise what the processor does not hold; only a
 * processor that shows svm or vmx runs KVM well. */
const char *host_machine_accelerator(const char *wanted, const char *capabilities,
                                     struct error *err);
