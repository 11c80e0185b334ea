/* The agent's side of its warden: what it says, and what it hears. Each call opens what it needs,
 * so that a warden that was started anew, with a folder of its own making, is found. None waits.
 * Thread-safe, but for two calls about one VM or one group at the same time. */
#pragma once

#include "io/warden/files.h"

enum { warden_fresh_ms = 2000 }; /* a beat that is older is of a warden that is dead or hangs */

struct warden_client {
    const char *folder;
    char boot[warden_boot_size];
};

int warden_client_open(struct warden_client *client, const char *folder, struct error *err);

/* The VM is to be guarded, in this group; before it is started. In the group "over" it is ended. */
int warden_client_register(const struct warden_client *client, const char *vm,
                           struct warden_registration *what, struct error *err);

/* After it has ended, or because nothing is to guard it any more: then it goes on if it was frozen.
 * Not there: no harm. */
int warden_client_unregister(const struct warden_client *client, const char *vm,
                             struct error *err);

/* The group's lease lasts until then. */
int warden_client_renew(const struct warden_client *client, const char *group, uint64_t until_ms,
                        struct error *err);

/* Does a warden live, as of now? False with `err`: why not. */
bool warden_client_is_alive(const struct warden_client *client, uint64_t now_ms,
                            struct error *err);

/* What the warden knows of each VM, a copy, which the caller frees by memory_free. */
int warden_client_read(const struct warden_client *client, struct warden_entry **out,
                       size_t *out_count, struct error *err);

/* And of this one. 1: it knows none of that name. */
int warden_client_find(const struct warden_client *client, const char *vm,
                       struct warden_entry *out, struct error *err);
