/* How a download gets on over a link that breaks: from where it was, in ranges of a bounded size,
 * as long as each try brings something. What was damaged costs one start over. */
#include "io/image/download.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/http/client.h"
#include "io/image/archive.h"
#include "io/image/signature.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"
#include "message/limits.h"

enum {
    token_bytes = 256,
    url_bytes = 2048,
    range_bytes = 8 << 20,
    least_gain_bytes = 64 << 10, /* a try that brought less has brought nothing */
    first_pause_ms = 250, /* doubled each time: eight seconds in all, in which a daemon restarts */
    last_pause_ms = 4000,
    pause_slice_ms = 100,
    most_parts = 16, /* of those that nobody works on, in a folder */
    part_seconds = 24 * 3600,
};

static const char suffix[] = ".part";

struct download {
    const struct image_source *from;
    const char *digest, *part;
    struct http_client *client;
    char url[url_bytes];
    bool is_vouched_for;
    uint64_t bytes, whole_bytes; /* those that are here, and all; 0: not known yet */
};

/* Read anew for each try, so that a token can be replaced while the daemon runs. */
static int read_token(const char *path, char token[token_bytes], struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, token, token_bytes - 1);
    if (length < 0)
        return error_set(err, -errno, "read the token %s: %s", path, strerror(errno));
    token[length] = 0;
    token[strcspn(token, " \t\r\n")] = 0;
    return token[0] ? 0 : error_set(err, -EINVAL, "the token file %s is empty", path);
}

static int measure(struct download *download, int fd, struct error *err) {
    struct stat facts;
    if (fstat(fd, &facts) < 0)
        return error_set(err, -errno, "look at %s: %s", download->part, strerror(errno));
    download->bytes = (uint64_t)facts.st_size;
    return 0;
}

/* What an answer makes of the file, now that its bytes are in it. */
static int judge(struct download *download, const struct http_exchange *exchange, uint64_t before,
                 struct error *err) {
    if (exchange->status == 416 && before) { /* its server has no more than this, or even less */
        download->whole_bytes = before;
        return exchange->whole_bytes == before
                   ? 0
                   : error_set(err, IMAGE_WRONG_DIGEST, "%s has %" PRIu64 " bytes, fewer than have "
                               "come", download->url, exchange->whole_bytes);
    }
    if (exchange->status == 200) {
        download->whole_bytes = download->bytes;
        return 0;
    }
    if (exchange->status != 206)
        return error_set(err, exchange->status == 503 ? -EAGAIN : -EREMOTEIO,
                         "GET %s: the server answered %ld; check the address, the token and that "
                         "the image is there", download->url, exchange->status);
    uint64_t all = exchange->whole_bytes, asked = exchange->range_bytes;
    if (download->bytes <= before)
        return error_set(err, -EPROTO, "GET %s: a range without bytes came", download->url);
    if (download->whole_bytes && download->whole_bytes != all)
        return error_set(err, -EPROTO, "%s has %" PRIu64 " bytes now, and had %" PRIu64,
                         download->url, all, download->whole_bytes);
    if (download->bytes != before + asked && download->bytes != all)
        return error_set(err, -ECONNRESET, "GET %s: less came than was asked for", download->url);
    download->whole_bytes = all;
    return 0;
}

/* All of it has to find room, before more of it comes. */
static int judge_room(const struct download *download, struct error *err) {
    const struct image_source *from = download->from;
    uint64_t lacking = download->whole_bytes - download->bytes;
    if (!from->has_room || from->has_room(from->context, lacking))
        return 0;
    return error_set(err, -ENOSPC, "%s has %" PRIu64 " bytes, more than is left of its upstream "
                     "manager's share of the disk (image_share_mib)", download->url,
                     download->whole_bytes);
}

static int get_range(struct download *download, int fd, const char *token, struct error *err) {
    const struct image_source *from = download->from;
    uint64_t before = download->bytes;
    struct http_exchange exchange = {
        .client = download->client,
        .url = download->url,
        .token = token,
        .ca_file = from->ca_file,
        .upload_fd = -1,
        .download_fd = fd,
        .download_offset = before,
        .range_bytes = range_bytes,
        .most_bytes = from->most_bytes,
        .reserve_bytes = from->reserve_bytes,
        .cancel = from->cancel,
    };
    int fault = http_call(&exchange, err);
    text_deinit(&exchange.answer);
    struct error unreadable;
    if (measure(download, fd, fault ? &unreadable : err) && !fault)
        fault = err->code;
    return fault ? fault : judge(download, &exchange, before, err);
}

/* Is it signed? Asked before a byte of it comes. */
static int get_signature(struct download *download, const char *token, struct error *err) {
    const struct image_source *from = download->from;
    char url[url_bytes + sizeof("/signature")];
    text_format(url, sizeof(url), "%s/signature", download->url);
    struct http_exchange exchange = {
        .client = download->client,
        .url = url,
        .token = token,
        .ca_file = from->ca_file,
        .upload_fd = -1,
        .download_fd = -1,
        .cancel = from->cancel,
    };
    int fault = http_call(&exchange, err);
    if (!fault && exchange.status != 200 && exchange.status != 404)
        fault = error_set(err, exchange.status == 503 ? -EAGAIN : -EREMOTEIO,
                          "GET %s: the server answered %ld", url, exchange.status);
    if (!fault)
        fault = signature_judge(from->trust, download->digest,
                                exchange.status == 200 ? text_data(&exchange.answer) : "", err);
    download->is_vouched_for = !fault;
    text_deinit(&exchange.answer);
    return fault;
}

