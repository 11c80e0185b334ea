/* Which bytes of an archive are answered, by the Range header, and to whom: those whose token's
 * digest is configured. A name that is no digest never reaches the file system. */
#include "io/http/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/keys/secret.h"
#include "message/codec.h"

void token_hashes_init(struct token_hashes *hashes, const char *const *digests, size_t count) {
    hashes->digests = memory_new(count ? count : 1, sizeof(*hashes->digests));
    hashes->count = count;
    for (size_t i = 0; i < count; i++)
        text_set(hashes->digests[i], digests[i]);
}

void token_hashes_deinit(struct token_hashes *hashes) { memory_free(hashes->digests); }

bool token_hashes_have(const struct token_hashes *hashes, const char *digest) {
    for (size_t i = 0; digest[0] && i < hashes->count; i++)
        if (text_equal(hashes->digests[i], digest))
            return true;
    return false;
}

void http_token_hash(const struct http_request *request, char out_digest[limit_digest_size]) {
    const char *header = http_header(request, "Authorization");
    out_digest[0] = 0;
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return;
    header += 7 + strspn(header + 7, " ");
    if (*header)
        secret_hash_bytes(header, strlen(header), out_digest);
}

struct range {
    uint64_t offset, bytes;
};

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_NONE };

static bool take_number(const char **at, uint64_t *out_number) {
    if (**at < '0' || **at > '9')
        return false;
    char *end;
    errno = 0;
    *out_number = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

/* One range of bytes; of several or of another form the whole is sent, as RFC 9110 14.2 permits. */
static enum range_kind range_parse(const char *header, uint64_t size, struct range *out) {
    uint64_t first = 0, last = size - 1;
    *out = (struct range){.bytes = size};
    if (!header || !text_starts(header, "bytes="))
        return RANGE_WHOLE;
    const char *at = header + 6;
    if (*at == '-') { /* the last so many */
        uint64_t bytes;
        at++;
        if (!take_number(&at, &bytes) || *at)
            return RANGE_WHOLE;
        if (bytes == 0 || size == 0)
            return RANGE_NONE;
        first = bytes < size ? size - bytes : 0;
    } else {
        if (!take_number(&at, &first) || *at++ != '-')
            return RANGE_WHOLE;
        if (*at && (!take_number(&at, &last) || *at || last < first))
            return RANGE_WHOLE;
        if (first >= size)
            return RANGE_NONE;
        last = last < size ? last : size - 1;
    }
    *out = (struct range){.offset = first, .bytes = last - first + 1};
    return RANGE_PART;
}

/* A digest, or the signatures of the archive that has it. */
static bool is_blob(const char *name) {
    size_t length = strspn(name, "0123456789abcdef");
    return length == limit_digest_size - 1 &&
           (!name[length] || text_equal(name + length, ".minisig"));
}

static void answer_file(struct http_request *request, int fd, uint64_t size, const char *digest) {
    struct range range;
    enum range_kind kind = range_parse(http_header(request, "Range"), size, &range);
    if (kind == RANGE_NONE) {
        close(fd);
        struct problem problem;
        problem_set(&problem, CODE_INVALID, NULL, "The archive has %llu bytes; the range lies "
                    "outside", (unsigned long long)size);
        problem_set_status(&problem, 416, "ask for a range inside, or for the whole");
        answer_problem(&request->answer, &problem);
        answer_header(&request->answer, "Content-Range", "bytes */%llu", (unsigned long long)size);
        return;
    }
    answer_begin(&request->answer, kind == RANGE_PART ? 206 : 200, "application/octet-stream");
    request->answer.file_fd = fd;
    request->answer.file_offset = range.offset;
    request->answer.file_bytes = range.bytes;
    answer_header(&request->answer, "Accept-Ranges", "bytes");
    answer_header(&request->answer, "ETag", "\"%s\"", digest);
    if (kind == RANGE_PART)
        answer_header(&request->answer, "Content-Range", "bytes %llu-%llu/%llu",
                           (unsigned long long)range.offset,
                           (unsigned long long)(range.offset + range.bytes - 1),
                           (unsigned long long)size);
}

void http_answer_archive(struct http_request *request, const char *folder, const char *digest) {
    struct problem problem;
    struct text path = {0};
    text_addf(&path, "%s/%s", folder, digest);
    int fd = is_blob(digest) ? open(text_data(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    text_deinit(&path);
    struct stat facts;
    if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        answer_file(request, fd, (uint64_t)facts.st_size, digest);
        return;
    }
    if (fd >= 0)
        close(fd);
    problem_set(&problem, CODE_NOT_FOUND, NULL, "There is no archive %.64s here", digest);
    answer_problem(&request->answer, &problem);
}

void http_answer_blob(struct http_request *request, const char *folder,
                      const struct token_hashes *readers, const char *digest) {
    char hash[limit_digest_size];
    struct problem problem;
    http_token_hash(request, hash);
    if (token_hashes_have(readers, hash)) {
        http_answer_archive(request, folder, digest);
        return;
    }
    problem_set(&problem, CODE_UNAUTHENTICATED, NULL, "Archives are for those whose token is in "
                "this repository's configuration");
    answer_problem(&request->answer, &problem);
}
