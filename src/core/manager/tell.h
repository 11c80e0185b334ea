/* What both managers tell of themselves in numbers, for REQUEST_METRICS. */
#pragma once

#include "core/manager/manager.h"
#include "message/records/metrics.h"

/* VMs, operations and rows of the audit. */
void tell_books(const struct manager *manager, struct metrics *metrics);

/* What a place has and has left: processors, memory, disk are these three metrics. */
void tell_capacity(struct metrics *metrics, enum metric cpus, const char *name,
                   const struct capacity *capacity);

struct tell_amounts {
    const struct amounts *used, *most;
};

/* What is used of each amount that is limited, as parts of a thousand. */
void tell_used(struct metrics *metrics, enum metric metric, const char *name,
               struct tell_amounts amounts);
