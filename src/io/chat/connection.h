/* isthmus-xmpp's connection to its XMPP server: TLS, SASL, presence, what comes in and what goes
 * out, and the next attempt after a pause that grows. One thread, the caller's. */
#pragma once

#include "base/log.h"
#include "io/carrier/kind.h"
#include "io/chat/face.h"
#include "io/chat/tell.h"

struct chat_connection_settings {
    const struct carrier_endpoint *endpoint;
    struct chat_face *face;
    struct chat_teller *teller; /* NULL: nobody is told what happens */
    struct carrier_outbox *outbox; /* what the face says; opened and closed here */
    const struct log *log;
    int stop_fd;                             /* readable: it ends */
    void (*on_state)(const char *state);     /* one line for people */
};

/* Serves until stop_fd is readable. 0, or negative with `err`: it could not begin. */
int chat_connection_run(const struct chat_connection_settings *settings, struct error *err);
