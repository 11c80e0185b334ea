/* A stream to an XMPP server, by libstrophe: TLS, SASL, signs of life, and why it ended. Whose it
 * is says what comes in and what goes out: a line of the carrier, or isthmus-xmpp.
 *
 *           begin             CONNECT            close                    DISCONNECT
 *   DOWN ------------> CONNECTING ------> UP ----------> CLOSING ------------------> DOWN
 *     ^                    |               |
 *     '--------------------'---------------'   DISCONNECT, at any time
 *
 * One thread begins it, runs it and ends it; another may use it only while that one lets it.
 * facts: libstrophe's handshake blocks (hence the watchdog), its select() stops at descriptor 1024
 * (hence the seats), its own xmpp_send drops silently outside CONNECT..DISCONNECT. It exports names
 * like xmpp_send and xmpp_free, which none of ours may have. */
#pragma once

#include <poll.h>
#include <stdatomic.h>
#include <strophe.h>

#include "io/carrier/outbox.h"
#include "io/carrier/socket.h"
#include "io/carrier/watchdog.h"
#include "io/carrier/xmpp/server.h"

enum xmpp_phase { XMPP_DOWN, XMPP_CONNECTING, XMPP_UP, XMPP_CLOSING };

/* Called inside xmpp_stream_begin() and xmpp_stream_run(). */
struct xmpp_stream_hooks {
    void (*on_up)(void *user); /* the handlers are set, the outbox is closed yet */
    void (*on_down)(void *user);
    xmpp_handler on_message, on_presence, on_iq;
};

struct xmpp_stream {
    const struct xmpp_stream_hooks *hooks;
    void *user;
    struct carrier_outbox *outbox; /* what waits to be said; closed when the stream ends */
    int handshake_ms;
    uint64_t ping_ms; /* without a byte: then a ping, and the end after as much again */
    struct xmpp_account account;
    struct xmpp_server server;
    enum xmpp_phase phase;
    xmpp_conn_t *connection;
    xmpp_ctx_t *context;
    xmpp_log_t log;
    struct carrier_watchdog watchdog; /* has the socket */
    struct carrier_seats seats;       /* of the socket */
    short events;                     /* to wait for on the socket */
    uint64_t bytes_read, heard_ms;
    int quiet_turns; /* since a byte was read */
    bool is_pinged;
    struct xmpp_cause cause, reported;
};

/* Fills account, server, watchdog and seats; the caller has set what is above them. `cancel`, true,
 * ends each attempt. 0, or negative with `err`. */
int xmpp_stream_init(struct xmpp_stream *stream, const struct carrier_endpoint *endpoint,
                     const atomic_bool *cancel, struct error *err);
void xmpp_stream_deinit(struct xmpp_stream *stream);

/* Finds the server's address, which may take a part of the handshake's time. */
void xmpp_stream_find(struct xmpp_stream *stream);

/* Begins a connection as `jid` to the address that was found. It may be DOWN at once. */
void xmpp_stream_begin(struct xmpp_stream *stream, const char *jid);

/* Frees what the connection had, which is DOWN. */
void xmpp_stream_end(struct xmpp_stream *stream);

/* What to wait for, for how long at the most, and what came of that. A server that has said nothing
 * is asked for a sign of life here, and given up where none comes. */
struct pollfd xmpp_stream_await(const struct xmpp_stream *stream);
int xmpp_stream_patience_ms(struct xmpp_stream *stream);
void xmpp_stream_woken(struct xmpp_stream *stream, short events);

/* Reads and writes what can be without waiting. */
void xmpp_stream_run(struct xmpp_stream *stream);

/* Says it; what waits, once nothing is on its way out. Outside UP and CLOSING it is dropped. */
void xmpp_stream_say(struct xmpp_stream *stream, const struct text *stanzas);
void xmpp_stream_say_what_waits(struct xmpp_stream *stream);

/* Takes leave of the server; DOWN soon after. It is UP. */
void xmpp_stream_close(struct xmpp_stream *stream);

/* Why it ended, where that is another cause than the last time; "": it was told. */
void xmpp_stream_report(struct xmpp_stream *stream, struct text *out_why);

/* What an iq has inside, or NULL. */
static inline xmpp_stanza_t *xmpp_stream_asked(xmpp_stanza_t *iq, const char *name,
                                               const char *namespace) {
    return xmpp_stanza_get_child_by_name_and_ns(iq, name, namespace);
}
