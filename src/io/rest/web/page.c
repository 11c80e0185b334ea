/* Which files a page may have, and what a browser is told to hold against it: it runs no script and
 * shows nothing that does not come from here. */
#include "io/rest/web/page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/memory.h"
#include "io/keys/secret.h"
#include "io/os/folder.h"

enum { bytes_most = 8 << 20, depth_most = 8, files_most = 256, etag_size = 20 };

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
};

struct page_file {
    char *path; /* as it is asked for */
    const char *type;
    char etag[etag_size];
    bool is_kept; /* by the browser, for long */
    struct text plain, packed; /* packed: by gzip; empty: it is not */
};

struct web_page {
    enum web_page_seal seal;
    struct map by_path;
    struct page_file *files[files_most];
    size_t count, bytes;
};

static bool ends(const char *text, const char *ending) {
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && text_equal(text + length - tail, ending);
}

static const char *type_of(const char *path) {
    for (size_t i = 0; i < array_size(types); i++)
        if (ends(path, types[i].ending))
            return types[i].type;
    return NULL;
}

static int read_file(struct web_page *page, const char *path, struct text *out,
                     struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char piece[16384];
    ssize_t length = fd < 0 ? -1 : 1;
    while (length > 0 && page->bytes <= bytes_most) {
        length = read(fd, piece, sizeof(piece));
        if (length > 0)
            text_add_bytes(out, piece, (size_t)length);
        page->bytes += length > 0 ? (size_t)length : 0;
    }
    if (length < 0)
        return error_set(err, -errno, "read %s: %s", path, strerror(errno));
    if (page->bytes > bytes_most)
        return error_set(err, -EFBIG, "read %s: a page has %d bytes in all at the most; is this "
                         "the folder of the page?", path, bytes_most);
    return 0;
}

static int add_file(struct web_page *page, const char *folder, const char *under,
                    struct error *err) {
    auto_clean(text_deinit) struct text path = {0};
    struct stat facts;
    char digest[limit_digest_size];
    const char *type = type_of(under);
    text_addf(&path, "%s%s", folder, under);
    if (!type || page->count == files_most)
        return error_set(err, -EINVAL, "serve %s: a page has up to %d files of HTML, CSS, "
                         "JavaScript, SVG and text; is this the folder of the page?",
                         text_data(&path), files_most);
    struct page_file *file = page->files[page->count++] = memory_new(1, sizeof(*file));
    file->type = type;
    file->is_kept = strchr(under + 1, '/');
    file->path = memory_text(text_equal(under, "/index.html") ? "/" : under);
    map_put(&page->by_path, file->path, file);
    if (read_file(page, text_data(&path), &file->plain, err) < 0)
        return err->code;
    secret_hash_bytes(text_data(&file->plain), file->plain.length, digest);
    text_format(file->etag, sizeof(file->etag), "\"%.16s\"", digest);
    text_add(&path, ".gz");
    if (stat(text_data(&path), &facts) < 0)
        return 0;
    return read_file(page, text_data(&path), &file->packed, err);
}

/* `under` is the folder in the page's own, "" or "/web". */
static int add_folder(struct web_page *page, const char *folder, const char *under,
                      struct error *err) {
    auto_clean(text_deinit) struct text path = {0};
    struct dirent **entries = NULL;
    text_addf(&path, "%s%s", folder, under);
    int count = scandir(text_data(&path), &entries, NULL, alphasort), result = 0;
    if (count < 0)
        return error_set(err, -errno, "read the page in %s: %s", text_data(&path),
                         strerror(errno));
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        auto_clean(text_deinit) struct text each = {0};
        text_addf(&each, "%s/%s", under, name);
        size_t depth = 0;
        for (const char *at = text_data(&each); *at; at++)
            depth += *at == '/';
        bool is_asked_for = name[0] != '.' && !ends(name, ".gz");
        if (result == 0 && is_asked_for)
            result = entries[i]->d_type == DT_DIR && depth <= depth_most
                         ? add_folder(page, folder, text_data(&each), err)
                         : add_file(page, folder, text_data(&each), err);
        memory_free(entries[i]);
    }
    memory_free(entries);
    return result;
}

struct web_page *web_page_open(const char *folder, enum web_page_seal seal, struct error *err) {
    struct web_page *page = memory_new(1, sizeof(*page));
    page->seal = seal;
    map_init(&page->by_path, 0);
    int result = add_folder(page, folder, "", err);
    if (result == 0 && !map_get(&page->by_path, "/"))
        result = error_set(err, -ENOENT, "serve the page in %s: it has no index.html", folder);
    if (result == 0)
        return page;
    web_page_free(page);
    return NULL;
}

void web_page_free(struct web_page *page) {
    if (!page)
        return;
    for (size_t i = 0; i < page->count; i++) {
        memory_free(page->files[i]->path);
        text_deinit(&page->files[i]->plain);
        text_deinit(&page->files[i]->packed);
        memory_free(page->files[i]);
    }
    map_deinit(&page->by_path);
    memory_free(page);
}

/* Which of the two a client takes; of one that refuses gzip by a weight the word is not heard. */
static bool takes_packed(const struct http_request *request) {
    const char *takes = http_header(request, "Accept-Encoding");
    return takes && strstr(takes, "gzip");
}

static void add_headers(const struct web_page *page, const struct page_file *file,
                        struct http_answer *answer) {
    answer_header(answer, "ETag", "%s", file->etag);
    answer_header(answer, "Vary", "Accept-Encoding");
    answer_header(answer, "Cache-Control", "%s",
                  file->is_kept ? "max-age=31536000, immutable" : "no-cache");
    answer_header(answer, "Content-Security-Policy", "%s", policy);
    answer_header(answer, "Referrer-Policy", "no-referrer");
    answer_header(answer, "Cross-Origin-Opener-Policy", "same-origin");
    answer_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
    if (page->seal == WEB_PAGE_SEALED)
        answer_header(answer, "Strict-Transport-Security", "max-age=31536000");
}

bool web_page_answer(const struct web_page *page, struct http_request *request) {
    const struct page_file *file = map_get(&page->by_path, request->path);
    if (!file || (!text_equal(request->method, "GET") && !text_equal(request->method, "HEAD")))
        return false;
    struct http_answer *answer = &request->answer;
    const char *known = http_header(request, "If-None-Match");
    bool is_packed = file->packed.length && takes_packed(request);
    const struct text *body = is_packed ? &file->packed : &file->plain;
    if (known && strstr(known, file->etag)) {
        answer_begin(answer, 304, NULL);
    } else {
        answer_begin(answer, 200, file->type);
        text_add_bytes(&answer->body, text_data(body), body->length);
        if (is_packed)
            answer_header(answer, "Content-Encoding", "gzip");
    }
    add_headers(page, file, answer);
    return true;
}
