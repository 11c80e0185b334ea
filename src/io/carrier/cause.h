/* Why a server that is named by a URL is not reached, in words for a person: what happened and what
 * to do about it. Knows nothing of connections and of the kinds' libraries. */
#pragma once

#include <stdbool.h>

#include "base/text.h"

enum carrier_cause_kind {
    CARRIER_CAUSE_NONE,
    CARRIER_CAUSE_LOST,        /* nothing known but the end */
    CARRIER_CAUSE_NAME,        /* no address to connect to */
    CARRIER_CAUSE_REFUSED,     /* nobody listens there */
    CARRIER_CAUSE_UNREACHABLE, /* TCP got no answer */
    CARRIER_CAUSE_PROXY,       /* not reached, or it does not let us through */
    CARRIER_CAUSE_TLS,         /* the handshake failed */
    CARRIER_CAUSE_AUTHORITY,   /* the CA file holds no certificate */
    CARRIER_CAUSE_CERTIFICATE, /* the server's is not acceptable */
    CARRIER_CAUSE_KEY,         /* the server's, by which it proves itself, is another one */
    CARRIER_CAUSE_SILENT,      /* no answer while connecting */
    CARRIER_CAUSE_DEAD,        /* no answer later */
    CARRIER_CAUSE_STRANGER,    /* what answers is another kind of server */
    CARRIER_CAUSE_PASSWORD,    /* or token: refused */
    CARRIER_CAUSE_PERMISSION,  /* the account may not what it has to */
    CARRIER_CAUSE_FULL,        /* takes no connections, or nothing more from us */
    CARRIER_CAUSE_GONE,        /* it has forgotten us: it was started anew, or we were silent */
    CARRIER_CAUSE_SHUTDOWN,
    CARRIER_CAUSE_CONFLICT,    /* another one connected with our account */
    CARRIER_CAUSE_COUNT,
};

struct carrier_cause {
    enum carrier_cause_kind kind;
    char detail[160]; /* the other side's or the library's words, may be empty */
};

/* `detail` may be NULL. The first cause of an end stays. */
void carrier_cause_set(struct carrier_cause *cause, enum carrier_cause_kind kind,
                       const char *detail);

bool carrier_cause_is_equal(const struct carrier_cause *left, const struct carrier_cause *right);

const char *carrier_cause_what(const struct carrier_cause *cause);
const char *carrier_cause_remedy(const struct carrier_cause *cause);

/* Appends cause="…" detail="…" remedy="…" for a log line. */
void carrier_cause_print(const struct carrier_cause *cause, struct text *out);
