/* Domains as text: the XML that defines a VM's domain, and our mark in it that tells a domain of
 * ours from any other. Knows libvirt's formats (https://libvirt.org/formatdomain.html), not its
 * library. */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "core/effect.h"

enum { host_domain_name_size = sizeof("isthmus-") + limit_id_size };

/* Our metadata element's namespace. */
extern const char host_domain_namespace[];

/* "isthmus-<vm id>", and back: NULL when it is not a name of ours. */
void host_domain_name(const char *vm, char out_name[host_domain_name_size]);
const char *host_domain_vm(const char *name);

/* What a VM may send into a network (libvirt/filters.h). */
enum host_filter {
    HOST_FILTER_NONE, /* anything */
    HOST_FILTER_MAC,  /* under its own MAC address alone */
    HOST_FILTER_DHCP, /* and IPv4 alone, under addresses that DHCP gave it */
};

/* A network that a VM can be in, and what that is here: `bridge` or `libvirt`, or else QEMU's own
 * NAT, which needs no filter: nobody begins to speak to a VM there. */
struct host_network {
    char *name;
    char *bridge;  /* a bridge of this machine */
    char *libvirt; /* a network of libvirt's */
    enum host_filter filter;
    bool keeps_rules; /* of who may begin to speak to a VM there (filters.h) */
};

struct host_networks {
    struct host_network *items;
    size_t count;
};

/* A copy of all with their names, and its end. */
void host_networks_copy(const struct host_networks *from, struct host_networks *out);
void host_networks_free(struct host_networks *networks);

/* NULL: this host has none of that name. */
const struct host_network *host_network_find(const struct host_networks *networks,
                                             const char *name);

/* May a VM with these rules (NULL: none) be in it here? CODE_OK, or CODE_NO_CAPACITY with `err`. */
enum code host_network_for(const struct host_networks *networks, const char *name,
                           const char *allow, struct error *err);

/* By interface_mac(). */
void host_domain_mac(const char *vm, unsigned interface, char out_mac[limit_mac_size]);

/* Appends the XML of an interface. `allow`: the VM's rules. */
void host_domain_add_interface(const struct host_network *network, const char *mac,
                               const char *allow, struct text *out);

struct host_domain_plan {
    const char *type; /* "kvm", "qemu"; "test": a domain of the test driver, without devices */
    const char *architecture;
    const char *disk, *seed, *console_log, *agent_socket, *nvram; /* paths */
    const struct host_networks *networks; /* all that the VM is to be in are there */
    const struct effect_job *job;
};

/* Appends what an interface in that network is filtered by, with these rules (codec/allow.h). */
void host_domain_add_filter(const struct host_network *network, const char *allow,
                            struct text *out);

/* Appends the domain's XML. */
void host_domain_xml(const struct host_domain_plan *plan, const char *uuid, struct text *out);

/* Processors that it can be given while it runs. */
uint32_t host_domain_most_cpus(const struct host_domain_plan *plan);

/* Appends the room for more memory, if there is any: the domain's, and the NUMA cell, with all that
 * there is at the start, that libvirt wants to plug more into. */
void host_domain_add_most_memory(const struct host_domain_plan *plan, struct text *out);
void host_domain_add_cell(const struct host_domain_plan *plan, struct text *out);

/* A running domain's memory grows by modules (DIMMs) that are plugged in, each a whole number of
 * the blocks that Linux adds memory by, as far as its XML left room for when it was started. */
enum { host_domain_block_mib = 128 };

/* True: that room is there for `grown_mib` more. `xml` is the running domain's, as libvirt gives
 * it. */
bool host_domain_has_room(const char *xml, uint64_t memory_mib, uint64_t grown_mib);

/* The module that makes a domain's memory `memory_mib` in all, and the name that it has there. */
enum { host_domain_module_size = 32 };
void host_domain_module_name(uint64_t memory_mib, char out_name[host_domain_module_size]);
void host_domain_module_xml(uint64_t memory_mib, uint64_t grown_mib, struct text *out);

/* Where a domain's files are, there and here, and its epoch there. */
struct host_domain_move {
    const char *uri; /* of the libvirt there */
    const char *from_folder, *to_folder;
    uint32_t epoch;
};

/* Appends the XML of a domain of ours as it is to be on another host. */
void host_domain_moved(const char *xml, const struct host_domain_move *move, struct text *out);

/* Where a running domain comes to, libvirt knows of no address that DHCP gave it, and would wait
 * for its lease to be renewed: until it is started anew there, the first address counts that it
 * speaks under. */
void host_domain_learn_anew(char *xml);

/* What our metadata element says. */
struct host_domain_mark {
    char vm[limit_id_size];
    uint32_t epoch;
};

/* False when `xml` (the element, as libvirt gives it back) is not a mark that we wrote. */
bool host_domain_read(const char *xml, struct host_domain_mark *out_mark);

/* The VM's name, networks, rules and on_loss, as our mark in a domain's XML has them; what it has
 * not is left as it is. */
void host_domain_read_more(const char *xml, struct vm *vm);

/* Processors and memory by a domain's XML, as libvirt gives it. False: it does not say them. */
bool host_domain_size(const char *xml, struct size *size);
