/* Streams on the network: WebSockets within TLS (libwebsockets), served and dialled by one thread
 * of its own. A manager listens, for those below who dial up to it and for viewers; who dials
 * shows a ticket, and dials only who has the public key that it was told of by a sealed frame.
 *
 * Who may join what is decided elsewhere: what comes with a ticket waits until it is taken or
 * refused. A listener's name is looked up on that thread: give addresses, or names that are known
 * here. */
#pragma once

#include "base/error.h"
#include "core/effect.h"
#include "core/event.h"

struct streams;

struct streams_settings {
    const char *listen;           /* "ADDRESS:PORT", numeric; NULL: nobody comes, we dial alone */
    const char *certificate_file, *key_file; /* PEM; of the listener */
    void (*tell)(void *context, const struct event_stream *news); /* on the thread of its own */
    void *context;
};

struct streams *streams_start(const struct streams_settings *settings, struct error *err);
void streams_stop(struct streams *streams); /* NULL: nothing; all is cut, nobody is told */
uint16_t streams_port(const struct streams *streams);

/* All orders but STREAM_OPEN, from any thread. */
void streams_order(struct streams *streams, const struct effect_stream *order);

/* A descriptor, a connected socket, becomes the stream's lower end, and its upper end is dialled.
 * STREAM_ENDED follows. */
struct stream_dial {
    uint64_t number;
    int fd;             /* ours from then on */
    struct open to;     /* url, pin, ticket; key: to whom it is sealed, "": to nobody */
    const char *secret; /* by which, of stream_secret_draw(); NULL: it is not */
    const char *token;  /* a bearer token that goes with the ticket; NULL: none */
};
void streams_dial(struct streams *streams, const struct stream_dial *dial);

/* Somebody comes by another way than the listener, and is told of, and taken or refused, as who
 * comes by that is. Who is taken reads stream_taken from the other end of the descriptor, and then
 * the stream; who is refused reads its end alone. */
enum { stream_taken = '+' };
struct stream_visit {
    int fd; /* a connected socket; ours from then on */
    const char *ticket;     /* as it was shown */
    const char *token_hash; /* of the token that it was shown with */
    const char *from;       /* the address */
};
void streams_visit(struct streams *streams, const struct stream_visit *visit);
