/* What a VM's network interfaces are reached by: their MAC addresses, and their IP addresses as
 * they are seen. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

/* A network interface of a VM (records/interface.h). */
enum { limit_mac_size = 18 };
struct interface {
    char network[limit_name_size];
    uint32_t number; /* from 0 on: of eth0, eth1, … in its guest */
    char mac[limit_mac_size];
    char ips[limit_interface_ips * limit_ip_size]; /* by commas; "": none is known */
};
extern const struct table interface_table;

/* An IP address of a VM's interface, as it is seen on the VM's host. */
struct vm_ip {
    uint32_t interface; /* counted from 0 */
    char ip[limit_ip_size];
};
extern const struct table vm_ip_table;
