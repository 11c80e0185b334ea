/* A warden at work: one loop, which waits for files to change, for processes to end and for leases
 * to end, and shows by its beat that it does. */
#pragma once

#include "base/error.h"
#include "base/log.h"

struct warden_settings {
    const char *folder;
    uint64_t freeze_most_ms;
};

/* Whether this machine has what a warden needs; says on standard output what is not as it should
 * be. 0, or a negative errno with `err` where it cannot work. */
int warden_check(const struct warden_settings *settings, struct error *err);

/* Until SIGTERM. */
int warden_serve(const struct warden_settings *settings, const struct log *log,
                 struct error *err);
