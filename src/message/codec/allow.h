/* Who may begin to speak to a VM, by its tenant's word: rules, joined by commas without spaces.
 * Each is `icmp`, or `tcp:PORT` or `udp:PORT`, PORT being a number or a range, and may end in
 * `@NETWORK` of IPv4: `tcp:22@192.0.2.0/24,tcp:8000-8100`. The word `none` alone: nobody. No rules
 * at all (NULL or ""): anybody. What the VM itself has begun is answered in any case. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum allow_protocol { ALLOW_TCP, ALLOW_UDP, ALLOW_ICMP, ALLOW_PROTOCOLS };

struct allow_rule {
    enum allow_protocol protocol;
    uint32_t first, last;     /* ports; 0 with ICMP */
    unsigned char address[4]; /* of the network that it is from */
    unsigned bits;            /* that such addresses have in common; 0: from anywhere */
};

/* At most limit_vm_allow_rules. */
bool allow_is_valid(const char *allow);

/* Reads the first of the rules and returns the others; NULL: there is none. */
const char *allow_next(const char *allow, struct allow_rule *out_rule);

/* May somebody, whoever that is, begin to speak to that TCP port? */
bool allow_has_port(const char *allow, uint32_t port);
