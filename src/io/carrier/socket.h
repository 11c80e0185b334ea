/* What the carrier wants to know of a TCP socket beside the library that reads and writes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No waiting for more to send; an end that is dead is found within a minute or so. */
void carrier_socket_tune(int fd);

/* A library that waits by select() cannot have a descriptor of 1,024 or more (FD_SETSIZE). Seats
 * are lower ones, kept free for its socket; -1: there is none. Two, because the library closes its
 * socket itself: in that moment another thread may open a file in its seat, and stay there. */
struct carrier_seats {
    int fds[2];
};

/* Takes what is to be had of those that are not kept; after carrier_seats_init, and after each
 * connection. */
void carrier_seats_take(struct carrier_seats *seats);
void carrier_seats_init(struct carrier_seats *seats);
void carrier_seats_deinit(struct carrier_seats *seats);

/* Moves such a socket into a seat. Returns its new descriptor, the same where it is low enough;
 * -1: it is not, and there is no seat. */
int carrier_seats_lower(struct carrier_seats *seats, int fd);

/* What was read from it so far. */
uint64_t carrier_socket_bytes_read(int fd);

/* Bytes that were written and that the other end has not taken yet. */
int carrier_socket_bytes_waiting(int fd);

/* Makes room for so many bytes to wait, if the kernel may. */
void carrier_socket_widen(int fd, int bytes);

/* Has it room for so many bytes, so that a writer cannot get stuck in it? */
bool carrier_socket_has_room(int fd, size_t length);
