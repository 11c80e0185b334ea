/* Which options a connection's socket gets, and what is read from the kernel about its bytes, on
 * Linux. */
#include "io/carrier/socket.h"

#include <fcntl.h>
#include <linux/sockios.h> /* SIOCOUTQ */
#include <linux/tcp.h>     /* struct tcp_info with tcpi_bytes_received */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"

void carrier_socket_tune(int fd) {
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 30},      {IPPROTO_TCP, TCP_KEEPINTVL, 10},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},        {IPPROTO_TCP, TCP_USER_TIMEOUT, 20000},
    };
    for (size_t i = 0; i < array_size(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int take_seat(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < FD_SETSIZE)
        return fd;
    close(fd);
    return -1;
}

void carrier_seats_take(struct carrier_seats *seats) {
    for (size_t i = 0; i < array_size(seats->fds); i++)
        if (seats->fds[i] < 0)
            seats->fds[i] = take_seat();
}

void carrier_seats_init(struct carrier_seats *seats) {
    for (size_t i = 0; i < array_size(seats->fds); i++)
        seats->fds[i] = -1;
    carrier_seats_take(seats);
}

void carrier_seats_deinit(struct carrier_seats *seats) {
    for (size_t i = 0; i < array_size(seats->fds); i++)
        if (seats->fds[i] >= 0)
            close(seats->fds[i]);
}

int carrier_seats_lower(struct carrier_seats *seats, int fd) {
    if (fd < FD_SETSIZE)
        return fd;
    for (size_t i = 0; i < array_size(seats->fds); i++) {
        int seat = seats->fds[i];
        if (seat < 0 || dup3(fd, seat, O_CLOEXEC) < 0)
            continue;
        close(fd);
        seats->fds[i] = -1;
        return seat;
    }
    return -1;
}

uint64_t carrier_socket_bytes_read(int fd) {
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int waiting = 0;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    (void)ioctl(fd, FIONREAD, &waiting);
    uint64_t received = info.tcpi_bytes_received, unread = (uint64_t)waiting;
    return received > unread ? received - unread : 0; /* more may have come between the two */
}

int carrier_socket_bytes_waiting(int fd) {
    int waiting = 0;
    (void)ioctl(fd, SIOCOUTQ, &waiting);
    return waiting;
}

void carrier_socket_widen(int fd, int bytes) {
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

bool carrier_socket_has_room(int fd, size_t length) {
    enum { room = 8192 }; /* the smallest buffer has 16 KiB; half of it is for what is around */
    int waiting = room;
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && (size_t)waiting + length <= room;
}
