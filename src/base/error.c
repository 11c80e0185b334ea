/* An error's text is cut where its buffer ends; a wrapped one keeps as much of the older text as
 * fits behind the newer. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...) {
    if (!err)
        return code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    err->code = code;
    return code;
}

int error_wrap(struct error *err, const char *format, ...) {
    if (!err)
        return -1;
    char old[sizeof(err->text)];
    memcpy(old, err->text, sizeof(old));
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length + 2 < sizeof(err->text))
        (void)snprintf(err->text + length, sizeof(err->text) - (size_t)length, ": %s", old);
    return err->code;
}
