/* The network interfaces of a VM: which network each is in, and its MAC address, which follows from
 * the VM's id and the interface's place alone. So all levels know it without being told, and it is
 * the same wherever the VM is and however often it is made. */
#pragma once

#include <stdint.h>

#include "message/model.h"

/* SHA-256 in lower-case hex, by whoever has a library for it. */
typedef void (*interface_hash)(const void *bytes, size_t length,
                               char out_digest[limit_digest_size]);

/* The MAC address of a VM's interface, counted from 0. The rule never changes. */
void interface_mac(interface_hash hash, const char *vm, unsigned interface,
                   char out_mac[limit_mac_size]);

/* One for each of the networks (names by commas; NULL: none), in their order; how many. */
uint32_t interfaces_of(interface_hash hash, const char *vm, const char *networks,
                       struct interface out_interfaces[limit_vm_networks]);
