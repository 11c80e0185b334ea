/* IP addresses of guests, in text: what a place says that a VM's interface has. */
#pragma once

#include <stdbool.h>

/* Is it the address of one station that others may reach, in the one form that inet_ntop(3) writes?
 * None that every machine has (loopback), that no router passes on (link-local), that is of many
 * (multicast), or of nobody yet. */
bool ip_is_of_guest(const char *text);
