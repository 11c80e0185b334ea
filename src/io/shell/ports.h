/* What adapters tell the shell.
 *
 * All of them are thread-safe and copy what they are given: an adapter may call them from any
 * thread of its own. What is told is queued; nothing is handled inside the call, so no callback
 * re-enters an adapter. The one that handles is shell_serve: an adapter calls it where it may be
 * entered itself and may wait for a disk, with no lock of its own held. */
#pragma once

#include "core/event.h"

struct shell;

/* What became of a frame that a carrier was given. */
enum carrier_sent { CARRIER_SENT, CARRIER_DROPPED };

/* Queues `event` with a deep copy of all it points to. now_ms and wall_ms are filled in by the
 * shell when the event is taken from the queue. What is put while a turn is taken, by what the
 * turn calls, is seen to in it; otherwise shell_serve follows. */
void shell_put(struct shell *shell, const struct event *event);

/* Queues it (shell_put) and wakes the loop: for those that cannot serve. */
void shell_post(struct shell *shell, const struct event *event);

/* A carrier received a frame's bytes; `about` says where, and from whom. Queued, for shell_serve. A
 * bad one is logged and dropped. */
void shell_post_bytes(struct shell *shell, const struct event_frame *about, const char *bytes,
                      size_t length);

/* Takes a turn with what is queued on the caller's thread, which saves waking another one; where
 * one is at it already, the loop takes the next. May block for as long as a commit does. */
void shell_serve(struct shell *shell);

/* Logs from any thread, with the daemon's log. level: of enum log_level. */
void shell_log(struct shell *shell, int level, const char *event, const char *format, ...)
    format_checked(4, 5);
