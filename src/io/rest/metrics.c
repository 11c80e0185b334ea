/* How numbers become lines; which requests and statuses are told apart. */
#include "io/rest/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

void rest_metrics_count(struct rest *rest, const struct rest_call *call) {
    const struct http_request *http = &call->http;
    if (!call->route || !http->answer.status)
        return;
    size_t class = http->answer.status / 100 < rest_classes ? http->answer.status / 100 : 0;
    rest->counted[call->route - rest->routes->routes][class]++;
    if (!call->waited && !call->is_watch)
        metric_count(&rest->answered, watch_now_ms() - call->began_ms);
}

/* Backslash, quote and line end are escaped; all else is as it is. */
static void add_label(struct text *out, const char *name, const char *value, bool is_first) {
    text_addf(out, "%s%s=\"", is_first ? "{" : ",", name);
    for (; *value; value++) {
        const char *escaped = *value == '\\' ? "\\\\" : *value == '"' ? "\\\"" : "\\n";
        if (strchr("\\\"\n", *value))
            text_add(out, escaped);
        else
            text_add_bytes(out, value, 1);
    }
    text_add(out, "\"");
}

static void add_sample(struct text *out, const struct metric_sample *sample) {
    const struct metric_rule *rule = &metric_rules[sample->metric];
    double value = (double)sample->value * (double)(UINT64_C(1) << rule->shift);
    text_addf(out, "%s%s", rule->family, rule->suffix);
    if (rule->labels[0])
        add_label(out, rule->labels[0], sample->first, true);
    if (rule->labels[1])
        add_label(out, rule->labels[1], sample->second, false);
    text_addf(out, "%s %.15g\n", rule->labels[0] ? "}" : "",
              value / (rule->divisor ? rule->divisor : 1));
}

/* Each family's samples together, behind its type and what it is. */
static void add_all(struct text *out, enum metric from, enum metric to,
                    const struct metrics *metrics) {
    static const char *const types[] = {"gauge", "counter", "histogram"};
    const char *family = "";
    for (enum metric metric = from; metric < to; metric++) {
        const struct metric_rule *rule = &metric_rules[metric];
        for (uint32_t i = 0; i < metrics->samples_count; i++) {
            if (metrics->samples[i].metric != metric)
                continue;
            if (!text_equal(family, rule->family))
                text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", rule->family, rule->about,
                          rule->family, types[rule->type]);
            family = rule->family;
            add_sample(out, &metrics->samples[i]);
        }
    }
}

static void add_requests(struct rest *rest, struct metrics *metrics) {
    static const char *const classes[rest_classes] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    pthread_mutex_lock(&rest->lock);
    for (size_t i = 0; i < rest->routes->routes_count; i++)
        for (size_t class = 0; class < rest_classes; class++) {
            const struct rest_route *route = &rest->routes->routes[i];
            char name[limit_name_size];
            text_format(name, sizeof(name), "%s %s", route->method, route->path);
            if (rest->counted[i][class])
                metrics_add(metrics, METRIC_REQUESTS, (struct metric_labels){name, classes[class]},
                            rest->counted[i][class]);
        }
    metrics_add_histogram(metrics, METRIC_ANSWERED, &rest->answered);
    metrics_add(metrics, METRIC_STREAMS, (struct metric_labels){0}, rest->watching);
    pthread_mutex_unlock(&rest->lock);
}

static void add_health(struct rest *rest, struct metrics *metrics) {
    static const uint64_t halves[] = {
        [HEALTH_LINK_DOWN] = 0, [HEALTH_LINK_UP] = 2, [HEALTH_LINK_IMPAIRED] = 1};
    struct health health = {0};
    if (rest->health.read)
        rest->health.read(rest->health.daemon, &health);
    for (uint32_t i = 0; i < health.links_count; i++)
        metrics_add(metrics, METRIC_LINK_UP, (struct metric_labels){health.links[i].name},
                    halves[health.links[i].state]);
    metrics_add(metrics, METRIC_DISK_FULL, (struct metric_labels){0}, health.disk_full);
    for (uint32_t i = 0; i < health.certificates_count; i++)
        metrics_add(metrics, METRIC_CERTIFICATE,
                    (struct metric_labels){health.certificates[i].name},
                    health.certificates[i].expires_ms);
    record_clear(&health_table, &health);
}

/* The process, as the system counts it. */
static void add_process(struct metrics *metrics) {
    struct rusage usage;
    unsigned long long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%llu %llu", &all, &resident) == 2)
        metrics_add(metrics, METRIC_RESIDENT, (struct metric_labels){0},
                    resident * (unsigned long long)sysconf(_SC_PAGESIZE));
    if (file)
        fclose(file);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metrics_add(metrics, METRIC_CPU, (struct metric_labels){0},
                    (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                        (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
}

void rest_metrics_answer(struct rest *rest, struct rest_call *call) {
    struct metrics own = {0};
    struct text *body = &call->http.answer.body;
    answer_begin(&call->http.answer, 200, "text/plain; version=0.0.4; charset=utf-8");
    answer_header(&call->http.answer, "Cache-Control", "no-store");
    metrics_add(&own, METRIC_BUILD, (struct metric_labels){rest->software}, 1);
    add_requests(rest, &own);
    add_health(rest, &own);
    add_process(&own);
    add_all(body, 0, METRIC_ROLES, call->reply.record.data);
    add_all(body, METRIC_ROLES, METRIC_COUNT, &own);
    record_clear(&metrics_table, &own);
    reply_clear(&call->reply);
}
