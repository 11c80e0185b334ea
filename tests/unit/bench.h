/* A workbench for one role: the test plays the askers around it and the store, hands it events
 * one by one and looks at the effects. After each step the role's invariants are asserted, every
 * record that it saves is checked, and its books are compared with what the store has.
 *
 * Whatever begins something new (a tick, a message, a request) clears the effects before. */
#pragma once

#include "base/list.h"
#include "base/text.h"
#include "core/books/book.h"
#include "core/role.h"
#include "message/records/audit.h"

enum { bench_fars = 5, bench_wall_ms = 1795000 };

/* An asker at the other end of a link. */
struct far {
    struct peer_setting setting;
    char address[limit_address_size];
    uint64_t number, peer_number; /* of the session */
    uint64_t sent, received, told; /* told: of what was received */
    bool silent; /* acknowledges nothing */
    bool is_old; /* speaks the oldest version alone */
    uint32_t speaks; /* this version at most; 0: the newest */
    const char *networks; /* that it says hello with, NULL: none */
    struct incarnation incarnation; /* its own, in hello or welcome; term 0: it tells none */
    struct incarnation manager;     /* an agent: that it has heard */
    bool contested;
    uint64_t lease_ms; /* a manager: that its frames give */
};

struct bench {
    struct role *role;
    struct role_settings settings;
    struct peer_setting agents[bench_fars], managers[bench_fars];
    struct far fars[bench_fars * 2]; /* the agents, then the managers */
    struct effects effects;
    uint64_t now_ms;
    bool asks_why, asks_images; /* of managers: in their welcome */
    uint32_t usage_ms;          /* likewise */
    bool is_amid_turn; /* more events come before the tick that ends it */
    struct record stored[1024];
    size_t stored_count;
};

#define bench_pin /* of a listener */ \
    "0000000000000000000000000000000000000000000000000000000000000000"
extern const struct shape bench_shapes[2]; /* "small" {1, 512, 5}, "large" {4, 4096, 50} */

/* `settings` says kind, limits, how many agents and managers, and rhythm; names and addresses
 * ("agent-0", "secret-agent-0@below/x"; "manager-0", …) are made here. The role is started. */
void bench_init(struct bench *bench, const struct role_settings *settings);
void bench_deinit(struct bench *bench);
struct far *bench_agent(struct bench *bench, size_t i);
struct far *bench_manager(struct bench *bench, size_t i);

void bench_step(struct bench *bench, struct event event);

/* Lets time pass, with a tick at each moment that the role asks for. */
void bench_pass(struct bench *bench, uint64_t ms);

/* Kills the role and starts it anew from what it saved. */
void bench_restart(struct bench *bench);

/* An agent opens its session and tells of `room` VMs of each shape that fit. */
void bench_hello(struct bench *bench, struct far *agent, uint64_t room);

/* The same of one that sends VMs which run, and receives them. */
void bench_hello_live(struct bench *bench, struct far *agent, uint64_t room);

/* No more of that than its hello, so that what it brings about is the newest step. */
void bench_hello_first(struct bench *bench, struct far *agent);

/* The link comes up and a manager answers the hello. */
void bench_welcome(struct bench *bench, struct far *manager);

/* In place of SHA-256: as long, the same for the same, another one for others. */
void bench_hash(const void *bytes, size_t length, char out_digest[limit_digest_size]);

/* The link to that asker goes down. */
void bench_cut(struct bench *bench, struct far *far);

/* The asker says this; the message is moved. */
void bench_say(struct bench *bench, struct far *far, struct message message);

/* All of them in one frame. */
void bench_say_all(struct bench *bench, struct far *far, struct message *messages, uint32_t count);

/* The newest message of this kind to the asker among the effects, or NULL. */
const struct message *bench_told(const struct bench *bench, const struct far *far,
                                 enum message_kind kind);
/* How many effects of this kind, or of all; without rows of the audit. */
size_t bench_count(const struct bench *bench, enum effect_kind kind);
size_t bench_done(const struct bench *bench);
const struct effect *bench_last(const struct bench *bench, enum effect_kind kind); /* or NULL */

/* The answer to a request, or NULL while it is held. */
const struct reply *bench_ask(struct bench *bench, const struct request *request);

/* Lines of the shape "instruct" for a manager to say. */
struct message bench_instruct(const char *op, const char *vm, uint64_t generation,
                              enum verb verb);
struct message bench_define(const char *op, const char *vm, uint64_t generation,
                            const struct shape *shape);

/* How an operation that the role under test gave an agent ended. */
struct message bench_result(const struct message *instruct, enum code code,
                            enum vm_state state);
