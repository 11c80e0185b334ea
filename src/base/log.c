/* How a line is made and written: the time and the names first, the rest after them, cut at
 * PIPE_BUF so that one write(2) takes the whole line and lines of several threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_names[4] = {"error", "warning", "info", "debug"};

enum { line_bytes = 4096 }; /* no more than PIPE_BUF: what one write(2) takes in one piece */

struct line {
    char text[line_bytes];
    size_t used;
};

/* A daemon under load writes thousands of heads in a second: without printf and strftime, which
 * cost as much as the rest of the line. */
static void line_add(struct line *line, const char *piece) {
    size_t length = strlen(piece);
    memcpy(line->text + line->used, piece, length);
    line->used += length;
}

static void line_add_number(struct line *line, int value, size_t digits, char after) {
    for (size_t at = digits; at-- > 0; value /= 10)
        line->text[line->used + at] = (char)('0' + value % 10);
    line->text[line->used + digits] = after;
    line->used += digits + 1;
}

static void line_begin(struct line *line, const struct log *log, enum log_level level) {
    struct timespec now = {0};
    struct tm utc = {0};
    (void)timespec_get(&now, TIME_UTC);
    if (gmtime_r(&now.tv_sec, &utc)) /* 0000-01-00 where the clock is beyond all years */
        utc.tm_year += 1900;
    line->used = 0;
    line_add(line, "time=");
    line_add_number(line, utc.tm_year, 4, '-');
    line_add_number(line, utc.tm_mon + 1, 2, '-');
    line_add_number(line, utc.tm_mday, 2, 'T');
    line_add_number(line, utc.tm_hour, 2, ':');
    line_add_number(line, utc.tm_min, 2, ':');
    line_add_number(line, utc.tm_sec, 2, '.');
    line_add_number(line, (int)(now.tv_nsec / 1000000), 3, 'Z');
    line_add(line, " level=");
    line_add(line, log_level_names[level]);
    line_add(line, " daemon=");
    line_add(line, log->daemon);
    line_add(line, " event=");
}

/* Puts the rest after the head, and the line's end. */
static void line_end(struct line *line, const char *event, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void line_end(struct line *line, const char *event, const char *format,
                     va_list arguments) {
    size_t used = line->used;
    int length = snprintf(line->text + used, line_bytes - used, "%s ", event);
    used += length < 0 ? 0 : (size_t)length;
    length = vsnprintf(line->text + used, line_bytes - used, format, arguments);
    used += length < 0 ? 0 : (size_t)length;
    if (used > line_bytes - 1)
        used = line_bytes - 1;
    for (size_t i = 0; i < used; i++) {
        const unsigned char *at = (const unsigned char *)line->text + i;
        bool wide = i + 1 < used && at[0] == 0xc2 && at[1] < 0xa0; /* C1, which terminals obey */
        if (*at < ' ' || *at == 127 || wide)
            line->text[i] = '?';
        if (wide)
            line->text[i + 1] = '?';
    }
    line->text[used] = '\n';
    line->used = used + 1;
}

void log_line(const struct log *log, enum log_level level, const char *event, const char *format,
              ...) {
    if (level > log->level)
        return;
    struct line line;
    line_begin(&line, log, level);
    va_list arguments;
    va_start(arguments, format);
    line_end(&line, event, format, arguments);
    va_end(arguments);
    (void)!write(STDERR_FILENO, line.text, line.used);
}

void log_gather(const struct log *log, struct text *lines, enum log_level level, const char *event,
                const char *format, ...) {
    if (level > log->level)
        return;
    struct line line;
    line_begin(&line, log, level);
    va_list arguments;
    va_start(arguments, format);
    line_end(&line, event, format, arguments);
    va_end(arguments);
    if (lines->length + line.used > line_bytes)
        log_write(lines);
    text_add_bytes(lines, line.text, line.used);
}

void log_write(struct text *lines) {
    if (lines->length)
        (void)!write(STDERR_FILENO, lines->data, lines->length);
    text_clear(lines);
}

const char *log_quote(const char *value, char *field, size_t size) {
    size_t used = 0;
    if (size < 3)
        return "";
    field[used++] = '"';
    for (; *value && used + 3 < size; value++) {
        if (*value == '"' || *value == '\\')
            field[used++] = '\\';
        field[used++] = *value;
    }
    field[used++] = '"';
    field[used] = 0;
    return field;
}
