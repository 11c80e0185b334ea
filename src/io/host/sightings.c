/* Which of what was seen is told of a VM. */
#include "io/host/sightings.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/host/domain.h"
#include "message/codec/ip.h"

enum { most = 65536 };

/* In the one form that is told, however it was written. */
static bool normal(const char *said, char out_ip[limit_ip_size]) {
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(said, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, said, bytes) == 1 &&
           inet_ntop(family, bytes, out_ip, limit_ip_size) && ip_is_of_guest(out_ip);
}

void sightings_add(struct sightings *sightings, enum sighted_by by, const char *mac,
                   const char *ip) {
    struct sighting one = {.by = by};
    if (sightings->count == most || !text_copy(one.mac, sizeof(one.mac), mac) ||
        !normal(ip, one.ip))
        return;
    if (sightings->count == sightings->capacity) {
        sightings->capacity = sightings->capacity ? sightings->capacity * 2 : 16;
        sightings->items =
            memory_resize(sightings->items, sightings->capacity * sizeof(*sightings->items));
    }
    sightings->items[sightings->count++] = one;
}

void sightings_clear(struct sightings *sightings) { sightings->count = 0; }

void sightings_deinit(struct sightings *sightings) {
    memory_free(sightings->items);
    *sightings = (struct sightings){0};
}

static bool is_among(const struct sightings *hosts, const char *ip) {
    for (size_t i = 0; i < hosts->count; i++)
        if (text_equal(hosts->items[i].ip, ip))
            return true;
    return false;
}

/* Those of one interface that were seen so; how many. */
static uint32_t pick(const struct sightings *sightings, enum sighted_by by, const char *mac,
                     struct vm_ip out_ips[limit_interface_ips]) {
    uint32_t count = 0;
    for (size_t i = 0; i < sightings->count && count < limit_interface_ips; i++) {
        const struct sighting *one = &sightings->items[i];
        bool is_new = one->by == by && strcasecmp(one->mac, mac) == 0;
        for (uint32_t k = 0; k < count; k++)
            is_new &= !text_equal(out_ips[k].ip, one->ip);
        if (is_new)
            text_set(out_ips[count++].ip, one->ip);
    }
    return count;
}

uint32_t sightings_pick(const struct sightings *sightings, const struct sightings *hosts,
                        const char *vm, struct vm_ip out_ips[limit_vm_ips]) {
    uint32_t count = 0;
    char mac[limit_mac_size];
    for (uint32_t i = 0; i < limit_vm_networks; i++) {
        struct vm_ip ips[limit_interface_ips];
        uint32_t found = 0;
        host_domain_mac(vm, i, mac);
        for (enum sighted_by by = 0; !found && by < SIGHTED_BY_COUNT; by++)
            found = pick(sightings, by, mac, ips);
        for (uint32_t k = 0; k < found; k++) {
            ips[k].interface = i;
            if (!is_among(hosts, ips[k].ip))
                out_ips[count++] = ips[k];
        }
    }
    return count;
}
