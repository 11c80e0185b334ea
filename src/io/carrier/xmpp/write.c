/* The text of each stanza, with what stands in it escaped. A frame that XML cannot carry, or
 * that makes its stanza too long, is not written at all. */
#include "io/carrier/xmpp/write.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/memory.h"
#include "message/protocol.h"

/* The length of the character at `bytes` as UTF-8 (RFC 3629), 0 if XML 1.0 has no such one.
 * A carriage return is refused too: a parser turns it into a line feed. */
static size_t character_length(const unsigned char *bytes, size_t left) {
    if (bytes[0] < 0x80)
        return bytes[0] >= 0x20 || bytes[0] == '\t' || bytes[0] == '\n';
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > left)
        return 0;
    uint32_t point = bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ||
        point == 0xfffe || point == 0xffff)
        return 0;
    return length;
}

static bool is_carriable(const char *bytes, size_t length) {
    for (size_t at = 0, step; at < length; at += step) {
        step = character_length((const unsigned char *)bytes + at, length - at);
        if (step == 0)
            return false;
    }
    return true;
}

/* Quotes need no escape between tags, and a frame is full of them. */
enum place { IN_TEXT, IN_ATTRIBUTE };

static const char *escape_of(char character, enum place place) {
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\'':
        return place == IN_ATTRIBUTE ? "&apos;" : NULL;
    default:
        return NULL;
    }
}

static void add_escaped(struct text *out, const char *bytes, size_t length, enum place place) {
    size_t from = 0;
    for (size_t at = 0; at < length; at++) {
        const char *escape = escape_of(bytes[at], place);
        if (!escape)
            continue;
        text_add_bytes(out, bytes + from, at - from);
        text_add(out, escape);
        from = at + 1;
    }
    text_add_bytes(out, bytes + from, length - from);
}

void xmpp_write_text(struct text *out, const char *value) {
    add_escaped(out, value, strlen(value), IN_TEXT);
}

void xmpp_write_attribute(struct text *out, const char *name, const char *value) {
    if (!value)
        return;
    text_addf(out, " %s='", name);
    add_escaped(out, value, strlen(value), IN_ATTRIBUTE);
    text_add(out, "'");
}

static bool write_bytes(struct text *out, const char *to, const char *bytes, size_t length) {
    size_t characters = base64_characters(length);
    auto_clean(memory_clean) char *text = memory_new(characters + 1, 1);
    base64_encode((const unsigned char *)bytes, length, text);
    return xmpp_write_frame(out, to, text, characters);
}

bool xmpp_write_frame(struct text *out, const char *to, const char *bytes, size_t length) {
    if (length && bytes[0] == frame_bytes_mark)
        return write_bytes(out, to, bytes + 1, length - 1);
    if (!is_carriable(bytes, length))
        return false;
    auto_clean(text_deinit) struct text stanza = {.limit = xmpp_write_stanza_limit};
    text_add(&stanza, "<message type='headline'");
    xmpp_write_attribute(&stanza, "to", to);
    text_add(&stanza, "><frame xmlns='" xmpp_write_namespace "'>");
    add_escaped(&stanza, bytes, length, IN_TEXT);
    text_add(&stanza, "</frame></message>");
    if (stanza.full)
        return false;
    text_add_bytes(out, stanza.data, stanza.length);
    return true;
}

void xmpp_write_presence(struct text *out, enum xmpp_write_presence presence, const char *to) {
    static const char *const types[] = {
        [XMPP_WRITE_UNAVAILABLE] = "unavailable",
        [XMPP_WRITE_UNSUBSCRIBED] = "unsubscribed",
    };
    text_add(out, "<presence");
    xmpp_write_attribute(out, "to", to);
    xmpp_write_attribute(out, "type", types[presence]);
    text_add(out, presence == XMPP_WRITE_INITIAL ? "><priority>-1</priority></presence>" : "/>");
}

void xmpp_write_ping(struct text *out, const char *domain) {
    text_add(out, "<iq type='get' id='ping'");
    xmpp_write_attribute(out, "to", domain);
    text_add(out, "><ping xmlns='urn:xmpp:ping'/></iq>");
}

void xmpp_write_iq(struct text *out, const char *type, const char *id, const char *to) {
    text_add(out, "<iq");
    xmpp_write_attribute(out, "type", type);
    xmpp_write_attribute(out, "id", id);
    xmpp_write_attribute(out, "to", to);
}

void xmpp_write_pong(struct text *out, const char *id, const char *to) {
    xmpp_write_iq(out, "result", id, to);
    text_add(out, "/>");
}

void xmpp_write_features(struct text *out, const char *id, const char *to) {
    xmpp_write_iq(out, "result", id, to);
    text_add(out, "><query xmlns='http://jabber.org/protocol/disco#info'>"
                  "<identity category='client' type='bot' name='Isthmus'/>"
                  "<feature var='http://jabber.org/protocol/disco#info'/>"
                  "<feature var='jabber:iq:version'/>"
                  "<feature var='urn:xmpp:ping'/>"
                  "<feature var='" xmpp_write_namespace "'/></query></iq>");
}

void xmpp_write_version(struct text *out, const char *id, const char *to, const char *software) {
    xmpp_write_iq(out, "result", id, to);
    text_add(out, "><query xmlns='jabber:iq:version'><name>Isthmus</name><version>");
    xmpp_write_text(out, software);
    text_add(out, "</version></query></iq>");
}

void xmpp_write_refusal(struct text *out, const char *id, const char *to) {
    xmpp_write_iq(out, "error", id, to);
    text_add(out, "><error type='cancel'>"
                  "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                  "</error></iq>");
}
