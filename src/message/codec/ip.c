/* Which IP addresses say something of a guest. */
#include "message/codec/ip.h"

#include <arpa/inet.h>
#include <string.h>

#include "message/limits.h"

/* By the first bytes (RFC 6890). */
static bool is_of_station(const unsigned char *bytes) {
    bool is_link_local = bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224 && !is_link_local;
}

static bool is_of_station_6(const struct in6_addr *address) {
    return !IN6_IS_ADDR_UNSPECIFIED(address) && !IN6_IS_ADDR_LOOPBACK(address) &&
           !IN6_IS_ADDR_LINKLOCAL(address) && !IN6_IS_ADDR_MULTICAST(address) &&
           !IN6_IS_ADDR_V4MAPPED(address) && !IN6_IS_ADDR_V4COMPAT(address);
}

bool ip_is_of_guest(const char *text) {
    unsigned char bytes[sizeof(struct in6_addr)];
    struct in6_addr six;
    char again[limit_ip_size];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bytes) != 1 ||
        !inet_ntop(family, bytes, again, sizeof(again)) || strcmp(text, again) != 0)
        return false;
    memcpy(&six, bytes, sizeof(six));
    return family == AF_INET ? is_of_station(bytes) : is_of_station_6(&six);
}
