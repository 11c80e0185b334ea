#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

const char *const log_level_names[4] = {"error", "warning", "info", "debug"};

static size_t log_head(char *line, size_t size, const struct log *log, enum log_level level) {
    struct timespec now = {0};
    struct tm utc = {0};
    char stamp[32] = "";
    (void)timespec_get(&now, TIME_UTC);
    if (gmtime_r(&now.tv_sec, &utc))
        (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
    int length = snprintf(line, size, "time=%s.%03ldZ level=%s daemon=%s event=", stamp,
                          now.tv_nsec / 1000000, log_level_names[level], log->daemon);
    return length < 0 ? 0 : (size_t)length;
}

void log_line(const struct log *log, enum log_level level, const char *event, const char *format,
              ...) {
    if (level > log->level)
        return;
    char line[4096];
    size_t used = log_head(line, sizeof(line), log, level);
    int length = snprintf(line + used, sizeof(line) - used, "%s ", event);
    used += length < 0 ? 0 : (size_t)length;
    va_list arguments;
    va_start(arguments, format);
    length = vsnprintf(line + used, sizeof(line) - used, format, arguments);
    va_end(arguments);
    used += length < 0 ? 0 : (size_t)length;
    if (used > sizeof(line) - 1)
        used = sizeof(line) - 1;
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    line[used] = '\n';
    (void)!write(STDERR_FILENO, line, used + 1);
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
