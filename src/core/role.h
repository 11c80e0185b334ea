/* A role is a pure state machine: an upstream manager, a downstream manager, an agent, or whoever
 * joins. The shell of production and the simulator drive all of them through these few functions.
 *
 * role_step looks at one event, changes only *role and appends to *out. It never blocks, never
 * fails, never reads a clock. */
#pragma once

#include "core/effect.h"
#include "core/event.h"
#include "core/settings.h"

struct role;

struct role *role_new(const struct role_settings *settings);
void role_free(struct role *role);
void role_step(struct role *role, const struct event *event, struct effects *out);

/* When the role next wants EVENT_TICK, on the clock of now_ms; UINT64_MAX: never. */
uint64_t role_deadline_ms(const struct role *role);

/* Asserts the invariants; for tests and the simulator. */
void role_check(const struct role *role);

/* The verdict of a joiner that has ended: JOIN_VERDICT_COUNT if nobody answered, with whether it
 * was connected at all in *out_connected. */
enum join_verdict role_verdict(const struct role *role, bool *out_connected);

/* The role's books, and what an operation of a manager's waits for: for tests and the simulator. */
struct book;
struct book_op;
struct downlink;
struct pace;
enum wait role_waits(const struct role *role, const struct book_op *op);
const struct book *role_book(const struct role *role);

/* A manager's end of its links, likewise. */
const struct downlink *role_downlink(const struct role *role);

/* What those above a downstream manager have begun of late. */
const struct pace *role_pace(const struct role *role);
