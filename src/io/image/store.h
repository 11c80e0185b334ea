/* A cluster's or the cloud's image repository: a folder of archives named by digest, filled by
 * upload (upstream) or by fetching from the level above (downstream), read by HTTP from below.
 * Bulk data goes by HTTPS, pulled from below, and never through the application servers. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "core/effect.h"
#include "io/image/download.h"
#include "io/shell/ports.h"

struct image_fetcher;

/* Of several uplinks, each has its grants in <folder>/of-<uplink>/<digest>: an image is there for
 * one once its source has delivered all of it itself. The archive is kept once, and goes with the
 * last of them. */
struct image_fetcher_settings {
    const char *folder; /* <folder>/<digest> */
    struct image_source from;
    const char *keys;   /* image_fetcher_new only: whose signature each has to have, by commas
                         * (minisign.h); NULL: nobody's */
    uint64_t most_bytes; /* that are kept for it, but for what its VMs need; 0: any number */
    uint64_t share_bytes; /* of the disk, that it may take with what comes, or else something of
                           * its own goes; 0: any number. So it takes no room from another's */
    const char *uplink; /* whom it is fetched from, a name of ours */
    uint32_t link;      /* to it */
};

struct image_fetcher *image_fetcher_new(const struct image_fetcher_settings *settings,
                                        struct shell *shell, struct error *err);

/* Fetches in the background unless it is there; checks the digest; EVENT_IMAGE follows. */
void image_fetcher_get(struct image_fetcher *fetcher, const char *digest);

/* What the role says of one that may go, within its turn. */
void image_fetcher_answer(struct image_fetcher *fetcher, const struct effect_archive *effect);

/* Gives up what is under way. */
void image_fetcher_free(struct image_fetcher *fetcher);
