/* By which way a guest is dialled, and how it is made sure that it is the VM that answers. */
#include "io/host/guests/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/host/guests/neighbours.h"
#include "io/host/libvirt/ips.h"
#include "io/os/folder.h"

enum {
    address_ms = 2000,
    addresses_most = 3,
    keep_idle_seconds = 60, /* a guest that is gone without a word is noticed in a few minutes */
    keep_interval_seconds = 30,
    keep_probes = 6,
};

struct sights {
    struct sightings seen, own;
};

static void sights_clean(struct sights *sights) {
    sightings_deinit(&sights->seen);
    sightings_deinit(&sights->own);
}

static bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Packets leave by that device, and no router passes them on. */
static bool stay_near(int fd, int family, unsigned device) {
    char name[IF_NAMESIZE];
    bool is_six = family == AF_INET6;
    return if_indextoname(device, name) &&
           setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) == 0 &&
           set(fd, SOL_SOCKET, SO_DONTROUTE, 1) &&
           set(fd, is_six ? IPPROTO_IPV6 : IPPROTO_IP, is_six ? IPV6_UNICAST_HOPS : IP_TTL, 1);
}

static bool keep_alive(int fd) {
    return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keep_idle_seconds) &&
           set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keep_interval_seconds) &&
           set(fd, IPPROTO_TCP, TCP_KEEPCNT, keep_probes) && set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* 0: it is no address. */
static socklen_t make_address(const struct dialled *to, uint32_t port,
                              struct sockaddr_storage *out) {
    struct sockaddr_in *four = (void *)out;
    struct sockaddr_in6 *six = (void *)out;
    *out = (struct sockaddr_storage){0};
    if (strchr(to->ip, ':')) {
        *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        return inet_pton(AF_INET6, to->ip, &six->sin6_addr) == 1 ? sizeof(*six) : 0;
    }
    *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, to->ip, &four->sin_addr) == 1 ? sizeof(*four) : 0;
}

static int release(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* A socket, or -1 with errno. */
static int connect_to(const struct dialled *to, uint32_t port) {
    struct sockaddr_storage address;
    socklen_t length = make_address(to, port, &address), size = sizeof(int);
    auto_clean(fd_clean) int fd =
        socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!length || fd < 0 || !stay_near(fd, address.ss_family, to->device) || !keep_alive(fd))
        return -1;
    if (connect(fd, (const void *)&address, length) && errno != EINPROGRESS)
        return -1;
    struct pollfd wanted = {fd, POLLOUT, 0};
    int why = 0;
    if (poll(&wanted, 1, address_ms) != 1)
        why = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size))
        why = errno;
    errno = why;
    return why ? -1 : release(&fd);
}

static bool is_there(const char *vm, const struct dialled *to) {
    struct error err;
    struct sightings now = {0};
    bool is = neighbours_read(&now, &err) == 0 && sightings_is_there(&now, vm, to);
    sightings_deinit(&now);
    return is;
}

enum code guest_dial(struct libvirt *libvirt, const struct guest_port *to, int *out_fd,
                     struct error *err) {
    struct dialled all[limit_vm_ips];
    auto_clean(sights_clean) struct sights sights = {0};
    if (neighbours_read_own(&sights.own, err) || neighbours_read(&sights.seen, err))
        return CODE_HOST_FAILED;
    if (libvirt_read_ips(libvirt, to->vm, LIBVIRT_IPS_HOST, &sights.seen) == LIBVIRT_IPS_OFF) {
        error_set(err, -ENOENT, "dial the guest: its domain does not run");
        return CODE_BAD_STATE;
    }
    uint32_t count = sightings_dial(&sights.seen, &sights.own, to->vm, all);
    bool was_there = false;
    for (uint32_t i = 0; i < count && i < addresses_most; i++) {
        auto_clean(fd_clean) int fd = connect_to(&all[i], to->port);
        error_set(err, -errno, "dial the guest at port %u: %s", to->port, strerror(errno));
        bool is = is_there(to->vm, &all[i]);
        was_there |= is;
        if (fd < 0 || !is)
            continue;
        *out_fd = release(&fd);
        return CODE_OK;
    }
    if (was_there)
        return CODE_GUEST_IGNORED;
    error_set(err, -ENOENT, "dial the guest at port %u: no address of the VM is seen on a network "
              "that this host is in, too", to->port);
    return CODE_NOT_FOUND;
}