/* One try: on one connection, as long as it holds. */
static int get_all(struct download *download, struct error *err) {
    char token[token_bytes];
    const char *token_file = download->from->token_file;
    int fault = token_file ? read_token(token_file, token, err) : 0;
    if (!fault && download->from->trust && !download->is_vouched_for)
        fault = get_signature(download, token_file ? token : NULL, err);
    if (fault)
        return fault;
    auto_clean(fd_clean) int fd =
        open(download->part, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return error_set(err, -errno, "make %s: %s", download->part, strerror(errno));
    fault = measure(download, fd, err);
    while (!fault && (!download->whole_bytes || download->bytes < download->whole_bytes)) {
        fault = get_range(download, fd, token_file ? token : NULL, err);
        if (!fault)
            fault = judge_room(download, err);
    }
    return fault;
}

/* False: cancelled. */
static bool pause_for(const struct image_source *from, int milliseconds) {
    for (int waited = 0; waited < milliseconds; waited += pause_slice_ms) {
        if (from->cancel && atomic_load(from->cancel))
            return false;
        (void)poll(NULL, 0, pause_slice_ms);
    }
    return true;
}

/* May it go on later where it is now? */
static bool is_passing(int fault) {
    return fault == -ECONNREFUSED || fault == -ECONNRESET || fault == -ETIMEDOUT ||
           fault == -EAGAIN || fault == -ECANCELED;
}

/* A server that is away for a moment, because it restarts, is not the end of an operation, and a
 * link that breaks is none as long as it brings something in between. */
static int get_patiently(struct download *download, struct error *err) {
    for (int pause_ms = first_pause_ms;; pause_ms *= 2) {
        uint64_t before = download->bytes;
        download->whole_bytes = 0;
        int fault = get_all(download, err);
        bool has_gained = download->bytes >= before + least_gain_bytes;
        if (has_gained)
            pause_ms = first_pause_ms;
        if (!is_passing(fault) || (fault == -ETIMEDOUT && !has_gained) || pause_ms > last_pause_ms)
            return fault;
        if (!pause_for(download->from, pause_ms))
            return error_set(err, -ECANCELED, "fetch image %s: the daemon stops",
                             download->digest);
    }
}

static int get_checked(struct download *download, struct error *err) {
    char found[limit_digest_size];
    int fault = get_patiently(download, err);
    if (!fault)
        fault = secret_hash_file(download->part, found, err);
    if (!fault && !text_equal(found, download->digest))
        fault = error_set(err, IMAGE_WRONG_DIGEST,
                          "%s has digest %s: it was changed or damaged on its way", download->url,
                          found);
    return fault;
}

/* --- what is kept of downloads that broke off --- */

static bool is_part(const char *name) {
    size_t length = strlen(name), end = sizeof(suffix) - 1;
    return length > end && text_equal(name + length - end, suffix);
}

/* Removes the part that was gone on with the longest ago, if that is too long, or if there are too
 * many. */
static bool remove_oldest(const char *folder) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    char oldest[sizeof(entry->d_name)] = "";
    int64_t since = INT64_MAX;
    unsigned count = 0;
    while (stream && (entry = readdir(stream))) {
        struct stat facts;
        if (!is_part(entry->d_name) ||
            fstatat(dirfd(stream), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        count++;
        if (facts.st_mtim.tv_sec >= since)
            continue;
        since = facts.st_mtim.tv_sec;
        text_set(oldest, entry->d_name);
    }
    bool is_due = count > most_parts ||
                  (count && folder_is_old(dirfd(stream), oldest, part_seconds));
    bool is_removed = is_due && unlinkat(dirfd(stream), oldest, 0) == 0;
    if (stream)
        closedir(stream);
    return is_removed;
}

static void bound_parts(const char *folder) {
    while (remove_oldest(folder))
        ;
}

int image_download(const struct image_source *from, const struct image_target *target,
                   struct error *err) {
    const char *part = target->part;
    struct stat facts;
    struct download download = {.from = from, .digest = target->digest, .part = part,
                                .client = http_client_new()};
    bool is_resumed = stat(part, &facts) == 0 && facts.st_size > 0;
    download.bytes = is_resumed ? (uint64_t)facts.st_size : 0;
    text_format(download.url, sizeof(download.url), "%s/%s", from->url,
                target->digest);
    int fault = get_checked(&download, err);
    if (fault == IMAGE_WRONG_DIGEST && is_resumed) { /* by what was there before, it may be */
        (void)unlink(part);
        download.bytes = 0;
        fault = get_checked(&download, err);
    }
    http_client_free(download.client);
    if (!fault)
        fault = folder_commit(part, target->path, err);
    if (fault && !is_passing(fault))
        (void)unlink(part);
    if (fault) {
        auto_clean(memory_clean) char *folder = memory_text(part);
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = 0;
        bound_parts(slash ? folder : ".");
    }
    return fault;
}

int image_download_sweep(const char *folder, struct error *err) {
    bound_parts(folder);
    return folder_sweep(folder, suffix, err);
}
