/* The upstream manager's step: its beginning and end, its stored records, one event at a time, and
 * when it is due next. */
#pragma once

#include <stdint.h>

struct effects;
struct event;
struct role_settings;
struct upstream;

void upstream_init(struct upstream *upstream, const struct role_settings *settings);
void upstream_deinit(struct upstream *upstream);
void upstream_step(struct upstream *upstream, const struct event *event, struct effects *out);
uint64_t upstream_deadline_ms(const struct upstream *upstream);
void upstream_check(const struct upstream *upstream);
