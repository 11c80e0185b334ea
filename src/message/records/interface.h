/* The network interfaces of a VM: which network each is in, and its MAC address, which follows from
 * the VM's id and the interface's number alone. So all levels know it without being told, and it is
 * the same wherever the VM is and however often it is made.
 *
 * A VM's `networks` are names by commas, an interface each, numbered from 0 on. Where one was taken
 * away, "-" stands in its place (labels.h), so that those behind it keep their numbers; the next
 * one that is added gets the first number that is free. NULL: it has none. */
#pragma once

#include <stdint.h>

#include "message/model.h"

/* SHA-256 in lower-case hex, by whoever has a library for it. */
typedef void (*interface_hash)(const void *bytes, size_t length,
                               char out_digest[limit_digest_size]);

/* The MAC address of a VM's interface, counted from 0. The rule never changes. */
void interface_mac(interface_hash hash, const char *vm, unsigned interface,
                   char out_mac[limit_mac_size]);

/* One for each of the networks, in their order; how many. Without a `hash` they have no
 * addresses. */
uint32_t interfaces_of(interface_hash hash, const char *vm, const char *networks,
                       struct interface out_interfaces[limit_vm_networks]);

/* How many there are. */
uint32_t interfaces_count(const char *networks);

/* What is written in the functions below: NULL, or `out`. */
#define interfaces_size (limit_vm_network_names + 1)

/* The networks with one interface more, or with the one of that number no more. Whoever adds one
 * has looked that there are fewer than may be. */
char *interfaces_with(const char *networks, const char *name, char out[interfaces_size]);
char *interfaces_without(const char *networks, unsigned number, char out[interfaces_size]);

/* Those of `now`'s interfaces that `was` has not, or in another network. */
char *interfaces_added(const char *was, const char *now, char out[interfaces_size]);

/* What answers show of them. */
struct interfaces_shown {
    struct interface items[limit_vm_networks];
    char networks[interfaces_size];
};

/* As people are shown them: the names alone, with no place for what is not there. */
char *interfaces_show(const char *networks, char out[interfaces_size]);
