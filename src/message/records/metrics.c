/* The table of all metrics: names as Prometheus wants them, units in full, what they tell. */
#include "message/records/metrics.h"

#include "base/memory.h"
#include "base/text.h"

const struct metric_rule metric_rules[METRIC_COUNT] = {
    [METRIC_VMS] = {"isthmus_vms", "", METRIC_GAUGE, "VMs by state.", {"state"}},
    [METRIC_UNDER_WAY] = {"isthmus_operations_under_way", "", METRIC_GAUGE,
                          "Operations that have not ended."},
    [METRIC_ENDED] = {"isthmus_operations_total", "", METRIC_COUNTER,
                      "Operations that ended since the start.", {"verb", "outcome"}},
    [METRIC_LASTED] = {"isthmus_operation_duration_seconds", "_bucket", METRIC_HISTOGRAM,
                       "How long operations took, from their acceptance to their end.", {"le"}},
    [METRIC_LASTED_SUM] = {"isthmus_operation_duration_seconds", "_sum", METRIC_HISTOGRAM, "",
                           {NULL}, 1000},
    [METRIC_LASTED_COUNT] = {"isthmus_operation_duration_seconds", "_count", METRIC_HISTOGRAM, ""},
    [METRIC_TENANTS] = {"isthmus_tenants", "", METRIC_GAUGE, "Tenants."},
    [METRIC_IMAGES] = {"isthmus_images", "", METRIC_GAUGE, "Images."},
    [METRIC_RETIRED] = {"isthmus_retired_archives", "", METRIC_GAUGE,
                        "Archives that no image has any more, kept for VMs made from them."},
    [METRIC_RETIRED_BYTES] = {"isthmus_retired_archives_bytes", "", METRIC_GAUGE,
                              "How much of the images' disk they take."},
    [METRIC_QUOTA_USED] = {"isthmus_quota_used_ratio", "", METRIC_GAUGE,
                           "Part of a tenant's quota that is used, where it has one.",
                           {"tenant", "kind"}, 1000},
    [METRIC_CLUSTER_UP] = {"isthmus_cluster_up", "", METRIC_GAUGE,
                           "Whether a cluster is connected.", {"cluster"}},
    [METRIC_CLUSTER_CPUS] = {"isthmus_cluster_cpus", "", METRIC_GAUGE,
                             "Processors of a cluster, as it tells.", {"cluster", "what"}},
    [METRIC_CLUSTER_MEMORY] = {"isthmus_cluster_memory_bytes", "", METRIC_GAUGE,
                               "Memory of a cluster, as it tells.", {"cluster", "what"},
                               .shift = 20},
    [METRIC_CLUSTER_DISK] = {"isthmus_cluster_disk_bytes", "", METRIC_GAUGE,
                             "Disk of a cluster, as it tells.", {"cluster", "what"}, .shift = 30},
    [METRIC_HOST_UP] = {"isthmus_host_up", "", METRIC_GAUGE, "Whether a host is connected.",
                        {"host"}},
    [METRIC_HOST_CORDONED] = {"isthmus_host_cordoned", "", METRIC_GAUGE,
                              "Whether a host gets no new VMs by its owner's word.", {"host"}},
    [METRIC_HOST_CPUS] = {"isthmus_host_cpus", "", METRIC_GAUGE, "Processors that a host lends.",
                          {"host", "what"}},
    [METRIC_HOST_MEMORY] = {"isthmus_host_memory_bytes", "", METRIC_GAUGE,
                            "Memory that a host lends.", {"host", "what"}, .shift = 20},
    [METRIC_HOST_DISK] = {"isthmus_host_disk_bytes", "", METRIC_GAUGE, "Disk that a host lends.",
                          {"host", "what"}, .shift = 30},
    [METRIC_UPSTREAM_UP] = {"isthmus_upstream_up", "", METRIC_GAUGE,
                            "Whether an upstream manager is connected.", {"upstream"}},
    [METRIC_LIMIT_USED] = {"isthmus_limit_used_ratio", "", METRIC_GAUGE,
                           "Part of an upstream manager's limits that is used, where it has them.",
                           {"upstream", "kind"}, 1000},
    [METRIC_AUDIT_ROWS] = {"isthmus_audit_rows", "", METRIC_GAUGE, "Rows of the audit."},
    [METRIC_LEFT_OUT] = {"isthmus_metrics_left_out", "", METRIC_GAUGE,
                         "Clusters, hosts and tenants that are not shown, as there are too many."},
    [METRIC_BUILD] = {"isthmus_build_info", "", METRIC_GAUGE, "The program.", {"software"}},
    [METRIC_REQUESTS] = {"isthmus_http_requests_total", "", METRIC_COUNTER,
                         "Requests that were answered since the start.", {"route", "code"}},
    [METRIC_ANSWERED] = {"isthmus_http_request_duration_seconds", "_bucket", METRIC_HISTOGRAM,
                         "How long they took, but for those that wait for an end and streams.",
                         {"le"}},
    [METRIC_ANSWERED_SUM] = {"isthmus_http_request_duration_seconds", "_sum", METRIC_HISTOGRAM, "",
                             {NULL}, 1000},
    [METRIC_ANSWERED_COUNT] = {"isthmus_http_request_duration_seconds", "_count", METRIC_HISTOGRAM,
                               ""},
    [METRIC_STREAMS] = {"isthmus_http_streams", "", METRIC_GAUGE,
                        "Streams of what changes that are open."},
    [METRIC_LINK_UP] = {"isthmus_link_up", "", METRIC_GAUGE,
                        "Whether a link has a server: 1, or 0.5 where another one is away.",
                        {"link"}, 2},
    [METRIC_DISK_FULL] = {"isthmus_disk_full", "", METRIC_GAUGE,
                          "Whether the disk of the books is full: no new VM begins."},
    [METRIC_CERTIFICATE] = {"isthmus_certificate_expiry_timestamp_seconds", "", METRIC_GAUGE,
                            "When a certificate runs out.", {"certificate"}, 1000},
    [METRIC_CPU] = {"process_cpu_seconds_total", "", METRIC_COUNTER, "Processor time.", {NULL},
                    1000},
    [METRIC_RESIDENT] = {"process_resident_memory_bytes", "", METRIC_GAUGE, "Resident memory."},
};

