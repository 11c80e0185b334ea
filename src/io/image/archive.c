/* What an archive must be: few plain entries, a manifest, one disk that stands alone (qcow2.c).
 * It is unpacked under names of our own, sparse, into a folder that appears when it is whole. */
#include "io/image/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/image/qcow2.h"
#include "io/keys/secret.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "message/codec.h"

enum {
    most_entries = 16,
    most_manifest_bytes = 65536, /* and of a file of a seed */
    source_bytes = 1 << 18,
    hole_bytes = 1 << 16,  /* zeros of this size and alignment are left as holes */
    slack_bytes = 1 << 24, /* beside the disk: headers, a manifest, a text to read */
};
static const uint64_t gib = UINT64_C(1) << 30;

/* --- manifest --- */

struct manifest {
    uint32_t format;
    char architecture[16];
    char disk[128];
    enum { DISK_QCOW2, DISK_RAW } disk_format;
    struct machine machine;
    enum contained cloud_init, guest_agent;
};

static const char *const disk_formats[] = {"qcow2", "raw"};
static const struct field manifest_fields[] = {
    {field_of(struct manifest, format), .about = "Version of the manifest.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1, .most = 1},
    {field_of(struct manifest, architecture), .about = "Processor architecture of the guest.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct manifest, disk), .about = "Name of the disk's entry.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
    {field_of(struct manifest, disk_format), .about = "Format of the disk.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(disk_formats)},
    {field_of(struct manifest, machine), .about = "What the guest needs of its machine.",
     .kind = FIELD_RECORD, .table = &machine_table},
    {field_of(struct manifest, cloud_init), .about = "Whether cloud-init is in it.",
     .kind = FIELD_ENUM, field_names(contained_names)},
    {field_of(struct manifest, guest_agent), .about = "Whether QEMU's guest agent is in it.",
     .kind = FIELD_ENUM, field_names(contained_names)},
};
static const struct table manifest_table = {"manifest", "What an image's archive holds.",
                                            sizeof(struct manifest), field_rows(manifest_fields)};

static int manifest_read(const char *json, size_t length, struct manifest *out_manifest,
                         struct error *err) {
    struct codec_fault fault = {0};
    if (codec_decode(&manifest_table,
                     &(struct codec_input){json, length, FIELD_WIRE,
                                           CODEC_IGNORE_UNKNOWN},
                     out_manifest, &fault))
        return error_set(err, IMAGE_MALFORMED, "manifest.json: %s%s%s", fault.field,
                         fault.field[0] ? ": " : "", fault.text);
    const char *name = out_manifest->architecture; /* as libvirt's are: it goes there */
    if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return error_set(err, IMAGE_MALFORMED, "manifest.json: architecture: must be of a-z, 0-9 "
                         "and '_', like x86_64");
    return 0;
}

/* --- disk --- */

/* Checks the disk against the manifest and fills the facts that both tell. */
static int disk_judge(const struct manifest *manifest, const struct qcow2 *disk,
                      struct image_facts *facts, struct error *err) {
    bool is_raw = manifest->disk_format == DISK_RAW;
    uint64_t bytes = is_raw ? disk->file_bytes : disk->disk_bytes;
    if (is_raw && disk->is_so_called)
        return error_set(err, IMAGE_MALFORMED, "the disk is qcow2; the manifest says raw");
    if (!is_raw && disk->fault.code) {
        if (err)
            *err = disk->fault;
        return IMAGE_MALFORMED;
    }
    if (bytes == 0 || bytes > limit_disk_gib * gib)
        return error_set(err, IMAGE_MALFORMED, "the disk's size of %" PRIu64 " bytes cannot be",
                         bytes);
    facts->disk_bytes = bytes;
    text_set(facts->architecture, manifest->architecture);
    text_set(facts->disk_format, disk_formats[manifest->disk_format]);
    facts->machine = manifest->machine;
    facts->cloud_init = manifest->cloud_init;
    facts->guest_agent = manifest->guest_agent;
    return 0;
}

/* --- reading an archive, hashing it on the way, and counting what comes out of it --- */

/* The file, out of one filter (a second would expand what the first has expanded, uncounted), as a
 * tar archive. */
struct source {
    const char *path;
    const struct image_bounds *bounds;
    struct archive *packed, *tar;
    int fd;
    int failed;          /* errno of a failed read */
    bool is_over;        /* more comes out than may */
    uint64_t bytes;      /* of the file */
    uint64_t most_bytes; /* that may come out: disk, metadata of qcow2, what is beside it */
    uint64_t unpacked;
    struct secret_hash hash;
    char piece[source_bytes];
};

static ssize_t source_next(struct source *source) {
    const atomic_bool *cancel = source->bounds->cancel;
    ssize_t length;
    do
        length = read(source->fd, source->piece, sizeof(source->piece));
    while (length < 0 && errno == EINTR);
    if (length < 0 || (cancel && atomic_load(cancel))) {
        source->failed = length < 0 ? errno : ECANCELED;
        return -1;
    }
    source->bytes += (uint64_t)length;
    secret_hash_add(&source->hash, source->piece, (size_t)length);
    return length;
}

static ssize_t on_read(struct archive *archive, void *context, const void **out_piece) {
    struct source *source = context;
    ssize_t length = source_next(source);
    if (length < 0)
        archive_set_error(archive, source->failed, "%s", strerror(source->failed));
    *out_piece = source->piece;
    return length;
}

static ssize_t on_unpacked(struct archive *archive, void *context, const void **out_piece) {
    struct source *source = context;
    const atomic_bool *cancel = source->bounds->cancel;
    size_t length = 0;
    la_int64_t at;
    int outcome = archive_read_data_block(source->packed, out_piece, &length, &at);
    if (outcome == ARCHIVE_EOF)
        return 0;
    source->unpacked += length;
    source->is_over = source->unpacked > source->most_bytes;
    if (cancel && atomic_load(cancel))
        source->failed = ECANCELED;
    if (outcome == ARCHIVE_OK && !source->is_over && !source->failed)
        return (ssize_t)length;
    const char *why = outcome == ARCHIVE_OK ? NULL : archive_error_string(source->packed);
    archive_set_error(archive, EIO, "%s", why ? why : "given up");
    return -1;
}

static void archive_clean(struct archive **slot) { (void)archive_free(*slot); }

static void source_free(struct source **slot) {
    if (*slot) {
        archive_clean(&(*slot)->tar);
        archive_clean(&(*slot)->packed);
        fd_clean(&(*slot)->fd);
    }
    memory_free(*slot);
}

static uint64_t most_disk_bytes(const struct image_bounds *bounds) {
    return bounds->most_bytes ? bounds->most_bytes : limit_disk_gib * gib;
}

static struct source *source_open(const char *path, const struct image_bounds *bounds,
                                  struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, -errno, "open the archive %s: %s", path, strerror(errno));
        return NULL;
    }
    struct source *source = memory_new(1, sizeof(*source));
    uint64_t most = most_disk_bytes(bounds);
    source->path = path;
    source->bounds = bounds;
    source->most_bytes = most + most / 16 + slack_bytes;
    source->fd = fd;
    secret_hash_begin(&source->hash);
    return source;
}

struct entry {
    char name[128];
    uint64_t end; /* of what has come */
    struct qcow2 disk;
};

/* What an archive holds. Entries are unpacked under their number: no name from the archive ever
 * reaches the file system. */
struct contents {
    struct entry entries[most_entries];
    size_t count;
    size_t disk; /* which entry is the disk, once judged */
    struct text manifest;
    const struct image_bounds *bounds;
    const char *folder; /* where to unpack, NULL: nowhere */
    struct disk_guard guard;
};

/* A piece of an entry, without the holes around it. */
struct block {
    const void *bytes;
    size_t length;
    la_int64_t at;
};

static void contents_clean(struct contents *contents) {
    text_deinit(&contents->manifest);
    for (size_t i = 0; i < contents->count; i++)
        qcow2_deinit(&contents->entries[i].disk);
}

/* A limit that somebody set is no fault of the archive's. */
static int fault_over(const struct image_bounds *bounds) {
    return bounds->most_bytes ? IMAGE_OVER_LIMIT : IMAGE_MALFORMED;
}

static int entry_malformed(const struct source *source, struct error *err) {
    if (source->failed)
        return error_set(err, -source->failed, "read the archive %s: %s", source->path,
                         strerror(source->failed));
    if (source->is_over)
        return error_set(err, fault_over(source->bounds), "more than %" PRIu64 " MiB come out of "
                         "it; %" PRIu64 " GiB of disk may", source->most_bytes >> 20,
                         most_disk_bytes(source->bounds) / gib);
    const char *why = archive_error_string(source->tar ? source->tar : source->packed);
    return error_set(err, IMAGE_MALFORMED, "not a whole tar archive, compressed once at the most: "
                     "%s", why ? why : "unknown");
}

/* The name of an entry; "./", as tar writes it of what is in a folder, is not part of it. */
static const char *entry_name(struct archive_entry *header) {
    const char *name = archive_entry_pathname(header);
    return name && text_starts(name, "./") ? name + 2 : name;
}

static int entry_check(const struct contents *contents, struct archive_entry *header,
                       struct error *err) {
    const char *name = entry_name(header);
    if (contents->count == most_entries)
        return error_set(err, IMAGE_MALFORMED, "more than %d entries", most_entries);
    if (!name || !name[0] || name[0] == '.' || strchr(name, '/') ||
        strlen(name) >= sizeof(contents->entries[0].name))
        return error_set(err, IMAGE_MALFORMED,
                         "entry %.60s: a name must be plain, without a slash or a leading dot",
                         name ? name : "(none)");
    if (archive_entry_filetype(header) != AE_IFREG || archive_entry_hardlink(header))
        return error_set(err, IMAGE_MALFORMED, "entry %.60s is not a plain file", name);
    for (size_t i = 0; i < contents->count; i++)
        if (text_equal(contents->entries[i].name, name))
            return error_set(err, IMAGE_MALFORMED, "entry %.60s comes twice", name);
    bool is_manifest = text_equal(name, "manifest.json");
    if (is_manifest && archive_entry_sparse_count(header))
        return error_set(err, IMAGE_MALFORMED, "entry %.60s has holes", name);
    int64_t bytes = archive_entry_size(header);
    uint64_t most = is_manifest ? most_manifest_bytes : most_disk_bytes(contents->bounds);
    uint64_t more = is_manifest ? 0 : most / 16 + slack_bytes;
    if (bytes < 0 || (uint64_t)bytes > most + more)
        return error_set(err, is_manifest ? IMAGE_MALFORMED : fault_over(contents->bounds),
                         "entry %.60s is larger than %" PRIu64 " bytes", name, most);
    return 0;
}

/* Writes a block, leaving out runs of zeros: what is never written reads as zeros. */
static int write_sparse(struct disk_guard *guard, const struct block *block, struct error *err) {
    static const char zeros[hole_bytes];
    const char *bytes = block->bytes;
    size_t length = block->length;
    off_t at = block->at;
    while (length > 0) {
        size_t piece = hole_bytes - (size_t)(at % hole_bytes);
        piece = piece < length ? piece : length;
        if (memcmp(bytes, zeros, piece) != 0) {
            if (disk_guard_take(guard, piece, err))
                return error_wrap(err, "unpack the archive");
            ssize_t written = pwrite(guard->fd, bytes, piece, at);
            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                return error_set(err, written ? -errno : -ENOSPC, "unpack the archive: %s",
                                 strerror(written ? errno : ENOSPC));
            piece = (size_t)written;
        }
        bytes += piece;
        at += (off_t)piece;
        length -= piece;
    }
    return 0;
}

/* Counts what comes rather than what was declared. */
static int add_block(struct contents *contents, struct entry *entry, const struct block *block,
                     struct error *err) {
    uint64_t at = (uint64_t)block->at, all = entry->disk.file_bytes;
    if (block->at < 0 || at < entry->end || at > all || block->length > all - at)
        return error_set(err, IMAGE_MALFORMED, "entry %.60s has pieces outside of itself, or over "
                         "one another", entry->name);
    entry->end = at + block->length;
    if (text_equal(entry->name, "manifest.json"))
        text_add_bytes(&contents->manifest, block->bytes, block->length);
    qcow2_add(&entry->disk, at, block->bytes, block->length);
    return contents->folder ? write_sparse(&contents->guard, block, err) : 0;
}

static int read_entry(struct source *source, struct contents *contents,
                      struct archive_entry *header, struct error *err) {
    int fault = entry_check(contents, header, err);
    if (fault)
        return fault;
    size_t number = contents->count++;
    struct entry *entry = &contents->entries[number];
    text_set(entry->name, entry_name(header));
    qcow2_init(&entry->disk, (uint64_t)archive_entry_size(header));

    auto_clean(fd_clean) int fd = -1;
    if (contents->folder) {
        char path[4096];
        text_format(path, sizeof(path), "%s/%zu", contents->folder, number);
        fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (fd < 0 || ftruncate(fd, (off_t)entry->disk.file_bytes) < 0)
            return error_set(err, -errno, "make %s: %s", path, strerror(errno));
        contents->guard = (struct disk_guard){.fd = fd,
                                              .reserve_bytes = contents->bounds->reserve_bytes};
    }
    for (;;) {
        struct block block;
        int outcome = archive_read_data_block(source->tar, &block.bytes, &block.length, &block.at);
        if (outcome == ARCHIVE_EOF)
            break;
        if (outcome != ARCHIVE_OK)
            return entry_malformed(source, err);
        fault = add_block(contents, entry, &block, err);
        if (fault)
            return fault;
    }
    if (fd >= 0 && fsync(fd) < 0)
        return error_set(err, -errno, "sync the unpacked %s: %s", entry->name, strerror(errno));
    return 0;
}

/* The filters that libarchive has within itself, by what their output begins with. */
static const struct filter {
    const char *magic;
    int code;
} filters[] = {
    {"\x28\xb5\x2f\xfd", ARCHIVE_FILTER_ZSTD}, {"\x1f\x8b", ARCHIVE_FILTER_GZIP},
    {"\xfd" "7zXZ", ARCHIVE_FILTER_XZ}, {"\x04\x22\x4d\x18", ARCHIVE_FILTER_LZ4},
    {"BZh", ARCHIVE_FILTER_BZIP2},
};

static int open_packed(struct source *source, const char *head, struct error *err) {
    struct archive_entry *header;
    source->packed = archive_read_new();
    archive_read_support_format_raw(source->packed);
    for (size_t i = 0; i < array_size(filters); i++)
        if (memcmp(head, filters[i].magic, strlen(filters[i].magic)) == 0 &&
            archive_read_append_filter(source->packed, filters[i].code) != ARCHIVE_OK)
            return entry_malformed(source, err);
    if (archive_read_open(source->packed, source, NULL, on_read, NULL) != ARCHIVE_OK ||
        archive_read_next_header(source->packed, &header) != ARCHIVE_OK)
        return entry_malformed(source, err);
    source->tar = archive_read_new();
    archive_read_support_format_tar(source->tar);
    if (archive_read_open(source->tar, source, NULL, on_unpacked, NULL) != ARCHIVE_OK)
        return entry_malformed(source, err);
    return 0;
}

static int read_entries(struct source *source, struct contents *contents, struct error *err) {
    char head[8] = "";
    ssize_t length = pread(source->fd, head, sizeof(head), 0);
    if (length > 0 && qcow2_is_so_called(head, (size_t)length))
        return error_set(err, IMAGE_MALFORMED, "it is a qcow2 disk alone; put that and its "
                         "manifest.json into a tar archive");
    int fault = open_packed(source, head, err);
    if (fault)
        return fault;
    for (;;) {
        struct archive_entry *header;
        int outcome = archive_read_next_header(source->tar, &header);
        if (outcome == ARCHIVE_EOF)
            return 0;
        if (outcome != ARCHIVE_OK)
            return entry_malformed(source, err);
        const char *name = archive_entry_pathname(header);
        if (name && (text_equal(name, "./") || text_equal(name, ".")) &&
            archive_entry_filetype(header) == AE_IFDIR)
            continue; /* the folder that was packed */
        fault = read_entry(source, contents, header, err);
        if (fault)
            return fault;
    }
}

/* Reads manifest and disk out of the contents. */
static int contents_judge(struct contents *contents, struct image_facts *facts,
                          struct error *err) {
    struct manifest manifest;
    if (contents->manifest.length == 0)
        return error_set(err, IMAGE_MALFORMED, "there is no manifest.json in it");
    int fault = manifest_read(contents->manifest.data, contents->manifest.length, &manifest, err);
    if (fault)
        return fault;
    for (size_t i = 0; i < contents->count; i++)
        if (text_equal(contents->entries[i].name, manifest.disk)) {
            contents->disk = i;
            qcow2_end(&contents->entries[i].disk);
            return disk_judge(&manifest, &contents->entries[i].disk, facts, err);
        }
    return error_set(err, IMAGE_MALFORMED, "the manifest's disk %.60s is not in it", manifest.disk);
}

/* Reads, hashes and judges a whole archive. Of a file that is both broken and not the wanted one,
 * the digest is what is told: it explains the rest. */
static int archive_walk(const char *path, struct contents *contents, struct image_facts *facts,
                        struct error *err) {
    *facts = (struct image_facts){0};
    auto_clean(source_free) struct source *source = source_open(path, contents->bounds, err);
    if (!source)
        return err ? err->code : -EIO;
    int fault = read_entries(source, contents, err);
    if (fault >= 0) {
        ssize_t length;
        while ((length = source_next(source)) > 0)
            ;
        if (length < 0)
            return error_set(err, -source->failed, "read the archive %s: %s", path,
                             strerror(source->failed));
        secret_hash_end(&source->hash, facts->digest);
        facts->archive_bytes = source->bytes;
        const char *digest = contents->bounds->digest;
        if (digest && !text_equal(digest, facts->digest))
            return error_set(err, IMAGE_WRONG_DIGEST,
                             "the archive %s has digest %s, not %s; fetch it again", path,
                             facts->digest, digest);
    }
    if (!fault)
        fault = contents_judge(contents, facts, err);
    if (fault > 0)
        (void)error_wrap(err, "the archive %s is broken", path);
    return fault;
}

int image_archive_check(const char *path, const struct image_bounds *bounds,
                        struct image_facts *out_facts, struct error *err) {
    auto_clean(contents_clean) struct contents contents = {.bounds = bounds};
    int fault = archive_walk(path, &contents, out_facts, err);
    if (fault <= 0)
        return fault;
    if (err)
        err->code = -EINVAL;
    return -EINVAL;
}

/* Gives the unpacked files their names and drops the entries that nobody reads. */
static int settle(const struct contents *contents, struct error *err) {
    for (size_t i = 0; i < contents->count; i++) {
        char from[4096], to[4096];
        bool manifest = text_equal(contents->entries[i].name, "manifest.json");
        text_format(from, sizeof(from), "%s/%zu", contents->folder, i);
        text_format(to, sizeof(to), "%s/%s", contents->folder, manifest ? "manifest.json" : "disk");
        bool wanted = manifest || i == contents->disk;
        if ((wanted ? rename(from, to) : unlink(from)) < 0)
            return error_set(err, -errno, "unpack %s: %s", to, strerror(errno));
    }
    return 0;
}

int image_archive_unpack(const char *path, const struct image_bounds *bounds, const char *folder,
                         struct image_facts *out_facts, struct error *err) {
    char unfinished[4096];
    text_format(unfinished, sizeof(unfinished), "%s.new", folder);
    int fault = folder_remove(unfinished, err); /* of a run that was killed */
    if (!fault)
        fault = folder_make(unfinished, 0755, err);
    if (fault)
        return fault;
    auto_clean(contents_clean) struct contents contents = {.bounds = bounds,
                                                           .folder = unfinished};
    fault = archive_walk(path, &contents, out_facts, err);
    if (!fault)
        fault = settle(&contents, err);
    if (!fault)
        fault = folder_commit(unfinished, folder, err);
    if (fault)
        (void)folder_remove(unfinished, NULL);
    return fault;
}

int image_folder_facts(const char *folder, struct image_facts *out_facts, struct error *err) {
    *out_facts = (struct image_facts){0};
    char path[4096], json[4096];
    text_format(path, sizeof(path), "%s/manifest.json", folder);
    auto_clean(fd_clean) int manifest_fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = manifest_fd < 0 ? -1 : read(manifest_fd, json, sizeof(json));
    if (length < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    struct manifest manifest;
    int fault = manifest_read(json, (size_t)length, &manifest, err);

    struct stat status;
    unsigned char head[qcow2_head_bytes];
    text_format(path, sizeof(path), "%s/disk", folder);
    auto_clean(fd_clean) int disk_fd = open(path, O_RDONLY | O_CLOEXEC);
    length = disk_fd < 0 ? -1 : read(disk_fd, head, sizeof(head));
    if (length < 0 || fstat(disk_fd, &status) < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    auto_clean(qcow2_deinit) struct qcow2 disk;
    qcow2_init(&disk, (uint64_t)status.st_size);
    qcow2_add(&disk, 0, head, (size_t)length);
    qcow2_end_head(&disk);
    if (!fault)
        fault = disk_judge(&manifest, &disk, out_facts, err);
    return fault ? error_set(err, -EINVAL, "the unpacked image %s is broken; remove it", folder)
                 : 0;
}

/* --- seed --- */

static int seed_add(struct archive *archive, const char *name, const char *data, size_t length) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)length);
    int outcome = archive_write_header(archive, entry);
    archive_entry_free(entry);
    if (outcome == ARCHIVE_OK && archive_write_data(archive, data, length) < 0)
        outcome = ARCHIVE_FATAL;
    return outcome;
}

