/* The addresses of a server's name, in the order in which they are to be tried: by SRV records
 * (RFC 2782) where the name is a domain, each target by AAAA and A (RFC 6724), and of them the one
 * that takes a connection. Blocks for as long as the resolver does; knows no library and no log. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/prng.h"
#include "base/text.h"

enum { resolve_addresses_most = 16, resolve_targets_most = 16, resolve_name_size = 256 };

struct resolve_address {
    struct sockaddr_storage socket;
    socklen_t length;
    uint16_t port;
    char text[64]; /* numeric */
    bool has_failed; /* it took connections of late, and no more */
};

struct resolve_addresses {
    struct resolve_address all[resolve_addresses_most];
    size_t count;
};

/* An SRV record. */
struct resolve_target {
    uint16_t priority, weight, port;
    char name[resolve_name_size];
};

/* Those of `name`, at `port`. With a service ("_xmpp-client._tcp") those that its SRV records name
 * come first, at their ports. What has failed is remembered from what *addresses held before, and
 * comes last. False: there are none. */
bool resolve_server(struct resolve_addresses *addresses, const char *service, const char *name,
                    uint16_t port);

/* Sorts SRV records: by priority, and by chance among equals, as their weights say. */
void resolve_sort(struct resolve_target *targets, size_t count, struct prng *prng);

/* Connects to each, the next one a quarter of a second after the one before, and returns the first
 * that takes it; the connection is closed again. NULL: none within `time_ms`, or cancelled;
 * *out_error is what the last one said. */
struct resolve_address *resolve_reach(struct resolve_addresses *addresses, int time_ms,
                                      const atomic_bool *cancel, int *out_error);
