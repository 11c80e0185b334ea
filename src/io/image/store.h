/* A cluster's or the cloud's image repository: a folder of archives named by digest, filled by
 * upload (upstream) or by fetching from the level above (downstream), read by HTTP from below.
 * Bulk data goes by HTTPS, pulled from below, and never through the application servers. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "io/shell/ports.h"

struct image_fetcher;

/* Of several sources, each has its grants in <folder>/of-<source>/<digest>: an image is there for
 * a source once that has delivered all of it itself. The archive is kept once. */
struct image_fetcher_settings {
    const char *folder;     /* <folder>/<digest> */
    const char *url;        /* prefix of the level above: <url>/<digest> */
    const char *ca_file;    /* NULL: the system's */
    const char *token_file; /* NULL: none */
    uint64_t most_bytes;    /* of one archive; 0: any */
    uint64_t reserve_bytes; /* left free of the folder's disk; 0: the usual */
    const char *source;     /* image_fetcher_new only: whom it is fetched from, a name of ours */
    uint32_t link;          /* to that source */
    const atomic_bool *cancel; /* image_download only: once true, a download is given up; NULL */
};

struct image_fetcher *image_fetcher_new(const struct image_fetcher_settings *settings,
                                        struct shell *shell, struct error *err);

/* Fetches in the background unless it is there; checks the digest; EVENT_IMAGE follows. */
void image_fetcher_get(struct image_fetcher *fetcher, const char *digest);

/* Gives up what is under way. */
void image_fetcher_free(struct image_fetcher *fetcher);

/* Blocking download of <url>/<digest> to `path` through `path`.part, digest checked; for worker
 * threads, one per path at a time. 0; positive IMAGE_WRONG_DIGEST (archive.h); negative with
 * `err`. */
int image_download(const struct image_fetcher_settings *from, const char *digest,
                   const char *path, struct error *err);
