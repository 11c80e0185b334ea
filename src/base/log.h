/* Structured log lines on standard error: one line per event, logfmt (key=value), made for
 * journald and for grep. Only main/ and the shell that performs effects call this.
 *
 * log_line(log, LOG_INFO, "saved", "op=%s vm=%s", op, vm);
 *   time=2026-11-22T15:04:05.123Z level=info daemon=isthmus-agent event=saved op=… vm=… */
#pragma once

#include <stddef.h>

#include "base/attributes.h"
#include "base/text.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    const char *daemon;
    enum log_level level; /* lines above it are not written */
};

extern const char *const log_level_names[4]; /* "error", "warning", "info", "debug" */

/* Thread-safe: one write(2) per line. A line is cut at 4 KiB; control characters become '?'. */
void log_line(const struct log *log, enum log_level level, const char *event, const char *format,
              ...) format_checked(4, 5);

/* As log_line, but the line waits in `lines` until there are 4 KiB of them, or log_write. */
void log_gather(const struct log *log, struct text *lines, enum log_level level, const char *event,
                const char *format, ...) format_checked(5, 6);

/* Writes what was gathered in one write(2), and empties it. */
void log_write(struct text *lines);

/* Quotes `value` for a logfmt line into `field` and returns it: spaces and quotes are safe. */
const char *log_quote(const char *value, char *field, size_t size);
