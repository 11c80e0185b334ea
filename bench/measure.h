/* What the load generators have in common: a clock, a series of durations, and the one line of
 * JSON that each of them prints for bench/run to read. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct series {
    double *us; /* durations in microseconds */
    size_t count, capacity;
    double begin_us, end_us; /* of the whole */
};

double measure_now_us(void); /* monotonic */

void series_begin(struct series *series);
void series_add(struct series *series, double duration_us);
void series_end(struct series *series);
void series_deinit(struct series *series);

/* {"count": …, "seconds": …, "rate": per second, "p50_us": …, "p99_us": …, "max_us": …}; sorts. */
void series_print(struct series *series);

/* A whole number from the command line, at least 1; ends the program where it is none. */
size_t measure_number(const char *text);

/* Says on standard error what failed and ends the program. */
_Noreturn void measure_fail(const char *what, const char *why);

/* The first line of a file, without its end. The caller frees it. */
char *measure_first_line(const char *path);

/* Memory of this process that is in RAM. */
unsigned long measure_resident_kib(void);
