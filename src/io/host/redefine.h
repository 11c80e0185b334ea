/* The definition of a domain that is there, with another size or other rules and nothing else
 * changed: its guest
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

/* Appends `xml` with the size and the rules that the plan's job says. -EINVAL with `err`: it has no
 * size. */
int host_redefine(const char *xml, const struct host_domain_plan *plan, struct text *out,
                  struct error *err);

/* Appends `xml` with these rules alone changed: in our mark, and where it is filtered. */
void host_redefine_rules(const char *xml, const struct host_domain_plan *plan, struct text *out);

/* The n-th interface of the XML, from its "<" on, and its bytes; NULL: it has no more. */
const char *host_redefine_interface(const char *xml, unsigned n, size_t *out_length);
