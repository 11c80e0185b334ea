/* A URI is read from its front by what it may have there; whatever is left over refuses it. */
#include "message/landing.h"

#include <string.h>

#include "base/text.h"

#define digits "0123456789"
#define letters "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Skips the word at `*at`; false: another one stands there. */
static bool skip(const char **at, const char *word) {
    if (!text_starts(*at, word))
        return false;
    *at += strlen(word);
    return true;
}

/* Skips a name or an address, IPv6 in brackets. */
static bool skip_host(const char **at) {
    enum { most = 253 };
    bool is_ipv6 = skip(at, "[");
    size_t length = strspn(*at, is_ipv6 ? digits "abcdefABCDEF:." : digits letters ".-");
    bool has_colon = memchr(*at, ':', length);
    if (!length || length > most || is_ipv6 != has_colon || **at == '-' || **at == '.')
        return false;
    *at += length;
    return !is_ipv6 || skip(at, "]");
}

/* Skips a port, if there is one. */
static bool skip_port(const char **at) {
    enum { most = 5 };
    if (!skip(at, ":"))
        return true;
    size_t length = strspn(*at, digits);
    *at += length;
    return length && length <= most;
}

/* Skips the daemon's kind. */
static bool skip_kind(const char **at) { return skip(at, "/system") || skip(at, "/session"); }

static bool is_socket(const char *path) {
    return *path == '/' && !path[strspn(path, digits letters "/._-")] &&
           landing_folder_is_safe(path);
}

bool landing_uri_is_safe(const char *uri) {
    const char *at = uri;
    if (strnlen(uri, limit_landing) == limit_landing)
        return false;
    if (skip(&at, "qemu+unix://"))
        return skip_kind(&at) && skip(&at, "?socket=") && is_socket(at);
    return (skip(&at, "qemu+tls://") || skip(&at, "qemu+tcp://")) && skip_host(&at) &&
           skip_port(&at) && skip_kind(&at) && !*at;
}

bool landing_folder_is_safe(const char *folder) {
    if (*folder != '/' || strnlen(folder, limit_landing) == limit_landing)
        return false;
    for (const char *at = folder; *at; at++) {
        bool is_up = text_starts(at, "/..") && (!at[3] || at[3] == '/');
        if (is_up || (unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    }
    return true;
}

bool landing_is_safe(const struct landing *landing) {
    return landing->uri && landing->folder && landing_uri_is_safe(landing->uri) &&
           landing_folder_is_safe(landing->folder);
}
