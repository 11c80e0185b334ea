/* News: what a relay and those who use it tell each other, one after the other in one stream of
 * bytes, so that many of them travel together (docs/protocol.md, "HTTP").
 *
 *     frame ADDRESS LENGTH\n and so many bytes: from or to whom, and what
 *     up ADDRESS\n                             who came
 *     down ADDRESS\n                           who is not there
 *
 * A reader takes the stream in pieces, cut anywhere, and holds back at most one that is not whole.
 * It knows nothing of who may reach whom. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "message/limits.h"

enum news_kind { NEWS_FRAME, NEWS_UP, NEWS_DOWN, NEWS_KIND_COUNT };

struct news {
    enum news_kind kind;
    char address[limit_address_size];
    const char *bytes; /* NEWS_FRAME: any bytes, 1 to limit_frame_hard */
    size_t length;
};

/* Can it be an address? account@domain, or with a resource; no blanks, no control characters. */
bool news_is_address(const char *address);

void news_add(struct text *out, const struct news *news);

/* A frame to this address. False, with nothing added: it cannot travel so. */
bool news_add_frame(struct text *out, const char *address, const char *bytes, size_t length);

struct news_reader {
    struct text held; /* text_deinit frees it */
    size_t used;
};

/* More of the stream; what was read before is no longer valid. */
void news_reader_add(struct news_reader *reader, const char *bytes, size_t length);

enum news_read {
    NEWS_READ,
    NEWS_PART,   /* the next one is not whole yet */
    NEWS_BROKEN, /* nothing that follows can be understood */
};

/* The next one; its bytes stay the reader's. */
enum news_read news_reader_next(struct news_reader *reader, struct news *out);

/* Does the stream end here, between two? */
bool news_reader_is_done(const struct news_reader *reader);

/* Over ZeroMQ they speak in messages: a word, and behind it, for some, bytes (docs/protocol.md,
 * "ZeroMQ"). */
enum relay_word {
    RELAY_WORD_PROBE,    /* is said back: whoever asks is known */
    RELAY_WORD_OPEN,     /* is said back: the account is there, by this connection alone */
    RELAY_WORD_PING,     /* is said back, where the account is there by this connection */
    RELAY_WORD_NEWS,     /* a piece of one stream of news, cut anywhere */
    RELAY_WORD_CLOSE,    /* is said back: the account is away */
    RELAY_WORD_REPLACED, /* the relay alone: another connection has the account */
    RELAY_WORD_GONE,     /* the relay alone: the account is not there by this connection */
    RELAY_WORD_COUNT,
};

enum { relay_piece_bytes = 65536 }; /* of news, at the most */

const char *relay_word_name(enum relay_word word);

/* RELAY_WORD_COUNT: it is none. */
enum relay_word relay_word_find(const void *bytes, size_t length);
