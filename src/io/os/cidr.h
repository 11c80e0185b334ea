/* Networks of IP addresses, and which addresses are of the public Internet. */
#pragma once

#include <stdbool.h>

struct sockaddr;

/* "10.0.0.0/8 2001:db8::/32 192.0.2.7", a blank between them. */
bool cidr_are_valid(const char *networks);

/* Is the address in one of them? One of IPv4 within IPv6 is that of IPv4. NULL: there are none. */
bool cidr_have(const char *networks, const struct sockaddr *address);

/* May it belong to anybody's public server? Not those that machines have among themselves: private,
 * of the link, loopback, shared, of tests and documents, multicast, reserved (RFC 6890), and what
 * leads to such by another form. */
bool cidr_is_public(const struct sockaddr *address);
