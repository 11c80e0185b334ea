/* One datagram to the socket that systemd names (sd_notify(3)). */
#include "main/warden/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

void notify_say(const char *words) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (*path != '/' && *path != '@') ||
        !text_copy(address.sun_path, sizeof(address.sun_path), path))
        return;
    size_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (*path == '@') /* an abstract name */
        address.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, words, strlen(words), MSG_NOSIGNAL, (const void *)&address,
                  (socklen_t)length);
    (void)close(fd);
}
