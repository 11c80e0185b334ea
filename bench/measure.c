#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

double measure_now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void series_begin(struct series *series) { series->begin_us = measure_now_us(); }
void series_end(struct series *series) { series->end_us = measure_now_us(); }

void series_add(struct series *series, double duration_us) {
    if (series->count == series->capacity) {
        series->capacity = series->capacity ? 2 * series->capacity : 1024;
        series->us = memory_resize(series->us, series->capacity * sizeof(*series->us));
    }
    series->us[series->count++] = duration_us;
}

void series_deinit(struct series *series) { memory_free(series->us); }

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void series_print(struct series *series) {
    if (!series->count)
        measure_fail("print a series", "it is empty");
    qsort(series->us, series->count, sizeof(*series->us), compare);
    double seconds = (series->end_us - series->begin_us) / 1e6;
    (void)printf("{\"count\": %zu, \"seconds\": %.6f, \"rate\": %.1f, \"p50_us\": %.1f, "
                 "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
                 series->count, seconds, (double)series->count / seconds,
                 series->us[series->count / 2], series->us[series->count * 99 / 100],
                 series->us[series->count - 1]);
}

size_t measure_number(const char *text) {
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (!number || *end)
        measure_fail("read a number", text);
    return number;
}

void measure_fail(const char *what, const char *why) {
    (void)fprintf(stderr, "cannot %s: %s\n", what, why);
    exit(1);
}

char *measure_first_line(const char *path) {
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    if (!file || getline(&line, &size, file) < 0)
        measure_fail("read", path);
    (void)fclose(file);
    line[strcspn(line, "\n")] = 0;
    return line;
}

unsigned long measure_resident_kib(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    unsigned long kib = 0;
    while (file && !kib && fgets(line, sizeof(line), file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    if (file)
        (void)fclose(file);
    return kib;
}
