/* An error with its context, made where the fault is seen and passed as the last argument.
 *
 * Adapters and commands return 0 or a negative errno with `err` filled in; expected
 * alternatives are positive named values. The buffer is fixed: nothing to free. The text
 * says what was tried, on what, why it failed and what to do next. */
#pragma once

#include "base/attributes.h"

struct error {
    int code; /* negative errno, 0 while nothing went wrong */
    char text[512];
};

/* Fills `err` (which may be NULL) and returns `code`, so that it fits on one line:
 * return error_set(err, -errno, "open %s: %m", path); */
int error_set(struct error *err, int code, const char *format, ...) format_checked(3, 4);

/* Puts context in front of what `err` says already: "while …: <old text>". Returns err->code. */
int error_wrap(struct error *err, const char *format, ...) format_checked(2, 3);
