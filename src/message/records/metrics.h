/* Numbers for Prometheus: which there are, and what a role tells of them. A sample's labels come
 * from the configuration and from closed sets, never from what tenants write; a manager above
 * clusters knows nothing of hosts, and so tells nothing of them. */
#pragma once

#include "message/field.h"
#include "message/limits.h"

/* In the order in which they are shown; those of one family stand together. */
enum metric {
    METRIC_VMS,
    METRIC_UNDER_WAY,
    METRIC_ENDED,
    METRIC_LASTED,       /* in a bucket; with _SUM and _COUNT a histogram */
    METRIC_LASTED_SUM,
    METRIC_LASTED_COUNT,
    METRIC_TENANTS,
    METRIC_IMAGES,
    METRIC_RETIRED,
    METRIC_RETIRED_BYTES,
    METRIC_QUOTA_USED,
    METRIC_CLUSTER_UP,
    METRIC_CLUSTER_CPUS,
    METRIC_CLUSTER_MEMORY,
    METRIC_CLUSTER_DISK,
    METRIC_HOST_UP,
    METRIC_HOST_CORDONED,
    METRIC_HOST_CPUS,
    METRIC_HOST_MEMORY,
    METRIC_HOST_DISK,
    METRIC_UPSTREAM_UP,
    METRIC_LIMIT_USED,
    METRIC_AUDIT_ROWS,
    METRIC_LEFT_OUT,
    METRIC_ROLES, /* those after it are the daemon's */
    METRIC_BUILD = METRIC_ROLES,
    METRIC_REQUESTS,
    METRIC_ANSWERED,
    METRIC_ANSWERED_SUM,
    METRIC_ANSWERED_COUNT,
    METRIC_STREAMS,
    METRIC_LINK_UP,
    METRIC_DISK_FULL,
    METRIC_CERTIFICATE,
    METRIC_CPU,
    METRIC_RESIDENT,
    METRIC_COUNT,
};

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

struct metric_rule {
    const char *family, *suffix; /* suffix: of a part of a histogram; "": none */
    enum metric_type type;
    const char *about;
    const char *labels[3];
    uint32_t divisor; /* of the number, which is whole: 1000 where it is in milliseconds; 0: 1 */
    unsigned shift;   /* it is in so many times doubled bytes: 20, MiB; 30, GiB */
};
extern const struct metric_rule metric_rules[METRIC_COUNT];

/* Upper bounds of the buckets of both histograms, in ms; what takes longer counts in "+Inf". */
enum { metric_buckets = 10 };
extern const uint32_t metric_bounds_ms[metric_buckets];

/* What was counted of durations. */
struct metric_histogram {
    uint64_t counts[metric_buckets + 1]; /* each in its bucket alone */
    uint64_t sum_ms;
};
void metric_count(struct metric_histogram *histogram, uint64_t took_ms);

struct metric_sample {
    enum metric metric;
    char first[limit_name_size], second[32]; /* values of its labels */
    uint64_t value;
};

/* What a role tells: the answer to REQUEST_METRICS. */
struct metrics {
    struct metric_sample *samples;
    uint32_t samples_count;
};
extern const struct table metrics_table;

/* Values of a metric's labels; NULL where it has no such one. */
struct metric_labels {
    const char *first, *second;
};

/* Adds one, to what was made here and not copied. */
void metrics_add(struct metrics *metrics, enum metric metric, struct metric_labels labels,
                 uint64_t value);

/* Adds the histogram whose buckets are `metric`, with its sum and count. */
void metrics_add_histogram(struct metrics *metrics, enum metric metric,
                           const struct metric_histogram *histogram);
