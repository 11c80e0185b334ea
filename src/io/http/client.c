/* How an exchange is put to libcurl, and what each of its failures is called, so that a caller
 * can tell what was certainly not done from what was lost under way. */
#include "io/http/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/disk.h"
#include "io/os/folder.h"

enum { answer_limit_bytes = 16 << 20, expect_ms = 10000, redirects_most = 5,
       unproven_seconds = 60 };

struct http_client {
    CURL *curl;
};

struct transfer {
    CURL *curl;
    struct http_exchange *exchange;
    uint64_t down_bytes;
    struct disk_guard guard;
    struct error fault; /* in writing what comes */
};

/* A file comes whole, and without a status. */
static bool is_file(const struct http_exchange *exchange) {
    return text_starts(exchange->url, "file://");
}

/* Is there room for what comes, and at its beginning for all that is said to come? */
static int take_room(struct transfer *transfer, size_t length) {
    const struct http_exchange *exchange = transfer->exchange;
    struct disk_guard all = transfer->guard;
    uint64_t before = exchange->range_bytes ? exchange->download_offset : 0;
    curl_off_t declared = -1;
    uint64_t coming = transfer->down_bytes + length;
    if (!transfer->down_bytes)
        curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &declared);
    if (declared > 0 && exchange->whole_bytes > before)
        declared = (curl_off_t)(exchange->whole_bytes - before);
    if (declared > 0 && (uint64_t)declared > coming)
        coming = (uint64_t)declared;
    if (exchange->most_bytes && before + coming > exchange->most_bytes)
        return error_set(&transfer->fault, -EFBIG, "it has more than the %" PRIu64 " MiB that may "
                         "come", exchange->most_bytes >> 20);
    if (declared > 0 && disk_guard_take(&all, coming, &transfer->fault))
        return transfer->fault.code;
    return disk_guard_take(&transfer->guard, length, &transfer->fault);
}

/* A number, and the mark behind it. */
static bool take_number(const char **at, char mark, uint64_t *out_number) {
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *out_number = strtoull(*at, &end, 10);
    if (errno || *end != mark)
        return false;
    *at = end + (mark != 0);
    return true;
}

/* What of the whole an answer says that it has; no `bytes`: nothing. */
struct content_range {
    uint64_t first, bytes, whole;
};

/* Content-Range: "bytes FIRST-LAST/WHOLE"; or an asterisk for both where there is no such range. */
static struct content_range content_range_of(CURL *curl) {
    struct curl_header *header;
    struct content_range range = {0};
    uint64_t last;
    if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        !text_starts(header->value, "bytes "))
        return range;
    const char *at = header->value + sizeof("bytes ") - 1;
    bool is_none = text_starts(at, "*/");
    at += is_none ? 2 : 0;
    if (!is_none && take_number(&at, '-', &range.first) && take_number(&at, '/', &last) &&
        last >= range.first && last < INT64_MAX)
        range.bytes = last - range.first + 1;
    if ((!is_none && !range.bytes) || !take_number(&at, 0, &range.whole) ||
        range.whole > INT64_MAX || range.first + range.bytes > range.whole)
        return (struct content_range){0};
    return range;
}

/* Is what begins to come the range that was asked for, or the whole, which takes its place? */
static int begin_range(struct transfer *transfer, long status) {
    struct http_exchange *exchange = transfer->exchange;
    struct content_range range = content_range_of(transfer->curl);
    uint64_t offset = exchange->download_offset;
    if (status == 200 || is_file(exchange)) {
        exchange->download_offset = 0;
        exchange->range_bytes = 0;
        return ftruncate(exchange->download_fd, 0) || lseek(exchange->download_fd, 0, SEEK_SET)
                   ? error_set(&transfer->fault, -errno, "empty the file for it: %s",
                               strerror(errno))
                   : 0;
    }
    exchange->whole_bytes = range.whole;
    if (!range.bytes || range.first != offset || range.bytes > exchange->range_bytes)
        return error_set(&transfer->fault, -EPROTO, "the server answered with another range than "
                         "the one that was asked for, from %" PRIu64 " on", offset);
    return 0;
}

/* A range has no more than was asked for, whatever its server sends. */
static bool is_within(const struct transfer *transfer, size_t length) {
    uint64_t most = transfer->exchange->range_bytes;
    return !most || transfer->down_bytes + length <= most;
}

