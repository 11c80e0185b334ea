/* How a line is made and written: the time and the names first, the rest after them, cut at
 * PIPE_BUF so that one write(2) takes the whole line and lines of several threads never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_names[4] = {"error", "warning", "info", "debug"};

enum { line_bytes = 4096 }; /* no more than PIPE_BUF: what one write(2) takes in one piece */

struct line {
    char text[line_bytes];
    size_t used;
};

static void line_begin(struct line *line, const struct log *log, enum log_level level) {
    struct timespec now = {0};
    struct tm utc = {0};
    char stamp[32] = "";
    (void)timespec_get(&now, TIME_UTC);
    if (gmtime_r(&now.tv_sec, &utc))
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    int length = snprintf(line->text, line_bytes, "time=%s.%03ldZ level=%s daemon=%s event=",
                          stamp, now.tv_nsec / 1000000, log_level_names[level], log->daemon);
    line->used = length < 0 ? 0 : (size_t)length;
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
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line->text[i] < ' ' || line->text[i] == 127)
            line->text[i] = '?';
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
