/* What an archive must be: few plain entries, a manifest, one disk that refers to no other file.
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
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "message/codec.h"

enum {
    most_entries = 16,
    most_manifest_bytes = 65536,
    source_bytes = 1 << 18,
    hole_bytes = 1 << 16, /* zeros of this size and alignment are left as holes */
    head_bytes = 104,     /* the fixed header of a qcow2 disk */
};
static const uint64_t gib = UINT64_C(1) << 30;

/* --- manifest --- */

struct manifest {
    uint32_t format;
    char architecture[16];
    char disk[128];
    enum { DISK_QCOW2, DISK_RAW } disk_format;
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

struct disk {
    uint64_t file_bytes;
    size_t head_length;
    unsigned char head[head_bytes];
};

static uint64_t big_endian(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The virtual size, from QEMU's docs/interop/qcow2.txt: magic 0, version 4, backing file 8, size
 * 24, incompatible features 72 (bit 2: external data file; from version 3 on). */
static int qcow2_bytes(const struct disk *disk, uint64_t *out_bytes, struct error *err) {
    const unsigned char *head = disk->head;
    if (disk->head_length < 72 || memcmp(head, "QFI\xfb", 4) != 0)
        return error_set(err, IMAGE_MALFORMED, "the disk is not qcow2, as the manifest says");
    uint64_t version = big_endian(head + 4, 4);
    if (version < 2 || version > 3 || (version == 3 && disk->head_length < head_bytes))
        return error_set(err, IMAGE_MALFORMED, "the disk's qcow2 version is not 2 or 3");
    bool data_file = version == 3 && (big_endian(head + 72, 8) & 4) != 0;
    if (big_endian(head + 8, 8) != 0 || data_file)
        return error_set(err, IMAGE_MALFORMED,
                         "the disk refers to another file; flatten it with qemu-img convert");
    *out_bytes = big_endian(head + 24, 8);
    return 0;
}

/* Checks the disk against the manifest and fills the facts that both tell. */
static int disk_judge(const struct manifest *manifest, const struct disk *disk,
                      struct image_facts *facts, struct error *err) {
    uint64_t bytes = disk->file_bytes;
    int fault = manifest->disk_format == DISK_QCOW2 ? qcow2_bytes(disk, &bytes, err) : 0;
    if (fault)
        return fault;
    if (bytes == 0 || bytes > limit_disk_gib * gib)
        return error_set(err, IMAGE_MALFORMED, "the disk's size of %" PRIu64 " bytes cannot be",
                         bytes);
    facts->disk_bytes = bytes;
    text_set(facts->architecture, manifest->architecture);
    text_set(facts->disk_format, disk_formats[manifest->disk_format]);
    return 0;
}

/* --- reading an archive, and hashing it on the way --- */

struct source {
    const char *path;
    struct archive *archive;
    int fd;
    int failed; /* errno of a failed read */
    uint64_t bytes;
    struct secret_hash hash;
    char piece[source_bytes];
};

static ssize_t source_next(struct source *source) {
    ssize_t length;
    do
        length = read(source->fd, source->piece, sizeof(source->piece));
    while (length < 0 && errno == EINTR);
    if (length < 0) {
        source->failed = errno;
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

static void archive_clean(struct archive **slot) { (void)archive_free(*slot); }

static void source_free(struct source **slot) {
    if (*slot) {
        archive_clean(&(*slot)->archive);
        fd_clean(&(*slot)->fd);
    }
    memory_free(*slot);
}

static struct source *source_open(const char *path, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, -errno, "open the archive %s: %s", path, strerror(errno));
        return NULL;
    }
    struct source *source = memory_new(1, sizeof(*source));
    source->path = path;
    source->fd = fd;
    secret_hash_begin(&source->hash);
    return source;
}

struct entry {
    char name[128];
    struct disk disk;
};

/* What an archive holds. Entries are unpacked under their number: no name from the archive ever
 * reaches the file system. */
struct contents {
    struct entry entries[most_entries];
    size_t count;
    size_t disk; /* which entry is the disk, once judged */
    struct text manifest;
    const char *digest; /* of the archive that is wanted, NULL: any */
    const char *folder; /* where to unpack, NULL: nowhere */
};

/* A piece of an entry, without the holes around it. */
struct block {
    const void *bytes;
    size_t length;
    la_int64_t at;
};

static void contents_clean(struct contents *contents) { text_deinit(&contents->manifest); }

static int entry_malformed(const struct source *source, struct error *err) {
    if (source->failed)
        return error_set(err, -source->failed, "read the archive %s: %s", source->path,
                         strerror(source->failed));
    const char *why = archive_error_string(source->archive);
    return error_set(err, IMAGE_MALFORMED, "not a whole tar archive: %s", why ? why : "unknown");
}

static int entry_check(const struct contents *contents, struct archive_entry *header,
                       struct error *err) {
    const char *name = archive_entry_pathname(header);
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
    int64_t bytes = archive_entry_size(header);
    uint64_t most = text_equal(name, "manifest.json") ? most_manifest_bytes : limit_disk_gib * gib;
    if (bytes < 0 || (uint64_t)bytes > most)
        return error_set(err, IMAGE_MALFORMED, "entry %.60s is larger than %" PRIu64 " bytes", name,
                         most);
    return 0;
}

/* Writes a block, leaving out runs of zeros: what is never written reads as zeros. */
static int write_sparse(int fd, const struct block *block, struct error *err) {
    static const char zeros[hole_bytes];
    const char *bytes = block->bytes;
    size_t length = block->length;
    off_t at = block->at;
    while (length > 0) {
        size_t piece = hole_bytes - (size_t)(at % hole_bytes);
        piece = piece < length ? piece : length;
        if (memcmp(bytes, zeros, piece) != 0) {
            ssize_t written = pwrite(fd, bytes, piece, at);
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

static void remember(struct contents *contents, struct entry *entry, const struct block *block) {
    if (text_equal(entry->name, "manifest.json"))
        text_add_bytes(&contents->manifest, block->bytes, block->length);
    struct disk *disk = &entry->disk;
    if ((uint64_t)block->at != disk->head_length || disk->head_length == head_bytes)
        return;
    size_t more = head_bytes - disk->head_length;
    more = more < block->length ? more : block->length;
    memcpy(disk->head + disk->head_length, block->bytes, more);
    disk->head_length += more;
}

static int read_entry(struct source *source, struct contents *contents,
                      struct archive_entry *header, struct error *err) {
    int fault = entry_check(contents, header, err);
    if (fault)
        return fault;
    size_t number = contents->count++;
    struct entry *entry = &contents->entries[number];
    text_set(entry->name, archive_entry_pathname(header));
    entry->disk.file_bytes = (uint64_t)archive_entry_size(header);

    auto_clean(fd_clean) int fd = -1;
    if (contents->folder) {
        char path[4096];
        text_format(path, sizeof(path), "%s/%zu", contents->folder, number);
        fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        if (fd < 0 || ftruncate(fd, (off_t)entry->disk.file_bytes) < 0)
            return error_set(err, -errno, "make %s: %s", path, strerror(errno));
    }
    for (;;) {
        struct block block;
        int outcome =
            archive_read_data_block(source->archive, &block.bytes, &block.length, &block.at);
        if (outcome == ARCHIVE_EOF)
            break;
        if (outcome != ARCHIVE_OK)
            return entry_malformed(source, err);
        remember(contents, entry, &block);
        fault = fd < 0 ? 0 : write_sparse(fd, &block, err);
        if (fault)
            return fault;
    }
    if (fd >= 0 && fsync(fd) < 0)
        return error_set(err, -errno, "sync the unpacked %s: %s", entry->name, strerror(errno));
    return 0;
}

static int read_entries(struct source *source, struct contents *contents, struct error *err) {
    struct archive *archive = source->archive = archive_read_new();
    /* those that libarchive decodes by itself; support_filter_all would run foreign programs */
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_format_tar(archive);
    if (archive_read_open(archive, source, NULL, on_read, NULL) != ARCHIVE_OK)
        return entry_malformed(source, err);
    for (;;) {
        struct archive_entry *header;
        int outcome = archive_read_next_header(archive, &header);
        if (outcome == ARCHIVE_EOF)
            return 0;
        if (outcome != ARCHIVE_OK)
            return entry_malformed(source, err);
        int fault = read_entry(source, contents, header, err);
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
            return disk_judge(&manifest, &contents->entries[i].disk, facts, err);
        }
    return error_set(err, IMAGE_MALFORMED, "the manifest's disk %.60s is not in it", manifest.disk);
}

/* Reads, hashes and judges a whole archive. Of a file that is both broken and not the wanted one,
 * the digest is what is told: it explains the rest. */
static int archive_walk(const char *path, struct contents *contents, struct image_facts *facts,
                        struct error *err) {
    *facts = (struct image_facts){0};
    auto_clean(source_free) struct source *source = source_open(path, err);
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
        if (contents->digest && !text_equal(contents->digest, facts->digest))
            return error_set(err, IMAGE_WRONG_DIGEST,
                             "the archive %s has digest %s, not %s; fetch it again", path,
                             facts->digest, contents->digest);
    }
    if (!fault)
        fault = contents_judge(contents, facts, err);
    if (fault > 0)
        (void)error_wrap(err, "the archive %s is broken", path);
    return fault;
}

int image_archive_check(const char *path, struct image_facts *out_facts, struct error *err) {
    auto_clean(contents_clean) struct contents contents = {0};
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

int image_archive_unpack(const char *path, const char *digest, const char *folder,
                         struct image_facts *out_facts, struct error *err) {
    char unfinished[4096];
    text_format(unfinished, sizeof(unfinished), "%s.new", folder);
    int fault = folder_remove(unfinished, err); /* of a run that was killed */
    if (!fault)
        fault = folder_make(unfinished, 0755, err);
    if (fault)
        return fault;
    auto_clean(contents_clean) struct contents contents = {.digest = digest,
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
    struct disk disk = {0};
    text_format(path, sizeof(path), "%s/disk", folder);
    auto_clean(fd_clean) int disk_fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t head = disk_fd < 0 ? -1 : read(disk_fd, disk.head, sizeof(disk.head));
    if (head < 0 || fstat(disk_fd, &status) < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    disk.head_length = (size_t)head;
    disk.file_bytes = (uint64_t)status.st_size;
    if (!fault)
        fault = disk_judge(&manifest, &disk, out_facts, err);
    return fault ? error_set(err, -EINVAL, "the unpacked image %s is broken; remove it", folder)
                 : 0;
}

/* --- seed --- */

static int seed_add(struct archive *archive, const char *name, const char *data) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)strlen(data));
    int outcome = archive_write_header(archive, entry);
    archive_entry_free(entry);
    if (outcome == ARCHIVE_OK && archive_write_data(archive, data, strlen(data)) < 0)
        outcome = ARCHIVE_FATAL;
    return outcome;
}

int image_seed_write(const char *path, const char *meta_data, const char *user_data,
                     struct error *err) {
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
        seed_add(archive, "meta-data", meta_data) != ARCHIVE_OK ||
        seed_add(archive, "user-data", user_data) != ARCHIVE_OK ||
        archive_write_close(archive) != ARCHIVE_OK)
        return error_set(err, -EIO, "write the seed %s: %s", path, archive_error_string(archive));
    return folder_commit(unfinished, path, err);
}
