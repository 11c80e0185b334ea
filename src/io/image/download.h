/* One image's archive, fetched over a bad link: in ranges on a connection that is kept, checked by
 * its digest as a whole. What has come stays when it breaks off, for the next try, and for the next
 * download of the same, by this process or by one that is started later. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct signature_trust;

/* Where archives come from. */
struct image_source {
    const char *url;           /* prefix: <url>/<digest> */
    const char *ca_file;       /* NULL: the system's */
    const char *token_file;    /* NULL: none */
    uint64_t most_bytes;       /* of one archive; 0: any */
    uint64_t reserve_bytes;    /* left free of the folder's disk; 0: the usual */
    /* May it stay, and so many bytes more of it come? Asked with each range; NULL: it may. */
    bool (*has_room)(void *context, uint64_t bytes);
    void *context;
    const struct signature_trust *trust; /* who has to have signed them; NULL: nobody */
    const atomic_bool *cancel; /* once true, a download is given up; NULL */
};

struct image_target {
    const char *digest, *path, *part;
};

/* Blocking, to `path` through `part`, whose name ends in .part; for worker threads, one per path at
 * a time. 0; positive IMAGE_WRONG_DIGEST (archive.h); -EKEYREJECTED: it is not signed as it has to
 * be; otherwise negative with `err`. */
int image_download(const struct image_source *from, const struct image_target *target,
                   struct error *err);

/* Removes from a folder what a run that was killed left half-made (folder_sweep), but for what has
 * come of downloads, which may go on: for a day, 16 of them. */
int image_download_sweep(const char *folder, struct error *err);
