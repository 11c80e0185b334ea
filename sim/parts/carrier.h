/* Links that have several servers each (`--spares`), as io/carrier has on real ones: endpoints of
 * core/link, with its failover, decides in each simulated process which connections to have, and
 * here they log in, are lost and are closed.
 *
 * They are XMPP servers, or of mixed kinds (`--mixed`), which differ in what their users are told:
 * a relay is core/relay itself (relays.h); at a broker who comes or hangs up says so to its peers,
 * who is gone without a word is missed by nobody, and what cannot be delivered comes back; a quiet
 * server tells nobody anything. What goes by one of them takes longer than by another one.
 *
 * The servers of a link are independent, where two peers meet only if both are on the same one,
 * or nodes of one cluster, which is one. A server that dies is dead (connections end at once,
 * logins are refused) or silent (its clients notice after a while, logins hang until they are cut).
 * The way from one peer to one server may be cut, which is the same for that peer alone. */
#pragma once

#include "core/link/endpoints.h"
#include "sim/parts/servers/relays.h"
#include "sim/world/world.h"

enum {
    carrier_hold_down_ms = 10000,
    carrier_return_ms = 20000,
    carrier_login_ms = 100,       /* at the most */
    carrier_handshake_ms = 15000, /* a login that hangs is cut */
};

struct sim_line {
    bool is_open;      /* a login is under way, or it is up */
    uint32_t attempt;  /* occurrences of an older one do not reach it */
    uint64_t since_ms; /* that it is up */
    uint64_t connection; /* at a relay; 0: none */
};

/* The carrier of one link's end, as long as its process lives. */
struct sim_carrier {
    struct endpoints endpoints;
    struct sim_world *world;
    struct sim_link *link;
    struct timer timer; /* in world.carriers */
    struct sim_line lines[limit_endpoints];
    uint64_t since_ms;   /* that there is one */
    uint64_t changed_ms; /* when the link came or went */
};

/* The carrier begins and ends with its process. */
void carrier_start(struct sim_world *world, struct sim_link *link);
void carrier_stop(struct sim_world *world, struct sim_link *link);
void carrier_free(struct sim_carrier *carrier);

/* The carrier's deadline has come. */
void carrier_on_time(struct sim_carrier *carrier);

/* `server` went or came. */
void carrier_server(struct sim_world *world, uint32_t server);

/* The way to one of the servers may be cut for a while. */
void carrier_cut(struct sim_world *world, struct sim_link *link);
/* What has no other way gets its own back; all others stay cut. */
void carrier_mend(struct sim_world *world, struct sim_link *link);

/* Fills in by which lines a frame to the address `to` travels; false: it is lost. */
bool carrier_route(const struct sim_link *from, const char *to, const struct sim_link *target,
                   struct occurrence *out);
/* That by which what leaves by this line goes; NULL: its server is none. */
struct sim_relay *carrier_relay(const struct sim_link *from, size_t line);

/* When its server takes something in, and how much longer that is under way than by others. */
uint64_t carrier_ready_ms(const struct sim_link *from, size_t line);
uint64_t carrier_later_ms(const struct sim_link *from, size_t line);

/* The name by which the sender is known above; NULL: the frame does not arrive. */
const char *carrier_receive(struct sim_link *link, const struct occurrence *occurrence);

/* The role has heard somebody by this server. */
void carrier_learn(struct sim_link *link, const struct effect_route *route);

bool carrier_reaches(const struct sim_link *link, size_t line);
