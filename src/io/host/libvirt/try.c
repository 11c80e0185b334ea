/* One connection by itself. A network counts as there where a VM could be started in it. */
#include "io/host/libvirt/try.h"

#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "io/host/libvirt/filters.h"
#include "io/host/libvirt/library.h"

static void on_error(void *context, virErrorPtr error) { (void)context, (void)error; }

static void network_clean(virNetworkPtr *network) {
    if (*network)
        (void)virNetworkFree(*network);
}

static int try_bridge(const struct host_network *network, struct error *err) {
    auto_clean(text_deinit) struct text path = {0};
    text_addf(&path, "/sys/class/net/%s/bridge", network->bridge);
    if (access(path.data, F_OK) == 0)
        return 0;
    return error_set(err, -ENODEV, "[network %s] bridge = %s: this machine has no bridge of that "
                     "name; make it (ip link add %s type bridge), or name another",
                     network->name, network->bridge, network->bridge);
}

static int try_network(virConnectPtr connection, const struct host_network *network,
                       struct error *err) {
    if (network->bridge)
        return try_bridge(network, err);
    if (!network->libvirt)
        return 0;
    auto_clean(network_clean) virNetworkPtr found =
        virNetworkLookupByName(connection, network->libvirt);
    if (!found)
        return error_set(err, -ENODEV, "[network %s] libvirt = %s: libvirt has no network of that "
                         "name; virsh net-list --all shows those that it has",
                         network->name, network->libvirt);
    if (virNetworkIsActive(found) != 1)
        return error_set(err, -ENETDOWN, "[network %s] libvirt = %s: the network is not started; "
                         "virsh net-start %s, and net-autostart", network->name, network->libvirt,
                         network->libvirt);
    return 0;
}

int libvirt_try(const char *uri, const struct host_networks *networks, char **out_capabilities,
                struct error *err) {
    virSetErrorFunc(NULL, on_error);
    if (virEventRegisterDefaultImpl() < 0) /* the embedded driver asks for it; nothing is awaited */
        return libvirt_failed(err, "start libvirt"), -EIO;
    auto_clean(connection_clean) virConnectPtr connection = virConnectOpen(uri);
    if (!connection)
        return error_set(err, -ENOTCONN, "[host] uri = %s: %s; install libvirt-daemon-system and "
                         "start libvirtd, or check the URI and that this user may use it", uri,
                         virGetLastErrorMessage());
    for (size_t i = 0; i < networks->count; i++)
        if (try_network(connection, &networks->items[i], err))
            return err->code;
    if (filters_try(connection, networks, err))
        return err->code;
    *out_capabilities = virConnectGetCapabilities(connection);
    if (!*out_capabilities)
        return libvirt_failed(err, "read what the host has"), -EIO;
    return 0;
}
