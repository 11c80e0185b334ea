/* Each byte that comes out is counted, and no name that is in an archive reaches the file system.
 * An OVA is read twice: first for its descriptor and digests, then for the disk that these name. */
#include "io/image/import/wrap.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/image/import/sparse.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

enum {
    block_bytes = 1 << 16, tar_block = 512, at_tar_magic = 257, most_entries = 16,
    most_text_bytes = 1 << 20, write_bytes = 1 << 20,
};

static const struct {
    const char *magic;
    int code;
} filters[] = {
    {"\x28\xb5\x2f\xfd", ARCHIVE_FILTER_ZSTD}, {"\x1f\x8b", ARCHIVE_FILTER_GZIP},
    {"\xfd" "7zXZ", ARCHIVE_FILTER_XZ}, {"BZh", ARCHIVE_FILTER_BZIP2},
    {"\x04\x22\x4d\x18", ARCHIVE_FILTER_LZ4},
};

struct reader {
    struct archive *archive;
    uint64_t all; /* bytes of the file */
    int fd;
};

static void reader_clean(struct reader *reader) {
    (void)archive_read_free(reader->archive);
    fd_clean(&reader->fd);
}

static int filter_of(const char *head) {
    for (size_t i = 0; i < array_size(filters); i++)
        if (memcmp(head, filters[i].magic, strlen(filters[i].magic)) == 0)
            return filters[i].code;
    return ARCHIVE_FILTER_NONE;
}

static int refuse(struct archive *archive, struct error *err) {
    const char *why = archive_error_string(archive);
    return error_set(err, 1, "it cannot be unpacked: %.200s; send it again, or unpack it first",
                     why ? why : "unknown");
}

