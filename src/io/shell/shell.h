/* The shell: the event loop (libuv) around one role. It gathers what is ready, steps the role for
 * each event, commits all SAVE effects of the batch in one transaction, then performs the other
 * effects in order: a turn. One thread at a time takes it, the loop's or one that serves (ports.h).
 * It is the same for the three daemons; the simulator is the other shell.
 *
 * Messages of one batch to one peer travel as one frame (limit_frame_batch), which leaves sealed
 * and is opened when it comes in: no carrier and no role meets the other's form of it.
 * It reaches the adapters through function pointers, so that a program links those it uses. */
#pragma once

#include "base/log.h"
#include "core/role.h"
#include "io/shell/ports.h"
#include "io/keys/seal.h"
#include "io/store/store.h"
#include "io/carrier/carrier.h"

struct host;
struct rest;
struct image_fetcher;

/* What serves one link, at its index. */
struct shell_link {
    const char *name; /* for the log: "downlink", "uplink north" */
    struct xmpp *xmpp;
    struct seal *seal;
    const char *key_file; /* of our secret key; NULL: it does not change while we run */
    struct image_fetcher *fetcher; /* from the level above; NULL: none */
};

/* The adapters of one daemon; those that its role has no use for are NULL. */
struct shell_ports {
    struct store *store;
    const struct shell_link *links;
    size_t links_count;
    struct host *host;
    struct rest *rest;
    void (*route)(struct xmpp *xmpp, const char *address, size_t endpoint); /* xmpp_link_route */
    enum xmpp_sent (*send)(struct xmpp *xmpp, const char *address, const char *bytes,
                           size_t length);                                /* xmpp_link_send */
    void (*flush)(struct xmpp *xmpp);                                     /* xmpp_link_flush */
    void (*rekey)(struct rest *rest, const char *key); /* of link 0, for new
                                                            * join tokens; rest_rekey */
    void (*fetch)(struct image_fetcher *fetcher, const char *digest);     /* image_fetcher_get */
    void (*submit)(struct host *host, const struct effect_job *job);      /* host_submit */
    void (*reply)(struct rest *rest, struct reply *reply);                /* rest_reply */
};

/* Two steps, because adapters want the shell to post to: new, open the adapters, run. */
struct shell *shell_new(struct role *role, const struct log *log);

/* Loads the store, starts the role and serves until SIGTERM or SIGINT and the role's EFFECT_DONE,
 * or 10 s after the signal, or a second signal. Tells systemd readiness and stop. 0, or negative
 * with `err`: the store cannot be read or written. */
int shell_run(struct shell *shell, const struct shell_ports *ports, struct error *err);

/* To be called after the adapters are closed, which post until then. */
void shell_free(struct shell *shell);
