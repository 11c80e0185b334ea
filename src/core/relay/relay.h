/* The relay: what an application server of ours decides. Whoever has an account connects to it,
 * once at a time; it passes opaque frames between those that may reach each other, and tells each
 * of these who of the others is there. What waits for one stays in memory, bounded, and is
 * forgotten with the connection: nothing is kept for one who is away.
 *
 *              open                            close; absent; stale; told too much
 *     AWAY ---------------> THERE ------------------------------------------------> AWAY
 *                             '--open by another connection--> THERE, the one before is replaced
 *
 * A relay that stood still for as long as makes others absent has nobody left: they have given it
 * up, and what is still in its sockets is old.
 *
 * Whoever has the connections (io/relay) tells what comes and when; `tell` answers that there is
 * something for an account: news to be taken, or the end of its connection. An account listens
 * while somebody waits for its news. It knows nothing of tokens, of HTTP, and of what a frame
 * means. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/text.h"
#include "message/limits.h"

enum {
    relay_waiting_bytes = 1 << 20, /* of frames, for one account; more of them is lost */
    relay_told_bytes = 64 << 10,   /* of who came and went beside them; more ends the connection */
    relay_absent_ms = 10000,       /* who does not listen for so long is away */
    relay_stale_ms = 30000,        /* who leaves something untaken for so long is away */
    relay_tick_ms = 5000, /* while somebody is there */
};

struct relay_account {
    char *address;
    uint32_t number; /* in the order in which they were added */
    struct relay_account **peers; /* whom it may reach, and who may reach it */
    size_t peers_count;
    uint64_t connection; /* whoever connects draws a number for it; 0: away */
    struct text waiting; /* news */
    uint64_t waiting_ms; /* since when something waits */
    bool is_listening;
    uint64_t absent_ms; /* since when it does not listen */
};

struct relay {
    void (*tell)(struct relay *relay, struct relay_account *account);
    struct relay_account **accounts;
    size_t accounts_count;
    struct map by_address;
    uint64_t seen_ms; /* when it was asked something last; 0: never */
};

/* `relay` is zeroed but for `tell`. */
void relay_init(struct relay *relay, uint64_t seed);
void relay_deinit(struct relay *relay);

/* A new account; the address is copied, and nobody has it yet. */
struct relay_account *relay_add(struct relay *relay, const char *address);

/* The two may reach each other. */
void relay_allow(struct relay_account *one, struct relay_account *other);

/* NULL: there is none. */
struct relay_account *relay_find(const struct relay *relay, const char *address);

/* The account is there from now on, by this connection alone. */
void relay_open(struct relay *relay, struct relay_account *account, uint64_t connection,
                uint64_t now_ms);

enum relay_standing {
    RELAY_THERE,
    RELAY_REPLACED, /* another connection has the account */
    RELAY_GONE,     /* it was ended, or never opened here */
};
enum relay_standing relay_standing(const struct relay_account *account, uint64_t connection);

/* The next four are for a connection that is there. Somebody waits for its news, or no longer; one
 * that comes too late for them ends it. */
void relay_listen(struct relay *relay, struct relay_account *account, uint64_t now_ms);
void relay_leave(struct relay_account *account, uint64_t now_ms);

/* All news, into an empty `out`. */
void relay_take(struct relay_account *account, struct text *out);
bool relay_has_news(const struct relay_account *account);

void relay_close(struct relay *relay, struct relay_account *account, uint64_t now_ms);

struct relay_frame {
    const char *to;
    const char *bytes;
    size_t length;
};

enum relay_sent {
    RELAY_SENT,
    RELAY_FULL, /* lost: too much waits there */
    RELAY_AWAY, /* not there, or none that the sender may reach: it cannot tell which */
};
enum relay_sent relay_send(struct relay *relay, const struct relay_account *from,
                           const struct relay_frame *frame, uint64_t now_ms);

/* Ends what is absent or stale, or all of it where the relay stood still; when it wants to be asked
 * again (UINT64_MAX: never). */
void relay_on_tick(struct relay *relay, uint64_t now_ms);
uint64_t relay_deadline_ms(const struct relay *relay);

/* Asserts what must hold. */
void relay_check(const struct relay *relay);