/* Its one filter, and then `is_tar` or the bytes as they are. */
static int reader_open(struct reader *reader, const char *path, bool is_tar, struct error *err) {
    char head[8] = "";
    struct stat facts;
    *reader = (struct reader){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (reader->fd < 0 || fstat(reader->fd, &facts) < 0)
        return error_set(err, -errno, "open %s: %s", path, strerror(errno));
    reader->all = (uint64_t)facts.st_size;
    if (pread(reader->fd, head, sizeof(head), 0) < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    reader->archive = archive_read_new();
    int filter = filter_of(head);
    if (is_tar)
        archive_read_support_format_tar(reader->archive);
    else
        archive_read_support_format_raw(reader->archive);
    if ((filter != ARCHIVE_FILTER_NONE &&
         archive_read_append_filter(reader->archive, filter) != ARCHIVE_OK) ||
        archive_read_open_fd(reader->archive, reader->fd, block_bytes) != ARCHIVE_OK)
        return refuse(reader->archive, err);
    return 0;
}

static bool has_tar_sum(const unsigned char *head) {
    unsigned sum = 8 * ' ', said = 0;
    for (size_t i = 0; i < tar_block; i++)
        sum += i >= 148 && i < 156 ? 0 : head[i];
    for (size_t i = 148; i < 156 && (head[i] == ' ' || (head[i] >= '0' && head[i] <= '7')); i++)
        said = head[i] == ' ' ? said : said * 8 + (unsigned)(head[i] - '0');
    return sum == said && said;
}

static bool is_named(const char *name, const char *end) {
    size_t length = strlen(name), of_end = strlen(end);
    return length > of_end && strcasecmp(name + length - of_end, end) == 0;
}

int wrap_find(const char *path, enum wrap *out_wrap, struct error *err) {
    auto_clean(reader_clean) struct reader reader = {.fd = -1};
    unsigned char head[tar_block] = {0};
    char first[8] = "", name[101] = "";
    struct archive_entry *entry;
    *out_wrap = WRAP_NONE;
    int fault = reader_open(&reader, path, false, err);
    if (fault < 0)
        return fault;
    ssize_t length = pread(reader.fd, first, sizeof(first), 0);
    bool is_packed = length > 0 && filter_of(first) != ARCHIVE_FILTER_NONE;
    if (!is_packed)
        length = pread(reader.fd, head, sizeof(head), 0);
    else if (!fault && archive_read_next_header(reader.archive, &entry) == ARCHIVE_OK)
        length = archive_read_data(reader.archive, head, sizeof(head));
    bool is_tar = length == tar_block && has_tar_sum(head);
    if (is_tar)
        memcpy(name, head, sizeof(name) - 1);
    if (is_tar && is_named(name, ".ovf"))
        *out_wrap = WRAP_OVA;
    else if (is_tar)
        *out_wrap = WRAP_ARCHIVE;
    else if (is_packed)
        *out_wrap = WRAP_PACKED;
    return 0;
}

/* --- out of it --- */

struct target {
    int fd;
    const char *path;
    uint64_t bytes;
    struct secret_hash hash;
};

static int put(const struct reader *reader, const struct wrap_work *work, struct target *target,
               struct error *err) {
    const void *bytes;
    size_t length;
    la_int64_t at;
    int outcome;
    while ((outcome = archive_read_data_block(reader->archive, &bytes, &length, &at)) ==
           ARCHIVE_OK) {
        if (at < 0 || (uint64_t)at != target->bytes)
            return error_set(err, 1, "it has holes, or pieces over one another");
        if (length > work->most_bytes - target->bytes)
            return error_set(err, 1, "more than %" PRIu64 " GiB come out of it: so large no disk "
                             "may be", work->most_bytes >> 30);
        const struct sparse_run run = {target->bytes, bytes, length};
        int fault = sparse_write(target->fd, &run, err);
        if (fault)
            return fault;
        secret_hash_add(&target->hash, bytes, length);
        target->bytes += length;
        if (work->on_bytes)
            work->on_bytes(work->context, (uint64_t)archive_filter_bytes(reader->archive, -1),
                           reader->all);
    }
    if (outcome != ARCHIVE_EOF)
        return refuse(reader->archive, err);
    return ftruncate(target->fd, (off_t)target->bytes) < 0
               ? error_set(err, -errno, "write %s: %s", target->path, strerror(errno))
               : 0;
}

struct ova {
    char names[most_entries][ovf_name_size];
    size_t count;
    char disk[ovf_name_size];
    struct text descriptor, digests;
};

static void ova_clean(struct ova *ova) {
    text_deinit(&ova->descriptor);
    text_deinit(&ova->digests);
}

static int take_entry(struct ova *ova, struct archive_entry *entry, struct error *err) {
    const char *name = archive_entry_pathname(entry);
    name = name && text_starts(name, "./") ? name + 2 : name;
    int fault = ovf_name_judge(name ? name : "", err);
    if (fault)
        return fault;
    if (strlen(name) >= ovf_name_size || ova->count == most_entries)
        return error_set(err, 1, "the OVA has more than %d files, or one with a long name",
                         most_entries);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_sparse_count(entry))
        return error_set(err, 1, "the OVA's %.60s is not a plain file", name);
    for (size_t i = 0; i < ova->count; i++)
        if (text_equal(ova->names[i], name))
            return error_set(err, 1, "the OVA has the file %.60s twice", name);
    text_set_sized(ova->names[ova->count++], ovf_name_size, name);
    return 0;
}

static int read_text(struct archive *archive, struct text *out, struct error *err) {
    const void *bytes;
    size_t length;
    la_int64_t at;
    int outcome;
    out->limit = most_text_bytes;
    while ((outcome = archive_read_data_block(archive, &bytes, &length, &at)) == ARCHIVE_OK) {
        text_add_bytes(out, bytes, length);
        if (out->full)
            return error_set(err, 1, "the OVA's descriptor is over 1 MiB");
    }
    return outcome == ARCHIVE_EOF ? 0 : refuse(archive, err);
}

static int read_ova(const char *path, struct ova *ova, struct error *err) {
    auto_clean(reader_clean) struct reader reader = {.fd = -1};
    struct archive_entry *entry;
    int outcome, fault = reader_open(&reader, path, true, err);
    while (!fault &&
           (outcome = archive_read_next_header(reader.archive, &entry)) != ARCHIVE_EOF) {
        fault = outcome == ARCHIVE_OK ? take_entry(ova, entry, err) : refuse(reader.archive, err);
        const char *name = ova->count ? ova->names[ova->count - 1] : "";
        if (!fault && ova->count == 1)
            fault = read_text(reader.archive, &ova->descriptor, err);
        else if (!fault && is_named(name, ".mf"))
            fault = read_text(reader.archive, &ova->digests, err);
    }
    if (!fault)
        fault = ovf_read(text_data(&ova->descriptor), ova->descriptor.length, ova->disk, err);
    for (size_t i = 0; !fault && i < ova->count; i++)
        if (text_equal(ova->names[i], ova->disk))
            return 0;
    return fault ? fault : error_set(err, 1, "the OVA has no file %.60s, which its OVF names as "
                                     "its disk", ova->disk);
}

/* "SHA256(NAME)= DIGEST", a line each; other digests are not asked. */
static int judge_digest(const struct ova *ova, const char *digest, struct error *err) {
    char wanted[ovf_name_size + 16];
    text_format(wanted, sizeof(wanted), "SHA256(%s)=", ova->disk);
    const char *line = strstr(text_data(&ova->digests), wanted);
    if (!line)
        return 0;
    line += strlen(wanted);
    line += strspn(line, " \t");
    return strncasecmp(line, digest, strlen(digest)) == 0
               ? 0
               : error_set(err, 1, "the disk %.60s is not the one that the OVA's digests are of; "
                           "send it again", ova->disk);
}

static int open_ova(const struct wrap_work *work, struct target *target, struct error *err) {
    auto_clean(ova_clean) struct ova ova = {0};
    auto_clean(reader_clean) struct reader reader = {.fd = -1};
    struct archive_entry *entry;
    char digest[limit_digest_size];
    int fault = read_ova(work->from, &ova, err);
    if (!fault)
        fault = reader_open(&reader, work->from, true, err);
    for (size_t i = 0; !fault && i < ova.count; i++) {
        if (archive_read_next_header(reader.archive, &entry) != ARCHIVE_OK)
            return refuse(reader.archive, err);
        if (!text_equal(ova.names[i], ova.disk))
            continue;
        fault = put(&reader, work, target, err);
        secret_hash_end(&target->hash, digest);
        return fault ? fault : judge_digest(&ova, digest, err);
    }
    return fault;
}

static int open_packed(const struct wrap_work *work, struct target *target, struct error *err) {
    auto_clean(reader_clean) struct reader reader = {.fd = -1};
    struct archive_entry *entry;
    int fault = reader_open(&reader, work->from, false, err);
    if (!fault && archive_read_next_header(reader.archive, &entry) != ARCHIVE_OK)
        fault = refuse(reader.archive, err);
    return fault ? fault : put(&reader, work, target, err);
}

int wrap_open(enum wrap wrap, const struct wrap_work *work, struct error *err) {
    const char *to = work->to;
    auto_clean(fd_clean) int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", to, strerror(errno));
    struct target target = {.fd = fd, .path = to};
    secret_hash_begin(&target.hash);
    return wrap == WRAP_OVA ? open_ova(work, &target, err)
                            : open_packed(work, &target, err);
}

/* --- around it --- */

struct writer {
    struct archive *archive;
    int fd, raw;
    struct sparse_map map;
};

static void writer_clean(struct writer *writer) {
    (void)archive_write_free(writer->archive);
    sparse_map_clean(&writer->map);
    fd_clean(&writer->fd);
    fd_clean(&writer->raw);
}

static struct archive_entry *entry_new(const char *name, uint64_t bytes) {
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)bytes);
    return entry;
}

