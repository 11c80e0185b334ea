/* What the carrier wants to know of a TCP socket beside the library that reads and writes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No waiting for more to send; an end that is dead is found within a minute or so. */
void carrier_socket_tune(int fd);

/* What was read from it so far. */
uint64_t carrier_socket_bytes_read(int fd);

/* Has it room for so many bytes, so that a writer cannot get stuck in it? */
bool carrier_socket_has_room(int fd, size_t length);
