/* How the kernel's table of neighbours is read. */
#include "io/host/guests/neighbours.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/os/folder.h"

enum { mac_bytes = 6, piece = 32768 };

static size_t aligned(size_t length) { return (length + 3) / 4 * 4; }

static void add(const struct ndmsg *about, const char *attributes, size_t length,
                struct sightings *out) {
    const unsigned char *mac = NULL;
    const void *ip = NULL;
    const struct rtattr *at;
    char words[limit_mac_size], text[limit_ip_size];
    size_t ip_bytes = about->ndm_family == AF_INET ? sizeof(struct in_addr)
                                                   : sizeof(struct in6_addr);
    for (size_t from = 0; from + sizeof(*at) <= length; from += aligned(at->rta_len)) {
        at = (const void *)(attributes + from);
        if (at->rta_len < sizeof(*at) || at->rta_len > length - from)
            return;
        if (at->rta_type == NDA_LLADDR && at->rta_len == sizeof(*at) + mac_bytes)
            mac = (const void *)(at + 1);
        else if (at->rta_type == NDA_DST && at->rta_len == sizeof(*at) + ip_bytes)
            ip = at + 1;
    }
    bool is_heard = !(about->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP));
    if (!mac || !ip || !is_heard || !inet_ntop(about->ndm_family, ip, text, sizeof(text)))
        return;
    text_format(words, sizeof(words), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                mac[3], mac[4], mac[5]);
    struct sighting *added = sightings_add(out, BY_NEIGHBOUR, words, text);
    if (added)
        added->device = about->ndm_ifindex > 0 ? (unsigned)about->ndm_ifindex : 0;
}

/* True: there is more to come. */
static bool add_all(const char *bytes, size_t length, struct sightings *out) {
    enum { head = NLMSG_HDRLEN, about = sizeof(struct ndmsg) };
    const struct nlmsghdr *at;
    for (size_t from = 0; from + head <= length; from += aligned(at->nlmsg_len)) {
        at = (const void *)(bytes + from);
        if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR ||
            at->nlmsg_len < head || at->nlmsg_len > length - from)
            return false;
        const char *body = bytes + from + head;
        if (at->nlmsg_type == RTM_NEWNEIGH && at->nlmsg_len >= head + about)
            add((const void *)body, body + about, at->nlmsg_len - head - about, out);
    }
    return true;
}

int neighbours_read(struct sightings *out, struct error *err) {
    struct {
        struct nlmsghdr header;
        struct ndmsg about;
    } question = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)), .nlmsg_type = RTM_GETNEIGH,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                  {.ndm_family = AF_UNSPEC}};
    union {
        char bytes[piece];
        struct nlmsghdr aligned;
    } answer;
    auto_clean(fd_clean) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, &question, sizeof(question), 0) < 0)
        return error_set(err, -errno, "ask the kernel for its neighbours: %s", strerror(errno));
    for (;;) {
        ssize_t length = recv(fd, answer.bytes, sizeof(answer.bytes), 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set(err, -errno, "read the kernel's neighbours: %s", strerror(errno));
        if (!length || !add_all(answer.bytes, (size_t)length, out))
            return 0;
    }
}

/* The bits that are set in a network's mask. */
static unsigned count_bits(const struct sockaddr *mask) {
    const struct sockaddr_in *four = (const void *)mask;
    const struct sockaddr_in6 *six = (const void *)mask;
    unsigned bits = 0;
    if (mask && mask->sa_family == AF_INET)
        bits = (unsigned)__builtin_popcount(four->sin_addr.s_addr);
    for (size_t i = 0; mask && mask->sa_family == AF_INET6 && i < sizeof(six->sin6_addr); i++)
        bits += (unsigned)__builtin_popcount(six->sin6_addr.s6_addr[i]);
    return bits;
}

int neighbours_read_own(struct sightings *out, struct error *err) {
    struct ifaddrs *all = NULL;
    char text[limit_ip_size];
    if (getifaddrs(&all))
        return error_set(err, -errno, "read this machine's addresses: %s", strerror(errno));
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        const struct sockaddr_in *four = (const void *)at->ifa_addr;
        const struct sockaddr_in6 *six = (const void *)at->ifa_addr;
        struct sighting *added = NULL;
        int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;
        if ((family == AF_INET && inet_ntop(family, &four->sin_addr, text, sizeof(text))) ||
            (family == AF_INET6 && inet_ntop(family, &six->sin6_addr, text, sizeof(text))))
            added = sightings_add(out, BY_NEIGHBOUR, "", text);
        if (added) {
            added->device = if_nametoindex(at->ifa_name);
            added->prefix = count_bits(at->ifa_netmask);
        }
    }
    freeifaddrs(all);
    return 0;
}
