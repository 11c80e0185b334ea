/* Addresses are compared as 16 bytes, those of IPv4 as ::ffff:a.b.c.d. */
#include "io/os/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { bits_most = 128, bits_of_prefix = 96, word_size = 64 };

struct network {
    unsigned char bytes[16];
    unsigned bits;
};

static void map(const void *ipv4, unsigned char out[16]) {
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, ipv4, 4);
}

static bool parse(const char *word, size_t length, struct network *out) {
    char text[word_size], *end;
    struct in_addr ipv4;
    if (length >= sizeof(text))
        return false;
    memcpy(text, word, length);
    text[length] = 0;
    char *slash = strchr(text, '/');
    if (slash)
        *slash = 0;
    bool is_ipv4 = inet_pton(AF_INET, text, &ipv4) == 1;
    if (is_ipv4)
        map(&ipv4, out->bytes);
    else if (inet_pton(AF_INET6, text, out->bytes) != 1)
        return false;
    unsigned offset = is_ipv4 ? bits_of_prefix : 0;
    unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : bits_most - offset;
    if (slash && (slash[1] < '0' || slash[1] > '9' || *end))
        return false;
    out->bits = (unsigned)bits + offset;
    return bits <= bits_most - offset;
}

static bool has(const struct network *network, const unsigned char bytes[16]) {
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    unsigned char mask = (unsigned char)(0xff00 >> rest);
    return memcmp(network->bytes, bytes, whole) == 0 &&
           (!rest || ((network->bytes[whole] ^ bytes[whole]) & mask) == 0);
}

static bool any_has(const char *networks, const unsigned char bytes[16]) {
    for (const char *at = networks; *at; at += strspn(at, " ")) {
        struct network network;
        size_t length = strcspn(at, " ");
        if (length && parse(at, length, &network) && has(&network, bytes))
            return true;
        at += length;
    }
    return false;
}

static bool bytes_of(const struct sockaddr *address, unsigned char out[16]) {
    if (address->sa_family == AF_INET)
        map(&((const struct sockaddr_in *)(const void *)address)->sin_addr, out);
    else if (address->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    return true;
}

bool cidr_are_valid(const char *networks) {
    struct network network;
    const char *at = networks;
    while (*at) {
        size_t length = strcspn(at, " ");
        if (!length || !parse(at, length, &network))
            return false;
        at += length;
        at += *at == ' ';
    }
    return at != networks && at[-1] != ' ';
}

bool cidr_have(const char *networks, const struct sockaddr *address) {
    unsigned char bytes[16];
    return networks && bytes_of(address, bytes) && any_has(networks, bytes);
}

bool cidr_is_public(const struct sockaddr *address) {
    static const char of_ipv4[] =
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
        "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
        "224.0.0.0/4 240.0.0.0/4";
    /* Of IPv6 what is handed out is 2000::/3; there Teredo, documents and 6to4 are not. */
    static const char of_ipv6[] = "2001::/23 2001:db8::/32 2002::/16 3fff::/20";
    unsigned char bytes[16];
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!bytes_of(address, bytes))
        return false;
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return !any_has(of_ipv4, bytes);
    return any_has("2000::/3", bytes) && !any_has(of_ipv6, bytes);
}
