/* The definition of a domain that is there, with another size and nothing else changed: its guest
 * finds the machine that it knows (machine type, CPU model, addresses of devices), whatever new
 * domains get meanwhile. Reads what libvirt writes: KiB, values in single quotes without a bare
 * "<". */
#pragma once

#include "io/host/domain.h"

/* What the domain is started by. */
enum firmware host_redefine_firmware(const char *xml);

/* What TPM it has. */
enum tpm host_redefine_tpm(const char *xml);

/* Is the domain of the plan's type of machine? Another architecture's is none to keep, nor, where
 * its disk is made anew, one of another firmware or without a TPM that is wanted. */
bool host_redefine_keeps(const char *xml, const struct host_domain_plan *plan);

/* Appends `xml` with the size that the plan's job says. -EINVAL with `err`: it has no size. */
int host_redefine(const char *xml, const struct host_domain_plan *plan, struct text *out,
                  struct error *err);
