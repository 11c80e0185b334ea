/* Reads an address, opens the socket there, and says whether anybody but this machine can reach
 * it. */
#include "io/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    };
    socklen_t length;
};

static int malformed(const char *listen_at, struct error *err) {
    return error_set(err, -EINVAL,
                     "listen on \"%s\": not an address; write a numeric address and a port, "
                     "like 127.0.0.1:8080 or [::]:8443",
                     listen_at);
}

static int address_parse(const char *listen_at, struct address *out, struct error *err) {
    char host[64];
    const char *colon = strrchr(listen_at, ':');
    size_t length = colon ? (size_t)(colon - listen_at) : 0;
    if (length == 0 || length >= sizeof(host))
        return malformed(listen_at, err);
    memcpy(host, listen_at, length);
    host[length] = 0;
    char *end;
    errno = 0;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (errno || *end || colon[1] < '0' || colon[1] > '9' || port > UINT16_MAX)
        return malformed(listen_at, err);
    *out = (struct address){0};
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = 0;
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = htons((uint16_t)port);
        out->length = sizeof(out->six);
        return inet_pton(AF_INET6, host + 1, &out->six.sin6_addr) == 1 ? 0
                                                                       : malformed(listen_at, err);
    }
    out->four.sin_family = AF_INET;
    out->four.sin_port = htons((uint16_t)port);
    out->length = sizeof(out->four);
    return inet_pton(AF_INET, host, &out->four.sin_addr) == 1 ? 0 : malformed(listen_at, err);
}

static enum http_exposure address_exposure(const struct address *address) {
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr) ? HTTP_LOOPBACK : HTTP_OUTSIDE;
    return ntohl(address->four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ? HTTP_LOOPBACK
                                                                        : HTTP_OUTSIDE;
}

/* A socket that is left of an earlier run is in the way; the store's lock has shown that no daemon
 * uses this folder but we. */
static int listen_at_path(const char *path, struct http_socket *out_socket, struct error *err) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat facts;
    if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
        return error_set(err, -ENAMETOOLONG, "listen on %s: a socket's path has at most %zu bytes; "
                         "choose a state folder with a shorter path", path,
                         sizeof(address.sun_path) - 1);
    if (lstat(path, &facts) == 0 && S_ISSOCK(facts.st_mode))
        (void)unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, -errno, "listen on %s: make a socket: %s", path, strerror(errno));
    /* Nobody can connect before listen(): the mode is right by then. */
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        int code = -errno;
        error_set(err, code, "listen on %s: %s; check the folder and who may write to it", path,
                  strerror(-code));
        close(fd);
        return code;
    }
    *out_socket = (struct http_socket){.fd = fd, .exposure = HTTP_LOOPBACK};
    text_set(out_socket->path, address.sun_path);
    return 0;
}

int http_listen(const char *listen_at, struct http_socket *out_socket, struct error *err) {
    struct address address;
    if (text_starts(listen_at, "unix:"))
        return listen_at_path(listen_at + strlen("unix:"), out_socket, err);
    int result = address_parse(listen_at, &address, err);
    if (result < 0)
        return result;
    int yes = 1, no = 0;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(err, -errno, "listen on %s: make a socket: %s", listen_at,
                         strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address.any.sa_family == AF_INET6) /* [::] takes IPv4 too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, &address.any, address.length) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, &address.any, &address.length) < 0) {
        int code = -errno;
        const char *remedy = code == -EADDRINUSE ? "; another program listens there: stop it, or "
                                                   "set another port"
                                                 : "; check the address in the configuration";
        error_set(err, code, "listen on %s: %s%s", listen_at, strerror(-code), remedy);
        close(fd);
        return code;
    }
    *out_socket = (struct http_socket){
        .fd = fd,
        .port = ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port
                                                        : address.four.sin_port),
        .exposure = address_exposure(&address),
    };
    return 0;
}
