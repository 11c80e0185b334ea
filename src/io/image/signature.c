/* Which signatures are kept of an archive (one for each name that it was imported under, the newest
 * first), and which of them count at a cluster. */
#include "io/image/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"
#include "message/limits.h"

enum {
    most_signatures = 16, /* of one archive */
    lines_of_one = 4,
    most_seen = 4096,     /* names; the oldest ones are forgotten */
    most_bytes = 1 << 20,
};

static int read_text(const char *path, struct text *out, struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char piece[4096];
    ssize_t length = -1;
    out->limit = most_bytes;
    while (fd >= 0 && (length = read(fd, piece, sizeof(piece))) > 0)
        text_add_bytes(out, piece, (size_t)length);
    if (length == 0 && !out->full)
        return 0;
    return error_set(err, length < 0 ? -errno : -EFBIG, "read %s: %s", path,
                     length < 0 ? strerror(errno) : "it is too long");
}

static int write_text(const char *path, const struct text *content, struct error *err) {
    auto_clean(text_deinit) struct text fresh = {0};
    text_addf(&fresh, "%s.new", path);
    const char *name = text_data(&fresh);
    auto_clean(fd_clean) int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", name, strerror(errno));
    int fault = file_write(fd, text_data(content), content->length, name, err);
    return fault ? fault : folder_commit(name, path, err);
}

static struct text file_of(const char *archive) {
    struct text path = {0};
    text_addf(&path, "%s.minisig", archive);
    return path;
}

