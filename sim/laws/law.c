/* How a broken law ends a run. */
#include "sim/laws/law.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void law_fail(struct sim_world *world, const char *law, const char *format, ...) {
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "seed %llu at %llu ms: law broken: %s: ",
            (unsigned long long)world->settings.seed, (unsigned long long)world->now_ms, law);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}
