/* The definition of a domain that is there, with another size, other interfaces or other rules, and
 * nothing else changed: its guest finds the machine that it knows (machine type, CPU model,
 * addresses of devices), whatever new domains get meanwhile. Reads what libvirt writes: KiB, values
 * in single quotes without a bare "<". */
#pragma once

#include "io/host/domain.h"

/* What the domain is started by. */
enum firmware host_redefine_firmware(const char *xml);

/* What TPM it has. */
enum tpm host_redefine_tpm(const char *xml);

/* Is the domain of the plan's type of machine? Another architecture's is none to keep, nor, where
 * its disk is made anew, one of another firmware or without a TPM that is wanted. */
bool host_redefine_keeps(const char *xml, const struct host_domain_plan *plan);

/* Where the interface of that MAC address stands in a domain's XML, and how many bytes it has;
 * NULL: there is none. */
const char *host_redefine_interface(const char *xml, const char *mac, size_t *out_length);

/* Appends `xml` with the interfaces that the plan's job says, and no others; one that it lacks has
 * the rules that the job says. CODE_NO_CAPACITY with `err`: it is to be in a network that is not
 * here. */
enum code host_redefine_networks(const char *xml, const struct host_domain_plan *plan,
                                 struct text *out, struct error *err);

/* Appends `xml` with these rules alone changed: in our mark, and where it is filtered. */
void host_redefine_rules(const char *xml, const struct host_domain_plan *plan, struct text *out);

/* Appends `xml` with the size, interfaces and rules that the plan's job says. -EINVAL with `err`:
 * it has no size. */
int host_redefine(const char *xml, const struct host_domain_plan *plan, struct text *out,
                  struct error *err);