/* Behind so many lines. */
static const char *skip_lines(const char *text, unsigned lines) {
    while (lines-- && *text) {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return text;
}

/* The time of the file serves as the sequence: it is now. */
static int take_sequence(const char *archive, uint64_t *out, struct error *err) {
    struct stat facts;
    if (utimensat(AT_FDCWD, archive, NULL, 0) < 0 || stat(archive, &facts) < 0)
        return error_set(err, -EIO, "look at %s: %s", archive, strerror(errno));
    *out = (uint64_t)facts.st_mtim.tv_sec * 1000 + (uint64_t)facts.st_mtim.tv_nsec / 1000000;
    return 0;
}

struct signed_archive {
    const char *path, *before; /* its signatures */
    const char *replaced;      /* name whose signatures go; NULL: none do */
};

/* The newest ones, but for those of a name. */
static void add_others(struct text *all, const char *lines, const char *replaced) {
    auto_clean(text_deinit) struct text mark = {0};
    text_addf(&mark, ": image=%s sequence=", replaced ? replaced : "");
    for (unsigned kept = 1; *lines && kept < most_signatures;) {
        const char *next = skip_lines(lines, lines_of_one);
        const char *found = strstr(lines, text_data(&mark));
        if (!found || found >= next) {
            text_add_bytes(all, lines, (size_t)(next - lines));
            kept++;
        }
        lines = next;
    }
}

static int add(const struct minisign_secret *key, const struct signed_archive *archive,
               const char *name, struct error *err) {
    uint64_t sequence = 0;
    const char *digest = strrchr(archive->path, '/'), *rest = archive->before;
    int fault = take_sequence(archive->path, &sequence, err);
    if (fault)
        return fault;
    auto_clean(text_deinit) struct text path = file_of(archive->path);
    auto_clean(text_deinit) struct text comment = {0};
    auto_clean(text_deinit) struct text all = {0};
    text_addf(&comment, "image=%s sequence=%" PRIu64 " sha256=%s", name, sequence,
              digest ? digest + 1 : archive->path);
    const struct minisign_subject subject = {archive->path, text_data(&comment), rest};
    fault = minisign_sign(key, &subject, &all, err);
    if (fault)
        return fault;
    add_others(&all, rest, archive->replaced);
    return write_text(text_data(&path), &all, err);
}

int signature_add(const struct minisign_secret *key, const char *archive, const char *name,
                  struct error *err) {
    auto_clean(text_deinit) struct text path = file_of(archive);
    auto_clean(text_deinit) struct text before = {0};
    int fault = read_text(text_data(&path), &before, err);
    const struct signed_archive is = {archive, text_data(&before), NULL};
    return fault && fault != -ENOENT ? fault : add(key, &is, name, err);
}

int signature_add_name(const struct minisign_secret *key, const char *archive, const char *name,
                       struct error *err) {
    auto_clean(text_deinit) struct text path = file_of(archive);
    auto_clean(text_deinit) struct text before = {0};
    int fault = read_text(text_data(&path), &before, err);
    if (fault)
        return fault;
    if (!minisign_is_by(text_data(&before), key))
        return error_set(err, -ENOENT, "%s was signed by another key before", archive);
    return add(key, &(struct signed_archive){archive, text_data(&before), name}, name, err);
}

void signature_take_back(const char *archive) {
    auto_clean(text_deinit) struct text path = file_of(archive);
    auto_clean(text_deinit) struct text all = {0};
    auto_clean(text_deinit) struct text rest = {0};
    struct error err;
    if (read_text(text_data(&path), &all, &err))
        return;
    text_add(&rest, skip_lines(text_data(&all), lines_of_one));
    if (!rest.length || write_text(text_data(&path), &rest, &err))
        (void)unlink(text_data(&path));
}

/* --- at a cluster --- */

struct statement {
    char name[limit_name_size];
    uint64_t sequence;
};

/* A word up to the mark, which is skipped. */
static bool take_word(const char **at, char mark, char *out, size_t size) {
    size_t length = strcspn(*at, (char[]){mark, 0});
    if (!length || length >= size || (*at)[length] != mark)
        return false;
    text_format(out, size, "%.*s", (int)length, *at);
    *at += length + (mark != 0);
    return true;
}

static bool take_number(const char **at, char mark, uint64_t *out) {
    char digits[24], *end;
    if (!take_word(at, mark, digits, sizeof(digits)) || strspn(digits, "0123456789") > 19)
        return false;
    *out = strtoull(digits, &end, 10);
    return end != digits && !*end;
}

/* image=NAME sequence=N sha256=DIGEST */
static bool read_statement(const char *comment, const char *digest, struct statement *out) {
    char key[16], found[limit_digest_size];
    return take_word(&comment, '=', key, sizeof(key)) && text_equal(key, "image") &&
           take_word(&comment, ' ', out->name, sizeof(out->name)) &&
           take_word(&comment, '=', key, sizeof(key)) && text_equal(key, "sequence") &&
           take_number(&comment, ' ', &out->sequence) &&
           take_word(&comment, '=', key, sizeof(key)) && text_equal(key, "sha256") &&
           take_word(&comment, 0, found, sizeof(found)) && text_equal(found, digest);
}

struct seen {
    struct statement *items;
    size_t count;
};

static void seen_clean(struct seen *seen) { memory_free(seen->items); }

static int seen_read(const char *path, struct seen *out, struct error *err) {
    auto_clean(text_deinit) struct text all = {0};
    int fault = read_text(path, &all, err);
    out->items = memory_new(most_seen, sizeof(*out->items));
    const char *at = text_data(&all);
    while (!fault && *at && out->count < most_seen) {
        struct statement *item = &out->items[out->count++];
        if (!take_word(&at, ' ', item->name, sizeof(item->name)) ||
            !take_number(&at, '\n', &item->sequence))
            return error_set(err, -EINVAL, "%s is damaged: restore it, or remove it to believe "
                             "any sequence once", path);
    }
    return fault == -ENOENT ? 0 : fault;
}

static struct statement *seen_find(struct seen *seen, const char *name) {
    for (size_t i = 0; i < seen->count; i++)
        if (text_equal(seen->items[i].name, name))
            return &seen->items[i];
    return NULL;
}

static struct statement *seen_oldest(struct seen *seen) {
    struct statement *oldest = &seen->items[0];
    for (size_t i = 1; i < seen->count; i++)
        if (seen->items[i].sequence < oldest->sequence)
            oldest = &seen->items[i];
    return oldest;
}

static void seen_note(struct seen *seen, const struct statement *is) {
    struct statement *item = seen_find(seen, is->name);
    if (!item)
        item = seen->count < most_seen ? &seen->items[seen->count++] : seen_oldest(seen);
    *item = *is;
}

static int seen_write(const char *path, const struct seen *seen, struct error *err) {
    auto_clean(text_deinit) struct text all = {0};
    for (size_t i = 0; i < seen->count; i++)
        text_addf(&all, "%s %" PRIu64 "\n", seen->items[i].name, seen->items[i].sequence);
    return write_text(path, &all, err);
}

static int judge(const struct signature_trust *trust, const char *digest, const char *lines,
                 struct error *err) {
    auto_clean(seen_clean) struct seen seen = {0};
    bool is_permitted = false, is_older = false, is_new = false;
    int fault = seen_read(trust->seen, &seen, err);
    if (fault)
        return fault;
    for (unsigned i = 0; i < most_signatures && *lines; i++) {
        auto_clean(text_deinit) struct text comment = {0};
        struct statement is;
        if (!minisign_vouches(&lines, &trust->keys, &comment) ||
            !read_statement(text_data(&comment), digest, &is))
            continue;
        const struct statement *before = seen_find(&seen, is.name);
        bool is_back = before && is.sequence < before->sequence;
        is_older |= is_back;
        is_permitted |= !is_back;
        is_new |= !before || is.sequence > before->sequence;
        if (!is_back)
            seen_note(&seen, &is);
    }
    if (is_permitted)
        return is_new ? seen_write(trust->seen, &seen, err) : 0;
    return error_set(err, -EKEYREJECTED, is_older
                         ? "image %s is older than one of its name that was here: it is not taken"
                         : "image %s is not signed by one of image_keys: it is not taken", digest);
}

int signature_judge(const struct signature_trust *trust, const char *digest, const char *lines,
                    struct error *err) {
    pthread_mutex_lock(trust->lock);
    int fault = judge(trust, digest, lines, err);
    pthread_mutex_unlock(trust->lock);
    return fault;
}
