/* Templates: a tar archive (any filter of libarchive, usually zstd) with `manifest.json` and a
 * disk. Read by libarchive, hashed by secret.h. Knows nothing of where archives come from.
 *
 * manifest.json: {"format":1,"architecture":"x86_64","disk":"disk.qcow2","disk_format":"qcow2"}
 * It may say what the guest needs and has: "machine":{"firmware":"uefi","disk_bus":"scsi",
 * "clock":"local"},"cloud_init":"yes","guest_agent":"no".
 * The manifest is the first or any later entry; entries must be plain files without a slash.
 * A qcow2 disk must stand alone (qcow2.h): one that names another file would read the host's. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "message/model.h"

struct image_facts {
    char digest[limit_digest_size]; /* of the archive file */
    char architecture[16];
    char disk_format[16];           /* "qcow2" or "raw" */
    uint64_t archive_bytes;
    uint64_t disk_bytes;            /* virtual size of the disk */
    struct machine machine;         /* as the manifest says, like what follows */
    enum contained cloud_init, guest_agent;
};

/* What is taken of an archive, as it comes, whatever it declares. */
struct image_bounds {
    uint64_t most_bytes;       /* of the disk's file; 0: those of the largest disk */
    uint64_t reserve_bytes;    /* of the file system, left free in unpacking; 0: the usual */
    const char *digest;        /* that it has to have; NULL: any */
    const atomic_bool *cancel; /* once true, it is given up: -ECANCELED; NULL */
};

/* Checks a whole archive (reads it once, writes nothing). 0, or negative with `err`: what is
 * broken and where. */
int image_archive_check(const char *path, const struct image_bounds *bounds,
                        struct image_facts *out_facts, struct error *err);

/* Unpacks into the new folder `folder` (made under a temporary name beside it and renamed when
 * complete and synced, so it is never half-made): manifest.json, disk.
 * Positive IMAGE_… for what is wrong with the archive, negative for what is wrong here. */
enum image_fault { IMAGE_WRONG_DIGEST = 1, IMAGE_MALFORMED = 2, IMAGE_OVER_LIMIT = 3 };
int image_archive_unpack(const char *path, const struct image_bounds *bounds, const char *folder,
                         struct image_facts *out_facts, struct error *err);

/* The facts of an unpacked folder, without digest and archive_bytes. 0, or negative with `err`. */
int image_folder_facts(const char *folder, struct image_facts *out_facts, struct error *err);

/* Writes a NoCloud seed (an ISO 9660 image with the label CIDATA) to `path`, through a temporary
 * name beside it. Readable by the owner only. 0, or negative with `err`. */
struct image_seed {
    const char *meta_data, *user_data;
    size_t user_data_length; /* it may be any bytes */
    const char *network_config; /* NULL: none */
};
int image_seed_write(const char *path, const struct image_seed *seed, struct error *err);

/* Appends what a file of such a seed holds ("user-data"). 0, or negative with `err`. */
int image_seed_read(const char *path, const char *file, struct text *out, struct error *err);