static int add_text(struct writer *writer, const char *name, const char *text) {
    struct archive_entry *entry = entry_new(name, strlen(text));
    int outcome = archive_write_header(writer->archive, entry);
    archive_entry_free(entry);
    if (outcome == ARCHIVE_OK &&
        archive_write_data(writer->archive, text, strlen(text)) != (la_ssize_t)strlen(text))
        outcome = ARCHIVE_FATAL;
    return outcome;
}

/* Holes are given as zeros, which the archive's writer drops by the entry's map. */
static int add_bytes(struct writer *writer, uint64_t from, uint64_t to, char *bytes) {
    static const char zeros[write_bytes];
    for (uint64_t at = from; at < to;) {
        size_t length = to - at < write_bytes ? (size_t)(to - at) : write_bytes;
        const char *piece = zeros;
        if (bytes) {
            ssize_t got = pread(writer->raw, bytes, length, (off_t)at);
            if (got <= 0)
                return ARCHIVE_FATAL;
            length = (size_t)got;
            piece = bytes;
        }
        if (archive_write_data(writer->archive, piece, length) != (la_ssize_t)length)
            return ARCHIVE_FATAL;
        at += length;
    }
    return ARCHIVE_OK;
}

static int add_disk(struct writer *writer, uint64_t disk_bytes, const struct wrap_work *work) {
    struct archive_entry *entry = entry_new("disk", disk_bytes);
    auto_clean(memory_clean) char *bytes = memory_new(1, write_bytes);
    uint64_t at = 0;
    for (size_t i = 0; i < writer->map.count; i++)
        archive_entry_sparse_add_entry(entry, (la_int64_t)writer->map.pieces[i].at,
                                       (la_int64_t)writer->map.pieces[i].length);
    if (!writer->map.count) /* nothing in it, at its end */
        archive_entry_sparse_add_entry(entry, (la_int64_t)disk_bytes, 0);
    int outcome = archive_write_header(writer->archive, entry);
    archive_entry_free(entry);
    for (size_t i = 0; outcome == ARCHIVE_OK && i < writer->map.count; i++) {
        const struct sparse_piece *piece = &writer->map.pieces[i];
        outcome = add_bytes(writer, at, piece->at, NULL);
        if (outcome == ARCHIVE_OK)
            outcome = add_bytes(writer, piece->at, piece->at + piece->length, bytes);
        at = piece->at + piece->length;
        if (work->on_bytes)
            work->on_bytes(work->context, at, disk_bytes);
    }
    return outcome == ARCHIVE_OK ? add_bytes(writer, at, disk_bytes, NULL) : outcome;
}

