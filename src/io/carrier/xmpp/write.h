/* What the carrier says, as XML: frames, presence, pings and answers (RFC 6120, RFC 6121,
 * XEP-0030, XEP-0092, XEP-0199). Knows nothing of connections, sends nothing.
 *
 * Each function appends one stanza to `out`; texts are escaped here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define xmpp_write_namespace "urn:isthmus:frame:1"

/* Adds what XML can carry, escaped: between tags, or as an attribute in single quotes behind a
 * blank; `value` NULL: no attribute. */
void xmpp_write_text(struct text *out, const char *value);
void xmpp_write_attribute(struct text *out, const char *name, const char *value);

/* Servers end the stream of a client whose stanza is larger than 256 KiB. */
enum { xmpp_write_stanza_limit = 250000 };

/* A frame that is bytes (frame_bytes_mark) becomes the text that its seal has, too. False, with
 * nothing appended, if others cannot travel in XML unchanged: no UTF-8, control characters, or too
 * large once escaped. Such a stanza would end the stream, each time anew. */
bool xmpp_write_frame(struct text *out, const char *to, const char *bytes, size_t length);

enum xmpp_write_presence {
    XMPP_WRITE_INITIAL, /* to our own server, priority -1: only what is sent to the full JID */
    XMPP_WRITE_AVAILABLE,
    XMPP_WRITE_UNAVAILABLE,
    XMPP_WRITE_UNSUBSCRIBED,
};

/* `to` NULL: broadcast by our own server. */
void xmpp_write_presence(struct text *out, enum xmpp_write_presence presence, const char *to);

/* Asks our own server for a sign of life. */
void xmpp_write_ping(struct text *out, const char *domain);

/* The begin of an IQ's tag, which is left open. */
void xmpp_write_iq(struct text *out, const char *type, const char *id, const char *to);

/* Answers to an IQ; `id` and `to` as in the question, `to` NULL: our own server. */
void xmpp_write_pong(struct text *out, const char *id, const char *to);
void xmpp_write_features(struct text *out, const char *id, const char *to);
void xmpp_write_version(struct text *out, const char *id, const char *to, const char *software);
void xmpp_write_refusal(struct text *out, const char *id, const char *to);