/* The first that cannot be added ends it. */
static int seed_add_all(struct archive *archive, const struct image_seed *seed) {
    int outcome = seed_add(archive, "meta-data", seed->meta_data, strlen(seed->meta_data));
    if (outcome == ARCHIVE_OK)
        outcome = seed_add(archive, "user-data", seed->user_data, seed->user_data_length);
    if (outcome == ARCHIVE_OK && seed->network_config)
        outcome = seed_add(archive, "network-config", seed->network_config,
                           strlen(seed->network_config));
    return outcome;
}

int image_seed_write(const char *path, const struct image_seed *seed, struct error *err) {
    char unfinished[4096];
    text_format(unfinished, sizeof(unfinished), "%s.new", path);
    auto_clean(fd_clean) int fd =
        open(unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", unfinished, strerror(errno));
    auto_clean(archive_clean) struct archive *archive = archive_write_new();
    if (archive_write_set_format_iso9660(archive) != ARCHIVE_OK ||
        archive_write_set_options(archive, "volume-id=CIDATA,joliet=1,rockridge=1") != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK ||
        seed_add_all(archive, seed) != ARCHIVE_OK || archive_write_close(archive) != ARCHIVE_OK)
        return error_set(err, -EIO, "write the seed %s: %s", path, archive_error_string(archive));
    return folder_commit(unfinished, path, err);
}

int image_seed_read(const char *path, const char *file, struct text *out, struct error *err) {
    char piece[4096];
    struct archive_entry *header;
    auto_clean(archive_clean) struct archive *archive = archive_read_new();
    bool is_open = archive_read_support_format_iso9660(archive) == ARCHIVE_OK &&
                   archive_read_open_filename(archive, path, sizeof(piece)) == ARCHIVE_OK;
    while (is_open && archive_read_next_header(archive, &header) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(header);
        la_ssize_t length = 0;
        if (!name || !text_equal(name, file))
            continue;
        while (out->length <= most_manifest_bytes &&
               (length = archive_read_data(archive, piece, sizeof(piece))) > 0)
            text_add_bytes(out, piece, (size_t)length);
        if (length == 0 && out->length <= most_manifest_bytes)
            return 0;
        break;
    }
    const char *why = archive_error_string(archive);
    return error_set(err, -EIO, "read %s of the seed %s: %s", file, path,
                     why ? why : "it has none, or too much of it");
}
