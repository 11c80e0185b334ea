/* Rules are read as strictly as they are checked: what is not a rule ends them. */
#include "message/codec/allow.h"

#include <string.h>

#include "base/text.h"
#include "message/limits.h"

static const char *const words[] = {
    [ALLOW_TCP] = "tcp:", [ALLOW_UDP] = "udp:", [ALLOW_ICMP] = "icmp"};
static const char nobody[] = "none";

/* Reads a number without leading zeros; returns what follows, or NULL. */
static const char *read_number(const char *at, uint32_t most, uint32_t *out) {
    size_t length = strspn(at, "0123456789");
    if (!length || length > 5 || (*at == '0' && length > 1))
        return NULL;
    *out = 0;
    for (size_t i = 0; i < length; i++)
        *out = *out * 10 + (uint32_t)(at[i] - '0');
    return *out <= most ? at + length : NULL;
}

static const char *read_ports(const char *at, struct allow_rule *out) {
    at = read_number(at, limit_port, &out->first);
    out->last = out->first;
    if (at && *at == '-')
        at = read_number(at + 1, limit_port, &out->last);
    return at && out->first && out->first <= out->last ? at : NULL;
}

static bool has_host_bits(const struct allow_rule *rule) {
    for (unsigned bit = rule->bits; bit < 32; bit++)
        if (rule->address[bit / 8] & (0x80U >> bit % 8))
            return true;
    return false;
}

static const char *read_network(const char *at, struct allow_rule *out) {
    uint32_t number = 0;
    for (unsigned i = 0; i < sizeof(out->address) && at; i++) {
        at = read_number(at, UINT8_MAX, &number);
        out->address[i] = (unsigned char)number;
        if (at && i + 1 < sizeof(out->address))
            at = *at == '.' ? at + 1 : NULL;
    }
    out->bits = 32;
    if (at && *at == '/') {
        at = read_number(at + 1, 32, &number);
        out->bits = (unsigned)number;
    }
    return at && !has_host_bits(out) ? at : NULL;
}

/* Returns what follows the rule, which has to be its end; NULL: it is none. */
static const char *read_rule(const char *at, struct allow_rule *out) {
    *out = (struct allow_rule){.protocol = ALLOW_TCP};
    while (out->protocol < ALLOW_PROTOCOLS && !text_starts(at, words[out->protocol]))
        out->protocol++;
    if (out->protocol == ALLOW_PROTOCOLS)
        return NULL;
    at += strlen(words[out->protocol]);
    if (out->protocol != ALLOW_ICMP)
        at = read_ports(at, out);
    if (at && *at == '@')
        at = read_network(at + 1, out);
    return at && (!*at || *at == ',') ? at : NULL;
}

const char *allow_next(const char *allow, struct allow_rule *out_rule) {
    const char *end = allow && *allow ? read_rule(allow, out_rule) : NULL;
    return !end ? NULL : *end ? end + 1 : end;
}

bool allow_is_valid(const char *allow) {
    struct allow_rule rule;
    if (text_equal(allow, nobody))
        return true;
    for (unsigned count = 1; count <= limit_vm_allow_rules; count++) {
        const char *end = read_rule(allow, &rule);
        if (!end || !*end)
            return end;
        allow = end + 1;
    }
    return false;
}

bool allow_has_port(const char *allow, uint32_t port) {
    struct allow_rule rule;
    if (!allow || !*allow)
        return true;
    while ((allow = allow_next(allow, &rule)))
        if (rule.protocol == ALLOW_TCP && rule.first <= port && port <= rule.last)
            return true;
    return false;
}
