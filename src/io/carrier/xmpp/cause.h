/* Why an XMPP connection failed, in words for a person: what happened and what to do about it.
 * Knows nothing of connections; a cause gives way only to one that says more. */
#pragma once

#include <stdbool.h>

#include "base/text.h"

/* Later ones say more. */
enum xmpp_cause_kind {
    XMPP_CAUSE_NONE,
    XMPP_CAUSE_LOST,        /* nothing known but the end of the connection */
    XMPP_CAUSE_NAME,        /* no address to connect to */
    XMPP_CAUSE_REFUSED,     /* nobody listens there */
    XMPP_CAUSE_UNREACHABLE, /* TCP got no answer */
    XMPP_CAUSE_NO_TLS,      /* the server offers no encryption */
    XMPP_CAUSE_TLS,         /* the handshake failed */
    XMPP_CAUSE_SILENT,      /* cut by the watchdog */
    XMPP_CAUSE_DEAD,        /* no answer to a ping */
    XMPP_CAUSE_DESCRIPTORS, /* this process has too many for libstrophe's select() */
    XMPP_CAUSE_AUTHORITY,   /* the CA file holds no certificate */
    XMPP_CAUSE_CERTIFICATE, /* the server's is not acceptable */
    XMPP_CAUSE_MECHANISM,   /* no way to authenticate in common */
    XMPP_CAUSE_PASSWORD,    /* refused */
    XMPP_CAUSE_ACCOUNT,     /* known, but closed to us */
    XMPP_CAUSE_BUSY,        /* cannot authenticate anybody now */
    XMPP_CAUSE_SERVER,      /* a stream error that says no more */
    XMPP_CAUSE_TIMEOUT,
    XMPP_CAUSE_UNAUTHORIZED,
    XMPP_CAUSE_POLICY,
    XMPP_CAUSE_FULL,
    XMPP_CAUSE_OTHER_HOST,
    XMPP_CAUSE_SHUTDOWN,
    XMPP_CAUSE_DOMAIN,      /* the server does not serve the JID's domain */
    XMPP_CAUSE_CONFLICT,    /* another client took our JID */
    XMPP_CAUSE_COUNT,
};

struct xmpp_cause {
    enum xmpp_cause_kind kind;
    char detail[160]; /* the other side's or the library's words, may be empty */
};

/* `detail` may be NULL. */
void xmpp_cause_set(struct xmpp_cause *cause, enum xmpp_cause_kind kind, const char *detail);

/* Looks at one line of libstrophe's debug log, the only place where it says why. */
void xmpp_cause_read(struct xmpp_cause *cause, const char *line);

/* A stream error by the name of its condition (RFC 6120, 4.9.3); `detail` may be NULL. */
void xmpp_cause_read_stream_error(struct xmpp_cause *cause, const char *condition,
                                  const char *detail);

bool xmpp_cause_is_equal(const struct xmpp_cause *left, const struct xmpp_cause *right);

const char *xmpp_cause_what(const struct xmpp_cause *cause);
const char *xmpp_cause_remedy(const struct xmpp_cause *cause);

/* Appends cause="…" detail="…" remedy="…" for a log line. */
void xmpp_cause_print(const struct xmpp_cause *cause, struct text *out);
