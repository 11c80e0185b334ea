/* The upstream manager's step: loads its records, looks at one event, says when it is due next. */
#pragma once

#include <stdint.h>

struct effects;
struct event;
struct upstream;

void upstream_step(struct upstream *upstream, const struct event *event, struct effects *out);
uint64_t upstream_deadline_ms(const struct upstream *upstream);
void upstream_check(const struct upstream *upstream);
