/* The field tables of interfaces and their IP addresses. */
#include "message/codec/addresses.h"

static const struct field interface_fields[] = {
    {field_of(struct interface, network), .about = "The network that it is in.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct interface, number), .kind = FIELD_U32, .mask = FIELD_ALWAYS,
     .about = "Its number, which stays as long as it is there; its guest is told to call it eth "
              "with this number.", .most = limit_vm_networks - 1},
    {field_of(struct interface, mac), .about = "Its MAC address.", .kind = FIELD_TEXT},
    {field_of(struct interface, ips), .about = "Its IP addresses that are known, by commas.",
     .kind = FIELD_TEXT},
};
const struct table interface_table = {"interface", "A network interface of a VM.",
                                      sizeof(struct interface), field_rows(interface_fields)};

static const struct field vm_ip_fields[] = {
    {field_of(struct vm_ip, interface), .number = 1, .about = "Which one; absent: the first.",
     .kind = FIELD_U32, .most = limit_vm_networks - 1},
    {field_of(struct vm_ip, ip), .number = 2, .about = "Its address.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_IP},
};
const struct table vm_ip_table = {"ip", "An IP address of a VM's interface.",
                                  sizeof(struct vm_ip), field_rows(vm_ip_fields)};
