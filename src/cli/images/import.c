/* The way of an image's file: fetched where it is an address, hashed, and sent from where an
 * earlier try broke off. What is there already is not sent. A manager that restarts is waited
 * for. */
#include "cli/images/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/images/sums.h"
#include "io/keys/secret.h"

enum {
    idle_seconds = 1800, /* the manager may work long before it answers */
    most_tries = 8,      /* in which nothing more gets there: half a minute */
    first_pause_ms = 250, last_pause_ms = 8000,
    piece_bytes = 1 << 20, path_bytes = 4096,
    long_bytes = 64 << 20, /* from here on it is worth telling without a terminal */
};

struct import {
    const struct options *options;
    const char *name;       /* of the file, without its folder */
    char path[path_bytes];  /* of the file, here */
    char wanted[secret_long_digest_size]; /* SHA-256 or SHA-512; "": none */
    char digest[limit_digest_size];
    uint64_t all, offset;
    char told[96]; /* last */
    bool is_address;
};

/* --- what is told meanwhile --- */

static void tell(struct import *import, const char *stage, uint64_t done, uint64_t all) {
    bool is_terminal = isatty(STDERR_FILENO);
    unsigned percent = all ? (unsigned)(done * 100 / all) : 0, step = is_terminal ? 1 : 10;
    char now[sizeof(import->told)];
    if (!is_terminal && import->all && import->all < long_bytes)
        return;
    if (all)
        text_format(now, sizeof(now), "%s: %u %%", stage, percent / step * step);
    else
        text_format(now, sizeof(now), "%s", stage);
    if (text_equal(now, import->told))
        return;
    text_set(import->told, now);
    fprintf(stderr, is_terminal ? "\r\033[K%s" : "%s\n", now);
}

static void tell_end(const struct import *import) {
    if (import->told[0] && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* --- the digest --- */

/* What the file's bytes are, by SHA-256, which the manager knows it by; and whether they are those
 * that were to come. */
static int hash(struct import *import) {
    struct secret_hash hash;
    struct secret_long_hash longer;
    char digest[secret_long_digest_size];
    int fd = open(import->path, O_RDONLY | O_CLOEXEC);
    auto_clean(memory_clean) char *piece = memory_new(1, piece_bytes);
    ssize_t length = -1;
    bool is_long = strlen(import->wanted) == secret_long_digest_size - 1;
    secret_hash_begin(&hash);
    secret_long_begin(&longer);
    for (uint64_t done = 0; fd >= 0 && (length = read(fd, piece, piece_bytes)) > 0;) {
        secret_hash_add(&hash, piece, (size_t)length);
        if (is_long)
            secret_long_add(&longer, piece, (size_t)length);
        done += (uint64_t)length;
        tell(import, "hashing", done, import->all);
    }
    if (length < 0) {
        say("read %s: %s; check the path", import->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return EXIT_USAGE;
    }
    close(fd);
    secret_hash_end(&hash, import->digest);
    secret_long_end(&longer, digest);
    if (!import->wanted[0] || !strcasecmp(import->wanted, is_long ? digest : import->digest))
        return EXIT_DONE;
    tell_end(import);
    say("%s has the digest %s, not %s: it was changed, or damaged on its way",
        import->path, is_long ? digest : import->digest, import->wanted);
    fprintf(stderr, "  what to do: fetch it again, and check that the digest is of this file\n");
    if (import->is_address)
        (void)unlink(import->path);
    return EXIT_REFUSED;
}

/* --- fetching --- */

/* Where a fetched file stays until it is imported: by its address, in the user's cache. */
static int make_cache(struct import *import, const char *address) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char folder[path_bytes - 100], digest[limit_digest_size];
    if (cache && *cache)
        text_format(folder, sizeof(folder), "%s", cache);
    else
        text_format(folder, sizeof(folder), "%s/.cache", home && *home ? home : "/tmp");
    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        say("make %s: %s; set XDG_CACHE_HOME to a folder of yours", folder, strerror(errno));
        return EXIT_USAGE;
    }
    secret_hash_bytes(address, strlen(address), digest);
    text_format(import->path, sizeof(import->path), "%s/isthmus", folder);
    if (mkdir(import->path, 0700) < 0 && errno != EEXIST) {
        say("make %s: %s; set XDG_CACHE_HOME to a folder of yours", import->path, strerror(errno));
        return EXIT_USAGE;
    }
    text_format(import->path, sizeof(import->path), "%s/isthmus/%.32s", folder, digest);
    return EXIT_DONE;
}

static void on_fetched(void *context, uint64_t bytes) {
    struct import *import = context;
    char words[64];
    text_format(words, sizeof(words), "fetching: %" PRIu64 " MiB", (import->offset + bytes) >> 20);
    tell(import, words, 0, 0);
}

/* One try; 416: all of it is there. */
static int fetch_once(struct import *import, const char *address, struct error *err) {
    struct stat facts = {0};
    int fd = open(import->path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &facts) < 0)
        return error_set(err, -EIO, "make %s: %s", import->path, strerror(errno));
    import->offset = (uint64_t)facts.st_size;
    struct http_exchange exchange = {.method = "GET", .url = address, .follow = true,
                                     .upload_fd = -1, .download_fd = fd,
                                     .download_offset = import->offset,
                                     .on_bytes = on_fetched, .context = import};
    int fault = http_call(&exchange, err);
    bool is_whole = exchange.status == 416 && import->offset;
    if (import->offset && (exchange.status == 200 || (fault && exchange.status == 206 &&
                                                      fault == -EINVAL)))
        (void)!ftruncate(fd, 0); /* its server gives no parts */
    text_deinit(&exchange.answer);
    close(fd);
    if (is_whole)
        return 0;
    if (!fault && exchange.status != 200 && exchange.status != 206)
        return error_set(err, -EREMOTEIO, "GET %s: the server answered %ld; check the address",
                         address, exchange.status);
    return fault;
}

