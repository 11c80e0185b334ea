/* What the filters let pass, and where filters can be had. */
#include "io/host/libvirt/filters.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "io/host/libvirt/connection.h"
#include "io/host/libvirt/library.h"

/* A filter of the same name with another UUID would be somebody else's. */
static const char mac_filter[] =
    "<filter name='isthmus-mac' chain='root'>"
    "<uuid>6f1c4d6e-6b1e-4f0e-9d3c-5d1f0a7c2b01</uuid>"
    "<rule action='drop' direction='out' priority='-990'>"
    "<mac match='no' srcmacaddr='$MAC'/></rule>"
    "<rule action='drop' direction='out' priority='-980'>"
    "<arp match='no' arpsrcmacaddr='$MAC'/></rule>"
    "</filter>";

/* Before it has an address it may look for one. RARP is how QEMU tells switches, in the guest's
 * name, where a VM is that has moved. */
static const char dhcp_filter[] =
    "<filter name='isthmus-dhcp' chain='root'>"
    "<uuid>6f1c4d6e-6b1e-4f0e-9d3c-5d1f0a7c2b02</uuid>"
    "<filterref filter='isthmus-mac'/>"
    "<rule action='drop' direction='out' priority='-970'>"
    "<ip protocol='udp' srcportstart='67' srcportend='67'/></rule>"
    "<rule action='accept' direction='out' priority='-960'>"
    "<ip srcipaddr='0.0.0.0' protocol='udp' srcportstart='68' dstportstart='67'/></rule>"
    "<rule action='accept' direction='out' priority='-960'>"
    "<ip srcipaddr='$IP'/></rule>"
    "<rule action='accept' direction='out' priority='-960'>"
    "<arp arpsrcipaddr='0.0.0.0'/></rule>"
    "<rule action='accept' direction='out' priority='-960'>"
    "<arp arpsrcipaddr='$IP'/></rule>"
    "<rule action='accept' direction='out' priority='-960'>"
    "<rarp opcode='Request_Reverse' arpsrcmacaddr='$MAC' arpdstmacaddr='$MAC' "
    "arpsrcipaddr='0.0.0.0' arpdstipaddr='0.0.0.0'/></rule>"
    "<rule action='drop' direction='out' priority='-950'/>"
    "</filter>";

/* Who may begin to speak to a VM, by the kernel's own knowledge of connections, which sees what a
 * bridge passes on while br_netfilter is loaded. What is neither IPv4 nor ARP would not be seen
 * there, so it does not come in; nor does IPv4 within VLANs. */
static const char allow_filter[] =
    "<filter name='isthmus-allow' chain='root'>"
    "<uuid>6f1c4d6e-6b1e-4f0e-9d3c-5d1f0a7c2b03</uuid>"
    "<rule action='accept' direction='in' priority='-940'><mac protocolid='ipv4'/></rule>"
    "<rule action='accept' direction='in' priority='-940'><mac protocolid='arp'/></rule>"
    "<rule action='drop' direction='in' priority='-930'/>"
    "<rule action='accept' direction='out' priority='500'>"
    "<all state='NEW,ESTABLISHED,RELATED'/></rule>"
    "<rule action='accept' direction='in' priority='500'><all state='ESTABLISHED,RELATED'/></rule>"
    "<rule action='accept' direction='in' priority='510'>"
    "<udp srcportstart='67' dstportstart='68'/></rule>"
    "<rule action='accept' direction='in' priority='520'>"
    "<tcp srcipaddr='$TCP_FROM[@1]' srcipmask='$TCP_BITS[@1]' dstportstart='$TCP_FIRST[@1]' "
    "dstportend='$TCP_LAST[@1]'/></rule>"
    "<rule action='accept' direction='in' priority='520'>"
    "<udp srcipaddr='$UDP_FROM[@1]' srcipmask='$UDP_BITS[@1]' dstportstart='$UDP_FIRST[@1]' "
    "dstportend='$UDP_LAST[@1]'/></rule>"
    "<rule action='accept' direction='in' priority='520'>"
    "<icmp srcipaddr='$ICMP_FROM[@1]' srcipmask='$ICMP_BITS[@1]' type='8'/></rule>"
    "<rule action='drop' direction='in' priority='900'><all/></rule>"
    "</filter>";

