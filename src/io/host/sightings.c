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

struct sighting *sightings_add(struct sightings *sightings, enum sighted_by by, const char *mac,
                               const char *ip) {
    struct sighting one = {.by = by};
    if (sightings->count == most || !text_copy(one.mac, sizeof(one.mac), mac) ||
        !normal(ip, one.ip))
        return NULL;
    if (sightings->count == sightings->capacity) {
        sightings->capacity = sightings->capacity ? sightings->capacity * 2 : 16;
        sightings->items =
            memory_resize(sightings->items, sightings->capacity * sizeof(*sightings->items));
    }
    sightings->items[sightings->count] = one;
    return &sightings->items[sightings->count++];
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

/* Are both in one network, whose addresses share so many bits? */
static bool is_near(const char *one, const char *other, unsigned prefix) {
    unsigned char of_one[sizeof(struct in6_addr)], of_other[sizeof(struct in6_addr)];
    int family = strchr(one, ':') ? AF_INET6 : AF_INET;
    unsigned most_bits = family == AF_INET ? 32 : 128, whole = prefix / 8, rest = prefix % 8;
    if (!prefix || prefix > most_bits || inet_pton(family, one, of_one) != 1 ||
        inet_pton(family, other, of_other) != 1 || memcmp(of_one, of_other, whole) != 0)
        return false;
    return !rest || (of_one[whole] ^ of_other[whole]) >> (8 - rest) == 0;
}

/* The device of this machine on whose own network the address is; `device`: on that alone, 0: any.
 * 0: none. */
static unsigned near(const struct sightings *hosts, const char *ip, unsigned device) {
    for (size_t i = 0; i < hosts->count; i++) {
        const struct sighting *own = &hosts->items[i];
        if (own->device && (!device || own->device == device) && is_near(own->ip, ip, own->prefix))
            return own->device;
    }
    return 0;
}

static bool has_dialled(const struct dialled *all, uint32_t count, const struct dialled *one) {
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(all[i].ip, one->ip) && all[i].device == one->device)
            return true;
    return false;
}

static bool is_of_vm(const char *vm, const char *mac) {
    char own[limit_mac_size];
    for (uint32_t i = 0; i < limit_vm_networks; i++) {
        host_domain_mac(vm, i, own);
        if (strcasecmp(mac, own) == 0)
            return true;
    }
    return false;
}

uint32_t sightings_dial(const struct sightings *sightings, const struct sightings *hosts,
                        const char *vm, struct dialled out[limit_vm_ips]) {
    uint32_t count = 0;
    for (size_t i = 0; i < sightings->count && count < limit_vm_ips; i++) {
        const struct sighting *seen = &sightings->items[i];
        struct dialled one = {.device = near(hosts, seen->ip, seen->device)};
        text_set(one.ip, seen->ip);
        if (seen->by != BY_GUEST_AGENT && one.device && is_of_vm(vm, seen->mac) &&
            !is_among(hosts, seen->ip) && !has_dialled(out, count, &one))
            out[count++] = one;
    }
    return count;
}

bool sightings_is_there(const struct sightings *sightings, const char *vm,
                        const struct dialled *dialled) {
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *seen = &sightings->items[i];
        if (seen->by == BY_NEIGHBOUR && seen->device == dialled->device &&
            text_equal(seen->ip, dialled->ip))
            return is_of_vm(vm, seen->mac);
    }
    return false;
}