static bool is_passing(int fault) {
    return fault == -ECONNREFUSED || fault == -ECONNRESET || fault == -ETIMEDOUT;
}

static uint64_t bytes_of(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (uint64_t)facts.st_size : 0;
}

static int fetch(struct import *import, const char *address) {
    struct error err;
    int pause_ms = first_pause_ms, tries = 0, fault;
    if (!import->wanted[0]) {
        say("an address needs --digest or --sums: what comes from elsewhere is taken by its "
            "digest");
        return EXIT_USAGE;
    }
    int result = make_cache(import, address);
    if (result != EXIT_DONE)
        return result;
    uint64_t before = bytes_of(import->path);
    while ((fault = fetch_once(import, address, &err)) && is_passing(fault) &&
           tries++ < most_tries) {
        uint64_t now = bytes_of(import->path);
        if (now > before) {
            tries = 0;
            pause_ms = first_pause_ms;
        }
        before = now;
        (void)poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < last_pause_ms ? 2 * pause_ms : last_pause_ms;
    }
    if (!fault)
        return EXIT_DONE;
    tell_end(import);
    say("%s", err.text);
    fprintf(stderr, "  what to do: run the same command again; it goes on where this one ended\n");
    return EXIT_UNREACHABLE;
}

/* --- sending --- */

/* How far the manager is with it. False: it has nothing of it, or was not reached. */
static bool ask(const struct import *import, struct upload *out) {
    struct call call;
    struct error err;
    call_init(&call, import->options, "GET", "/v1/uploads");
    call_add_segment(&call, import->digest);
    call.http.url = call.url.data;
    bool is_told = http_call(&call.http, &err) == 0 && call.http.status == 200 &&
                   call_decode(&call, &upload_table, out) == EXIT_DONE;
    call_deinit(&call);
    return is_told;
}

static void on_sent(void *context, uint64_t bytes) {
    struct import *import = context;
    struct upload is = {0};
    if (import->offset + bytes < import->all)
        tell(import, "sending", import->offset + bytes, import->all);
    else if (ask(import, &is))
        tell(import, is.stage, is.done, is.all);
}