static const char mac_allow_filter[] =
    "<filter name='isthmus-mac-allow' chain='root'>"
    "<uuid>6f1c4d6e-6b1e-4f0e-9d3c-5d1f0a7c2b04</uuid>"
    "<filterref filter='isthmus-mac'/><filterref filter='isthmus-allow'/></filter>";

static const char dhcp_allow_filter[] =
    "<filter name='isthmus-dhcp-allow' chain='root'>"
    "<uuid>6f1c4d6e-6b1e-4f0e-9d3c-5d1f0a7c2b05</uuid>"
    "<filterref filter='isthmus-dhcp'/><filterref filter='isthmus-allow'/></filter>";

/* Each after those that it names. */
static const char *const all_filters[] = {mac_filter, dhcp_filter, allow_filter, mac_allow_filter,
                                          dhcp_allow_filter};

static const char *const programs[] = {"/usr/sbin/ebtables", "/sbin/ebtables",
                                       "/usr/bin/ebtables"};

static void filter_clean(virNWFilterPtr *filter) {
    if (*filter)
        (void)virNWFilterFree(*filter);
}

/* The first network whose VMs are to be filtered, or NULL. */
static const struct host_network *first_filtered(const struct host_networks *networks) {
    for (size_t i = 0; i < networks->count; i++)
        if (networks->items[i].filter != HOST_FILTER_NONE)
            return &networks->items[i];
    return NULL;
}

static bool has_program(void) {
    for (size_t i = 0; i < array_size(programs); i++)
        if (access(programs[i], X_OK) == 0)
            return true;
    return false;
}

int filters_try(virConnectPtr connection, const struct host_networks *networks,
                struct error *err) {
    const struct host_network *network = first_filtered(networks);
    if (!network)
        return 0;
    const char *lacks = virConnectNumOfNWFilters(connection) < 0 ? virGetLastErrorMessage()
                        : has_program()                          ? NULL
                                                                 : "ebtables is not there";
    if (!lacks)
        return 0;
    return error_set(err, -EOPNOTSUPP, "[network %s] filter: this libvirt cannot keep VMs from "
                     "sending under others' addresses: %s; use its system daemon (uri = "
                     "qemu:///system, packages libvirt-daemon-system and iptables), or say filter "
                     "= none, if they may", network->name, lacks);
}

static int define(virConnectPtr connection, const char *xml, struct error *err) {
    auto_clean(filter_clean) virNWFilterPtr filter = virNWFilterDefineXML(connection, xml);
    return filter ? 0 : ((void)libvirt_failed(err, "define a network filter of ours"), -EIO);
}

int filters_define(struct libvirt *libvirt, const struct host_networks *networks,
                   struct error *err) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, err);
    if (!connection || filters_try(connection, networks, err))
        return err->code;
    if (virConnectNumOfNWFilters(connection) < 0)
        return 0;
    int result = 0;
    for (size_t i = 0; i < array_size(all_filters) && result == 0; i++)
        result = define(connection, all_filters[i], err);
    /* a session's daemon has filters, and lets nobody define one: then no VM here has any */
    return first_filtered(networks) ? result : 0;
}

bool filters_keep_rules(const struct host_network *network) {
    if (!network->bridge && !network->libvirt)
        return true;
    char word = 0;
    int fd = open("/proc/sys/net/bridge/bridge-nf-call-iptables", O_RDONLY | O_CLOEXEC);
    bool is_read = fd >= 0 && read(fd, &word, 1) == 1;
    if (fd >= 0)
        (void)close(fd);
    return network->filter != HOST_FILTER_NONE && is_read && word == '1';
}
