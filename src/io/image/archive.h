/* Templates: a tar archive (any filter of libarchive, usually zstd) with `manifest.json` and a
 * disk. Read by libarchive, hashed by libsodium. Knows nothing of where archives come from.
 *
 * manifest.json: {"format":1,"architecture":"x86_64","disk":"disk.qcow2","disk_format":"qcow2"}
 * The manifest is the first or any later entry; entries must be plain files without a slash.
 * A qcow2 disk must stand alone: one that names a backing or data file would read the host's. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "message/model.h"

struct image_facts {
    char digest[limit_digest_size]; /* of the archive file */
    char architecture[16];
    char disk_format[16];           /* "qcow2" or "raw" */
    uint64_t archive_bytes;
    uint64_t disk_bytes;            /* virtual size of the disk */
};

/* Checks a whole archive (reads it once, writes nothing). 0, or negative with `err`: what is
 * broken and where. */
int image_archive_check(const char *path, struct image_facts *out_facts, struct error *err);

/* Unpacks into the new folder `folder` (made under a temporary name beside it and renamed when
 * complete and synced, so it is never half-made): manifest.json, disk. `digest` NULL: unchecked.
 * Positive IMAGE_… for what is wrong with the archive, negative for what is wrong here. */
enum image_fault { IMAGE_WRONG_DIGEST = 1, IMAGE_MALFORMED = 2 };
int image_archive_unpack(const char *path, const char *digest, const char *folder,
                         struct image_facts *out_facts, struct error *err);

/* The facts of an unpacked folder, without digest and archive_bytes. 0, or negative with `err`. */
int image_folder_facts(const char *folder, struct image_facts *out_facts, struct error *err);

/* Writes a NoCloud seed (an ISO 9660 image with the label CIDATA) to `path`, through a temporary
 * name beside it. Readable by the owner only. 0, or negative with `err`. */
int image_seed_write(const char *path, const char *meta_data, const char *user_data,
                     struct error *err);
