/* The bytes of streams, without bytes: who has dialled whom, with which ticket, and what becomes of
 * both ends when a connection is lost, or a process is. Viewers come with the tickets that tenants
 * got: in time or late, once or again, or with somebody else's token. */
#pragma once

#include "sim/world/world.h"

/* What a stream is to: a port; 0: the console; sim_screen: the screen. */
enum { sim_screen = limit_port + 1 };
uint32_t ways_end(const struct open *open);

/* A connection. */
struct sim_way {
    struct list node;          /* in sim_ways.all */
    struct sim_node *dialler;  /* NULL: a viewer */
    uint64_t dialled;          /* its stream */
    struct sim_node *server;
    uint64_t claim, taken;     /* taken as an end of this stream; 0: not yet */
    uint64_t since_ms;
    uint64_t dead_ms;          /* since when who has taken it knows that its VM does not run */
    uint32_t end;              /* that it is to, by the dialler's word */
    char ticket[limit_digest_size], token[limit_digest_size]; /* SHA-256 of what is shown */
};

/* A ticket that somebody was given, who asked for it by this handle. */
struct sim_ticket {
    struct list node; /* in sim_ways.tickets */
    struct sim_node *cloud;
    uint64_t handle, given_ms;
    uint32_t taken;   /* how often it was worth something */
    char token[limit_digest_size], digest[limit_digest_size]; /* "": not given yet */
    uint32_t end;     /* that it is for */
};

/* A stream that a host has opened at a VM. */
struct sim_opened {
    struct list node; /* in sim_ways.opened */
    const struct sim_node *host;
    uint64_t number;
    char vm[limit_id_size];
    uint32_t end;
};

struct sim_ways {
    struct list all, tickets, opened;
    uint64_t last_claim;
    struct prng prng;
};

struct sim_ways *ways_new(uint64_t seed);
void ways_free(struct sim_ways *ways);

/* What a role orders of its streams' ends. */
void ways_obey(struct sim_world *world, struct sim_node *node,
               const struct effect_stream *order);

/* The process is gone, and its ends with it. */
void ways_crash(struct sim_world *world, struct sim_node *node);

/* Someone asks for a stream; and is answered. */
void ways_ask(struct sim_world *world, struct sim_node *cloud, const struct request *request);
void ways_answer(struct sim_world *world, const struct sim_node *cloud,
                 const struct reply *reply);

/* What of which VM is at the lower end; NULL: the way does not reach down to one (now). */
const struct sim_opened *ways_opened(const struct sim_world *world, const struct sim_node *node,
                                     uint64_t number);