static size_t on_answer(char *bytes, size_t one, size_t count, void *context) {
    struct transfer *transfer = context;
    struct http_exchange *exchange = transfer->exchange;
    size_t length = one * count;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->on_data && status < 400) {
        exchange->on_data(exchange->context, bytes, length);
        return length;
    }
    if (exchange->download_fd < 0 || status >= 400) { /* a refusal is not the file */
        text_add_bytes(&exchange->answer, bytes, length);
        return exchange->answer.full ? 0 : length;
    }
    if (exchange->range_bytes && !transfer->down_bytes && begin_range(transfer, status))
        return 0;
    if (!is_within(transfer, length)) {
        error_set(&transfer->fault, -EPROTO, "more comes than was asked for");
        return 0;
    }
    if (take_room(transfer, length) ||
        file_write(exchange->download_fd, bytes, length, "the file for it", &transfer->fault))
        return 0;
    transfer->down_bytes += length;
    return length;
}

static size_t on_upload(char *bytes, size_t one, size_t count, void *context) {
    const struct http_exchange *exchange = context;
    ssize_t length = read(exchange->upload_fd, bytes, one * count);
    return length < 0 ? CURL_READFUNC_ABORT : (size_t)length;
}

/* libcurl calls it about once a second, moving or not. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
    (void)down_total, (void)up_total;
    const struct http_exchange *exchange = context;
    if (exchange->on_bytes)
        exchange->on_bytes(exchange->context, (uint64_t)(exchange->upload_fd >= 0 ? up : down));
    return exchange->cancel && atomic_load(exchange->cancel) ? 1 : 0;
}

/* An empty value is sent too: "NAME:" would make libcurl leave the header out. */
static struct curl_slist *add_header(struct curl_slist *headers, const char *name,
                                     const char *value) {
    struct text line = {0};
    text_addf(&line, *value ? "%s: %s" : "%s;", name, value);
    struct curl_slist *longer = curl_slist_append(headers, text_data(&line));
    text_deinit(&line);
    return longer ? longer : headers;
}

static struct curl_slist *make_headers(const struct http_exchange *exchange) {
    struct curl_slist *headers = NULL;
    struct text bearer = {0};
    text_addf(&bearer, "Bearer %s", exchange->token ? exchange->token : "");
    if (exchange->token)
        headers = add_header(headers, "Authorization", text_data(&bearer));
    if (exchange->content_type)
        headers = add_header(headers, "Content-Type", exchange->content_type);
    if (exchange->idempotency_key)
        headers = add_header(headers, "Idempotency-Key", exchange->idempotency_key);
    text_deinit(&bearer);
    if (exchange->upload_fd >= 0) /* what is refused is then so before its bytes have travelled */
        return add_header(headers, "Expect", "100-continue");
    struct curl_slist *longer = curl_slist_append(headers, "Expect:"); /* libcurl sends none */
    return longer ? longer : headers;
}

static void set_body(CURL *curl, struct http_exchange *exchange) {
    const char *method = exchange->method ? exchange->method : "GET";
    struct stat facts;
    if (exchange->upload_fd >= 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_upload);
        curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
        curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)expect_ms);
        if (fstat(exchange->upload_fd, &facts) == 0 && S_ISREG(facts.st_mode))
            curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
                             (curl_off_t)facts.st_size - (curl_off_t)exchange->upload_offset);
    } else if (exchange->body || strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body ? exchange->body : "");
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    if (strcmp(method, "GET") != 0 || exchange->body)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_up(struct transfer *transfer, char *why) {
    CURL *curl = transfer->curl;
    struct http_exchange *exchange = transfer->exchange;
    curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_file(exchange) ? "file" : "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                     (long)(exchange->connect_seconds ? exchange->connect_seconds : 10));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     (long)(exchange->idle_seconds ? exchange->idle_seconds : 30));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)exchange->whole_seconds);
    if (exchange->ca_file) { /* it alone: without a folder, or the system's would do, too */
        curl_easy_setopt(curl, CURLOPT_CAINFO, exchange->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (exchange->is_unproven) {
        assert(!exchange->token);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)unproven_seconds);
    }
    if (exchange->socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, exchange->socket);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (exchange->range_bytes && !is_file(exchange)) {
        char range[64];
        text_format(range, sizeof(range), "%" PRIu64 "-%" PRIu64, exchange->download_offset,
                    exchange->download_offset + exchange->range_bytes - 1);
        curl_easy_setopt(curl, CURLOPT_RANGE, range);
    } else if (exchange->download_offset) {
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)exchange->download_offset);
    }
    if (exchange->follow) {
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)redirects_most);
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
                         text_starts(exchange->url, "https:") ? "https" : "http,https");
    }
    if (exchange->cancel || exchange->on_bytes) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    }
    set_body(curl, exchange);
}

