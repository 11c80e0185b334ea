/* The adapters that a program hands to its shell, which reaches them by these functions alone: so a
 * program links those that it uses, and the shell stands below them all. */
#pragma once

#include "core/effect.h"
#include "io/keys/seal.h"
#include "io/shell/ports.h"
#include "io/store/store.h"

struct carrier;
struct host;
struct rest;
struct image_fetcher;
struct buckets;
struct deliverer;
struct streams;

/* What serves one link, at its index. */
struct shell_link {
    const char *name; /* for the log: "downlink", "uplink north" */
    struct carrier *carrier;
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
    struct buckets *buckets; /* of the block store */
    struct deliverer *deliverer;
    struct streams *streams; /* NULL: none is opened here */

    /* carrier_route, carrier_send, carrier_flush; each link's carrier may be of another kind */
    void (*route)(struct carrier *carrier, const char *address, size_t endpoint);
    enum carrier_sent (*send)(struct carrier *carrier, const char *address, const char *bytes,
                              size_t length);
    void (*flush)(struct carrier *carrier);

    void (*fetch)(struct image_fetcher *fetcher, const char *digest); /* image_fetcher_get */
    void (*look)(struct host *host);                                  /* host_look; NULL */
    void (*submit)(struct host *host, const struct effect_job *job);  /* host_submit */
    void (*order)(struct host *host, const struct effect_guard *order); /* host_order */
    void (*read)(struct host *host, const struct effect_read *read);  /* host_read */
    void (*usage)(struct host *host); /* host_usage; NULL: nothing is seen */
    void (*keep)(struct buckets *buckets, const struct effect_bucket *order); /* buckets_order */
    void (*deliver)(struct deliverer *deliverer, const struct effect_deliver *effect);
    void (*open)(struct host *host, const struct effect_stream *order); /* guest_stream_open */
    void (*stream)(struct streams *streams, const struct effect_stream *order); /* streams_order */
    void (*reply)(struct rest *rest, struct reply *reply);            /* rest_reply */
    void (*loaded)(struct rest *rest, const struct record *record); /* rest_loaded; NULL */
    /* rest_stored: an effect is stored, as the change of this number since the start; and
     * rest_committed: all up to this number are on disk. NULL: nobody watches */
    void (*stored)(struct rest *rest, const struct effect *effect, uint64_t number);
    void (*committed)(struct rest *rest, uint64_t number);
    /* rest_archive, image_fetcher_answer, host_answer: the one that keeps what is spoken of */
    void (*archive)(struct rest *rest, const struct effect_archive *effect);
    void (*fetched)(struct image_fetcher *fetcher, const struct effect_archive *effect);
    void (*unpacked)(struct host *host, const struct effect_archive *effect);
    void (*status)(void *daemon, uint64_t wall_ms, struct text *out); /* for systemd; NULL: none */
    void (*renew)(void *daemon); /* certificates are to be read again; NULL: there are none */
    void *daemon;
    void (*rekey)(struct rest *rest, const char *key); /* rest_rekey: link 0's, for new tokens */
};
