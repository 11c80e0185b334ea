/* The endpoints of one link: which connections it wants, and by which of them each peer is
 * reached. Whoever has the connections (io/carrier, sim/parts/carrier.c) tells what becomes of
 * them, carries out what is ordered, and hands on what is told: whether the link works, and who is
 * there. It knows nothing of servers and of what a frame means.
 *
 * Endpoints follow each other in groups of which one is in use at a time (failover.h): an agent's
 * side has one group of them all, a manager's side one for each account, so that it is present on
 * every server and on one node of each server cluster. A peer is known above by one address, that
 * at the first endpoint. What goes to it leaves by the endpoint that the role has named; presence,
 * which a server can forge, decides only where nothing better is known. */
#pragma once

#include "base/map.h"
#include "core/event.h"
#include "core/link/failover.h"
#include "message/limits.h"

/* How many endpoints are in use at a time. */
enum endpoints_use {
    ENDPOINTS_USE_ONE,  /* the best that there is: an agent's side */
    ENDPOINTS_USE_EACH, /* one of each account: a manager's side */
};

enum endpoints_order { ENDPOINTS_LEAVE, ENDPOINTS_OPEN, ENDPOINTS_CLOSE };

struct endpoints_group {
    struct failover failover;
    size_t first, count;
};

struct endpoints_peer {
    char **addresses;  /* [endpoints] */
    uint32_t endpoint; /* by which it is sent to */
    bool is_heard;     /* there, and that is up */
    bool is_present[limit_endpoints]; /* as each server has told of it last */
};

struct endpoints_one {
    enum failover_want purpose; /* FAILOVER_NOTHING: it is closed */
    bool is_up;
    bool is_closing;    /* by us */
    struct map peers;   /* by their address there */
};

struct endpoints {
    /* The link works or not (`address` NULL), or a peer is there or not. */
    void (*tell)(struct endpoints *endpoints, const char *address, enum presence presence);
    struct endpoints_one all[limit_endpoints];
    struct endpoints_group groups[limit_endpoints];
    size_t count, groups_count;
    size_t up_count; /* in use and up */
    struct endpoints_peer *peers;
    size_t peers_count;
    char **addresses; /* [peers x endpoints] */
};

struct endpoints_settings {
    enum endpoints_use use;
    const char *const *accounts; /* ours at each; equal ones, side by side, are nodes of one server
                                  * cluster */
    size_t count;                /* 1 to limit_endpoints */
    uint64_t hold_down_ms, return_ms, seed;
};

/* `endpoints` is zeroed but for `tell`. Room for the peers; each is to be added. */
void endpoints_init(struct endpoints *endpoints, const struct endpoints_settings *settings,
                    size_t peers_count);
void endpoints_deinit(struct endpoints *endpoints);

/* Adds a peer with its address at each endpoint; the addresses are copied. */
void endpoints_add_peer(struct endpoints *endpoints, size_t which,
                        const char *const *addresses);

/* What became of a connection; also an end that was ordered is told. */
void endpoints_on_up(struct endpoints *endpoints, size_t number, uint64_t now_ms);
void endpoints_on_down(struct endpoints *endpoints, size_t number, enum failover_loss loss,
                       uint64_t now_ms);

void endpoints_on_peer(struct endpoints *endpoints, size_t number, const char *address,
                       enum presence presence);

/* The address by which the sender is known above; NULL: the endpoint is not in use, the frame is
 * dropped. */
const char *endpoints_on_frame(const struct endpoints *endpoints, size_t number,
                               const char *from);

/* The peer, known by its address above, is there, and reached by this endpoint. */
void endpoints_route(struct endpoints *endpoints, const char *address, size_t number);

/* What is to be done now: to be asked for each endpoint after whatever was told, and obeyed. An
 * endpoint is opened for its purpose. */
void endpoints_on_tick(struct endpoints *endpoints, uint64_t now_ms);
enum endpoints_order endpoints_order(struct endpoints *endpoints, size_t number);
uint64_t endpoints_deadline_ms(const struct endpoints *endpoints);

/* The endpoint by which to send to a peer, known by its address above, and its address there;
 * endpoints->count: none is up. */
size_t endpoints_way(const struct endpoints *endpoints, const char *address,
                     const char **out_address);
bool endpoints_uses(const struct endpoints *endpoints, size_t number);