const uint32_t metric_bounds_ms[metric_buckets] = {5,    25,    100,   500,    1000,
                                                   5000, 15000, 60000, 300000, 900000};

void metric_count(struct metric_histogram *histogram, uint64_t took_ms) {
    size_t bucket = 0;
    while (bucket < metric_buckets && took_ms > metric_bounds_ms[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ms += took_ms;
}

static const struct field sample_fields[] = {
    {field_of(struct metric_sample, metric), .about = "Which.", .kind = FIELD_U32,
     .mask = FIELD_ALWAYS, .most = METRIC_COUNT},
    {field_of(struct metric_sample, first), .about = "Its first label.", .kind = FIELD_TEXT},
    {field_of(struct metric_sample, second), .about = "Its second.", .kind = FIELD_TEXT},
    {field_of(struct metric_sample, value), .about = "The number.", .kind = FIELD_U64},
};
static const struct table sample_table = {"metric-sample", "A number.",
                                          sizeof(struct metric_sample), field_rows(sample_fields)};

static const struct field metrics_fields[] = {
    {field_list_of(struct metrics, samples, samples_count), .about = "All of them.",
     .kind = FIELD_LIST, .most = limit_metrics, .table = &sample_table},
};
const struct table metrics_table = {"metrics", "Numbers of a manager.", sizeof(struct metrics),
                                    field_rows(metrics_fields)};

void metrics_add(struct metrics *metrics, enum metric metric, struct metric_labels labels,
                 uint64_t value) {
    uint32_t count = metrics->samples_count;
    if (!(count & (count - 1))) /* grows by doubling */
        metrics->samples =
            memory_resize(metrics->samples, (count ? count * 2 : 1) * sizeof(*metrics->samples));
    struct metric_sample *sample = &metrics->samples[metrics->samples_count++];
    *sample = (struct metric_sample){.metric = metric, .value = value};
    text_format(sample->first, sizeof(sample->first), "%s",
                labels.first ? labels.first : "");
    text_format(sample->second, sizeof(sample->second), "%s",
                labels.second ? labels.second : "");
}

void metrics_add_histogram(struct metrics *metrics, enum metric metric,
                           const struct metric_histogram *histogram) {
    uint64_t count = 0;
    for (size_t i = 0; i <= metric_buckets; i++) {
        char bound[24] = "+Inf";
        count += histogram->counts[i];
        if (i < metric_buckets)
            text_format(bound, sizeof(bound), "%u.%03u", metric_bounds_ms[i] / 1000,
                        metric_bounds_ms[i] % 1000);
        metrics_add(metrics, metric, (struct metric_labels){bound}, count);
    }
    metrics_add(metrics, metric + 1, (struct metric_labels){0}, histogram->sum_ms);
    metrics_add(metrics, metric + 2, (struct metric_labels){0}, count);
}
