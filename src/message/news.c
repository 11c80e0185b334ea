/* What the head of a piece of news looks like, and how much of it may be waited for. */
#include "message/news.h"

#include <assert.h>
#include <string.h>

enum {
    limit_digits = 5, /* of limit_frame_hard */
    limit_head = sizeof("frame ") + limit_address_size + limit_digits + sizeof("\n"),
};

static const char *const kind_names[NEWS_KIND_COUNT] = {
    [NEWS_FRAME] = "frame", [NEWS_UP] = "up", [NEWS_DOWN] = "down",
};

static bool is_visible(const char *word) {
    for (; *word; word++)
        if ((unsigned char)*word <= ' ' || *word == 0x7f)
            return false;
    return true;
}

bool news_is_address(const char *address) {
    const char *at = address ? strchr(address, '@') : NULL;
    return at && at > address && at[1] && at[1] != '/' && strlen(address) < limit_address_size &&
           is_visible(address);
}

void news_add(struct text *out, const struct news *news) {
    if (news->kind != NEWS_FRAME) {
        text_addf(out, "%s %s\n", kind_names[news->kind], news->address);
        return;
    }
    text_addf(out, "%s %s %zu\n", kind_names[NEWS_FRAME], news->address, news->length);
    text_add_bytes(out, news->bytes, news->length);
}

bool news_add_frame(struct text *out, const char *address, const char *bytes, size_t length) {
    if (!length || length > limit_frame_hard || !news_is_address(address))
        return false;
    struct news news = {.kind = NEWS_FRAME, .bytes = bytes, .length = length};
    text_set_sized(news.address, sizeof(news.address), address);
    news_add(out, &news);
    return true;
}

void news_reader_add(struct news_reader *reader, const char *bytes, size_t length) {
    size_t rest = reader->held.length - reader->used;
    if (reader->used && rest)
        memmove(reader->held.data, reader->held.data + reader->used, rest);
    reader->held.length = rest;
    reader->used = 0;
    text_add_bytes(&reader->held, bytes, length);
}

/* 1 to limit_frame_hard, in decimal digits without a zero in front; 0: it is none. */
static size_t read_length(const char *digits) {
    size_t length = 0, count = strlen(digits);
    if (count > limit_digits || digits[0] == '0')
        return 0;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return 0;
        length = 10 * length + (size_t)(*digits - '0');
    }
    return length <= limit_frame_hard ? length : 0;
}

/* The words of a head, which it cuts apart. False: it is none. */
static bool read_head(char *head, struct news *out) {
    char *rest = head;
    const char *kind = strsep(&rest, " "), *address = strsep(&rest, " ");
    for (out->kind = 0; out->kind < NEWS_KIND_COUNT; out->kind++)
        if (text_equal(kind, kind_names[out->kind]))
            break;
    if (out->kind == NEWS_KIND_COUNT || !news_is_address(address) ||
        !rest != (out->kind != NEWS_FRAME))
        return false;
    text_set_sized(out->address, sizeof(out->address), address);
    out->length = rest ? read_length(rest) : 0;
    return !rest || out->length;
}

enum news_read news_reader_next(struct news_reader *reader, struct news *out) {
    const char *begin = text_data(&reader->held) + reader->used;
    size_t length = reader->held.length - reader->used;
    const char *end = memchr(begin, '\n', length < limit_head ? length : limit_head);
    if (!end)
        return length < limit_head ? NEWS_PART : NEWS_BROKEN;
    char head[limit_head];
    size_t head_length = (size_t)(end - begin);
    if (memchr(begin, 0, head_length))
        return NEWS_BROKEN;
    memcpy(head, begin, head_length);
    head[head_length] = 0;
    *out = (struct news){.bytes = end + 1};
    if (!read_head(head, out))
        return NEWS_BROKEN;
    if (length - head_length - 1 < out->length)
        return NEWS_PART;
    reader->used += head_length + 1 + out->length;
    return NEWS_READ;
}

bool news_reader_is_done(const struct news_reader *reader) {
    return reader->used == reader->held.length;
}

static const char *const word_names[RELAY_WORD_COUNT] = {
    [RELAY_WORD_PROBE] = "probe", [RELAY_WORD_OPEN] = "open",   [RELAY_WORD_PING] = "ping",
    [RELAY_WORD_NEWS] = "news",   [RELAY_WORD_CLOSE] = "close", [RELAY_WORD_REPLACED] = "replaced",
    [RELAY_WORD_GONE] = "gone",
};

const char *relay_word_name(enum relay_word word) { return word_names[word]; }

enum relay_word relay_word_find(const void *bytes, size_t length) {
    enum relay_word word = 0;
    while (word < RELAY_WORD_COUNT &&
           (strlen(word_names[word]) != length || memcmp(word_names[word], bytes, length)))
        word++;
    return word;
}
