/* What one kind of carrier brings, for carrier.c: lines, each of them one connection to one server.
 *
 * A kind keeps what carrier.h promises, and does not choose: a line connects when it is told to,
 * and tells what becomes of it through carrier_on_... (carrier.h), from threads of its own. No call
 * waits for a server. A kind is one folder with one foreign library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "core/link/failover.h"
#include "io/shell/ports.h"

struct carrier;
struct carrier_kind;

/* A server of a link. Those of one kind with the same address are nodes of one server cluster. */
struct carrier_endpoint {
    const struct carrier_kind *kind;
    const char *address;     /* ours there, in the kind's own form */
    const char *password;    /* or a token; NULL: the certificate alone */
    const char *certificate_file, *key_file; /* ours, PEM; NULL: none */
    const char *url, *proxy; /* of kinds that are reached by one; proxy NULL: none of ours */
    const char *host;        /* of the others: where to connect; NULL: what the address says */
    uint16_t port;           /* 0: the kind's own */
    const char *ca_file;     /* PEM; the server's certificate chains to it and names the server */
    const char *server_key;  /* of kinds without certificates: the server's public key */
};

/* What the carrier knows of a line, and is told by what becomes of it; a kind's own struct has it
 * inside. */
struct carrier_line {
    const struct carrier_kind *kind;
    struct carrier *carrier;
    size_t number; /* of the endpoint */
};

/* What a line is made of. */
struct carrier_line_settings {
    struct carrier_line line; /* to be copied */
    struct shell *shell;      /* for the log, and to be served once frames were told */
    uint32_t link;            /* for the log */
    const struct carrier_endpoint *endpoint;
    const char *const *peers; /* their addresses there */
    size_t peers_count;
    const char *software;       /* told to who asks */
    unsigned handshake_seconds, ping_seconds; /* 0: the kind's own */
};

struct carrier_kind {
    const char *name; /* in configurations */

    /* Once, while there is one thread; NULL: nothing to do. */
    void (*prepare)(void);

    /* NULL with `err` on bad settings. All strings are copied. */
    struct carrier_line *(*make)(const struct carrier_line_settings *settings, struct error *err);

    /* Connects, once, for use or as a probe. It was closed before; carrier_on_down tells the end,
     * whatever the cause. */
    void (*open)(struct carrier_line *line, enum failover_want purpose);

    /* Ends it within two seconds, in the middle of a handshake too. */
    void (*close)(struct carrier_line *line);

    /* As carrier_send and carrier_flush. */
    enum carrier_sent (*send)(struct carrier_line *line, const char *address, const char *bytes,
                              size_t length);
    void (*flush)(struct carrier_line *line);

    /* Closes it and joins its threads. Where there are several, all are closed first. */
    void (*free)(struct carrier_line *line);
};
