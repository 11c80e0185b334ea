/* What adapters tell the shell. The shell hands each adapter this table of functions at start.
 *
 * All of them are thread-safe and copy what they are given: an adapter may call them from any
 * thread of its own. They queue an event and wake the loop; nothing is handled inside the call,
 * so no callback re-enters an adapter. */
#pragma once

#include "core/event.h"

struct shell;

/* Queues `event` with a deep copy of all it points to. now_ms and wall_ms are filled in by the
 * shell when the event is taken from the queue. */
void shell_post(struct shell *shell, const struct event *event);

/* A carrier received a frame's bytes. Decoded on the loop; a bad one is logged and dropped. */
void shell_post_bytes(struct shell *shell, uint32_t link, const char *from, const char *bytes,
                      size_t length);

/* Logs from any thread, with the daemon's log. level: of enum log_level. */
void shell_log(struct shell *shell, int level, const char *event, const char *format, ...)
    format_checked(4, 5);