static int fail_at_socket(const char *path, long why, struct error *err) {
    const char *remedy = why == EACCES || why == EPERM
                             ? "only its daemon's account and root may: become one of them"
                         : why == ENOENT
                             ? "check the path, and that the daemon runs on this machine"
                             : "check that the daemon runs on this machine";
    return error_set(err, -ECONNREFUSED, "connect to %s: %s; %s", path,
                     why ? strerror((int)why) : "nobody answers", remedy);
}

/* -ECONNREFUSED: nobody was reached, so nothing was done; -ECONNRESET: lost under way. */
static int fail(const struct http_exchange *exchange, CURLcode code, const char *why,
                struct error *err) {
    const char *method = exchange->method ? exchange->method : "GET";
    if (!why[0])
        why = curl_easy_strerror(code);
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return error_set(err, -ECONNREFUSED, "%s %s: %s; check the address, and that the server "
                         "runs", method, exchange->url, why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
        return error_set(err, -EPROTO, "%s %s: %s; check that the address is https, and that the "
                         "CA file is the one that signed the server's certificate", method,
                         exchange->url, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return error_set(err, -EINVAL, "%s %s: %s; write an address like https://host:8443",
                         method, exchange->url, why);
    case CURLE_FILE_COULDNT_READ_FILE:
        return error_set(err, -ENOENT, "read %s: %s; check the path", exchange->url, why);
    case CURLE_WRITE_ERROR:
        return error_set(err, -EFBIG, "%s %s: the answer is over 16 MiB", method, exchange->url);
    case CURLE_ABORTED_BY_CALLBACK:
        return error_set(err, -ECANCELED, "%s %s: given up, because this daemon stops", method,
                         exchange->url);
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(err, -ETIMEDOUT, "%s %s: %s; the server or the way to it does not answer, "
                         "try again later", method, exchange->url, why);
    default:
        return error_set(err, -ECONNRESET, "%s %s: %s; try again", method, exchange->url, why);
    }
}

/* What a call came to. */
static int end_call(struct transfer *transfer, CURLcode code, const char *why, struct error *err) {
    struct http_exchange *exchange = transfer->exchange;
    CURL *curl = transfer->curl;
    const char *type = NULL;
    long errno_seen = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    if (type) /* cut on purpose: it is the server's word, and none that matters is as long */
        text_format(exchange->answer_type, sizeof(exchange->answer_type), "%s", type);
    if (code == CURLE_OK && is_file(exchange))
        exchange->status = 200;
    if (exchange->status == 416)
        exchange->whole_bytes = content_range_of(curl).whole;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &errno_seen);
    if (code == CURLE_COULDNT_CONNECT && exchange->socket)
        return fail_at_socket(exchange->socket, errno_seen, err);
    if (transfer->fault.code)
        return error_set(err, transfer->fault.code, "%s %s: %s",
                         exchange->method ? exchange->method : "GET", exchange->url,
                         transfer->fault.text);
    return code == CURLE_OK ? 0 : fail(exchange, code, why, err);
}

static int call_by(CURL *curl, struct http_exchange *exchange, struct error *err) {
    char why[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = make_headers(exchange);
    struct transfer transfer = {
        .curl = curl, .exchange = exchange,
        .guard = {.fd = exchange->download_fd, .reserve_bytes = exchange->reserve_bytes}};
    set_up(&transfer, why);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    int result = end_call(&transfer, curl_easy_perform(curl), why, err);
    curl_easy_reset(curl); /* so that it knows nothing of what ends here */
    curl_slist_free_all(headers);
    return result;
}

struct http_client *http_client_new(void) {
    struct http_client *client = memory_new(1, sizeof(*client));
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* counted, and safe from threads since 7.84 */
    client->curl = curl_easy_init();
    return client;
}

void http_client_free(struct http_client *client) {
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    memory_free(client);
}

int http_call(struct http_exchange *exchange, struct error *err) {
    struct http_client *own = exchange->client ? NULL : http_client_new();
    CURL *curl = own ? own->curl : exchange->client->curl;
    exchange->status = 0;
    exchange->whole_bytes = 0;
    exchange->answer_type[0] = 0;
    text_clear(&exchange->answer);
    exchange->answer.limit = answer_limit_bytes;
    int result = curl ? call_by(curl, exchange, err)
                      : error_set(err, -ENOMEM, "start the HTTP client: libcurl refuses");
    http_client_free(own);
    return result;
}

void http_draw_key(char out_key[http_key_size]) {
    uint64_t bits[2] = {0};
    ssize_t drawn = getrandom(bits, sizeof(bits), 0);
    assert(drawn == sizeof(bits)); /* so few are never cut short */
    text_format(out_key, http_key_size, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}