int wrap_make(const struct wrap_work *work, const char *manifest, struct error *err) {
    const char *raw = work->from, *to = work->to;
    struct stat facts;
    auto_clean(writer_clean) struct writer writer = {
        .fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600),
        .raw = open(raw, O_RDONLY | O_CLOEXEC)};
    if (writer.fd < 0 || writer.raw < 0 || fstat(writer.raw, &facts) < 0)
        return error_set(err, -errno, "make %s of %s: %s", to, raw, strerror(errno));
    int fault = sparse_map_read(&writer.map, writer.raw, (uint64_t)facts.st_size, err);
    if (fault)
        return fault;
    writer.archive = archive_write_new();
    if (archive_write_add_filter_zstd(writer.archive) != ARCHIVE_OK ||
        archive_write_set_format_pax(writer.archive) != ARCHIVE_OK ||
        archive_write_open_fd(writer.archive, writer.fd) != ARCHIVE_OK ||
        add_text(&writer, "manifest.json", manifest) != ARCHIVE_OK ||
        add_disk(&writer, (uint64_t)facts.st_size, work) != ARCHIVE_OK ||
        archive_write_close(writer.archive) != ARCHIVE_OK) {
        const char *why = archive_error_string(writer.archive);
        return error_set(err, -EIO, "make the archive %s: %s", to, why ? why : "unknown");
    }
    return 0;
}