/* May the same be answered otherwise in a moment? */
static bool may_pass(const struct call *call) {
    struct problem problem = {0};
    struct codec_fault fault;
    const struct text *answer = &call->http.answer;
    if (call->http.status == 503)
        return true;
    return call->http.status >= 400 &&
           codec_decode(&problem_table,
                        &(struct codec_input){text_data(answer), answer->length, FIELD_API,
                                              CODEC_IGNORE_UNKNOWN},
                        &problem, &fault) == 0 &&
           text_equal(problem.code, "busy");
}

static int send_once(struct import *import, struct call *call, struct error *err) {
    int fd = open(import->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || lseek(fd, (off_t)import->offset, SEEK_SET) < 0)
        return error_set(err, -EIO, "read %s: %s", import->path, strerror(errno));
    call->http.url = call->url.data;
    call->http.upload_fd = fd;
    call->http.upload_offset = import->offset;
    call->http.content_type = "application/octet-stream";
    call->http.idle_seconds = idle_seconds;
    call->http.on_bytes = on_sent;
    call->http.context = import;
    int fault = http_call(&call->http, err);
    close(fd);
    return fault;
}

static int deliver(struct import *import, const struct view *view,
                   void (*add_words)(struct call *call, const struct options *options)) {
    int pause_ms = first_pause_ms;
    uint64_t before = 0;
    for (int tries = 0;; tries++) {
        struct call call;
        struct upload is = {0};
        struct error err = {0};
        import->offset = ask(import, &is) && is.bytes <= import->all ? is.bytes : 0;
        if (import->offset > before) {
            before = import->offset;
            pause_ms = first_pause_ms;
            tries = 0;
        }
        call_init(&call, import->options, "PUT", view->path);
        call_add_segment(&call, import->options->words[2]);
        add_words(&call, import->options);
        call_add_parameter(&call, "digest", import->digest);
        call_add_number(&call, "offset", import->offset);
        int fault = send_once(import, &call, &err);
        bool passes = fault ? is_passing(fault) : may_pass(&call);
        if (!passes || tries >= most_tries) {
            tell_end(import);
            if (!fault)
                return view_tell(view, import->options, &call);
            say("%s", err.text);
            if (passes)
                fprintf(stderr, "  what to do: run the same command again; it goes on where this "
                                "one ended\n");
            call_deinit(&call);
            return EXIT_UNREACHABLE;
        }
        call_deinit(&call);
        (void)poll(NULL, 0, pause_ms);
        pause_ms = pause_ms < last_pause_ms ? 2 * pause_ms : last_pause_ms;
    }
}

int import_run(const struct view *view, const struct options *options,
               void (*add_words)(struct call *call, const struct options *options)) {
    const char *from = options->words[3], *base = strrchr(from, '/');
    struct import import = {.options = options, .name = base ? base + 1 : from,
                            .is_address = sums_is_address(from)};
    struct stat facts;
    int result = sums_find(options, import.name, import.wanted);
    if (result == EXIT_DONE && import.is_address)
        result = fetch(&import, from);
    else if (result == EXIT_DONE)
        text_format(import.path, sizeof(import.path), "%s", from);
    if (result != EXIT_DONE)
        return result;
    if (stat(import.path, &facts) < 0) {
        say("open %s: %s; check the path", import.path, strerror(errno));
        return EXIT_USAGE;
    }
    if (S_ISDIR(facts.st_mode)) {
        say("%s is a folder, not a file: tar -C %s -cf %s.tar . makes an archive of it", from, from,
            options->words[2]);
        return EXIT_USAGE;
    }
    import.all = (uint64_t)facts.st_size;
    result = hash(&import);
    if (result == EXIT_DONE)
        result = deliver(&import, view, add_words);
    if (result == EXIT_DONE && import.is_address)
        (void)unlink(import.path);
    return result;
}
