/* Relays among the servers of links: each is the very core/relay, and every frame and all presence
 * of whoever uses one go through it, as they go through io/relay on real ones: a client opens a
 * connection, listens, gets all news at once, and listens again.
 *
 * A relay that dies knows nobody when it is back. One that hangs holds what comes meanwhile in its
 * sockets, and goes on with that. Beside the accounts of the links one is connected that may reach
 * nobody: the stranger's. */
#pragma once

#include "core/relay/relay.h"
#include "message/news.h"
#include "sim/world/world.h"

enum { relays_held_most = 64 };

/* A frame that came while the relay hung. */
struct relays_held {
    struct relay_account *from;
    uint64_t connection;
    char to[limit_address_size];
    struct text bytes;
};

/* What the world knows of an account beside the relay. */
struct relays_use {
    uint64_t opened_ms;  /* its newest connection */
    uint64_t listener;   /* the connection that waits for an answer; 0: none */
    uint64_t foretold;   /* that is about to get one */
};

/* A link's end hears a piece of news; false: it has another connection by now, or none. And it
 * hears that its connection is over. */
struct relays_client {
    bool (*hear)(struct sim_link *link, size_t line, uint64_t connection, const struct news *news);
    void (*end)(struct sim_link *link, size_t line, uint64_t connection);
};

struct sim_relay {
    struct relay relay;
    struct relay_account *stranger; /* that nobody is to reach */
    const struct relays_client *client;
    struct sim_world *world;
    uint32_t server;
    uint64_t tick_ms; /* when the next one is set for */
    struct relays_use *uses; /* by account */
    struct relays_held held[relays_held_most];
    size_t held_count;
};

/* The server's, made when it is first asked for; NULL: it is none. */
struct sim_relay *relays_at(struct sim_world *world, uint32_t server,
                            const struct relays_client *client);
void relays_free(struct sim_relay *relay);

/* Its server went or came. */
void relays_changed(struct sim_relay *relay);

/* A link's end connects; hangs up; is gone without a word. */
void relays_open(struct sim_relay *relay, struct sim_link *link, uint64_t connection);
void relays_close(struct sim_relay *relay, const struct sim_link *link, uint64_t connection);
void relays_leave(struct sim_relay *relay, const struct sim_link *link, uint64_t connection);

/* `sent`, a frame of sent->from on its way to `to`, takes so long to the relay. What is passed
 * on of it happens at its receiver as if there had been none. */
void relays_carry(struct sim_relay *relay, const struct sim_link *to, uint64_t delay_ms,
                  const struct occurrence *sent);

/* So many bytes that are no frame come from somebody's account, the stranger's where it is NULL. */
void relays_disturb(struct sim_relay *relay, const struct sim_link *from,
                    const struct sim_link *to, size_t length);
