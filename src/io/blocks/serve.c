/* Who may call, what a path means, and how what came of it is told. */
#include "io/blocks/serve.h"

#include <string.h>

#include "base/memory.h"
#include "io/http/blob.h"

static const char prefix[] = "/v1/copies/";

enum path_kind { PATH_LACK, PATH_BLOCKS, PATH_FETCH, PATH_ROOT, PATH_ROOT_OF, PATH_NONE };

struct path {
    char vm[limit_id_size];
    enum path_kind kind;
    struct block_digest digest;
};

bool blocks_serve_has(const struct http_request *request) {
    return text_starts(request->path, prefix);
}

static enum path_kind kind_of(const char *rest, struct block_digest *out_digest) {
    static const char *const names[] = {[PATH_LACK] = "lack", [PATH_BLOCKS] = "blocks",
                                        [PATH_FETCH] = "fetch", [PATH_ROOT] = "root"};
    for (size_t i = 0; i < array_size(names); i++)
        if (text_equal(rest, names[i]))
            return (enum path_kind)i;
    return text_starts(rest, "root/") && block_digest_read(rest + 5, out_digest) == 0
               ? PATH_ROOT_OF
               : PATH_NONE;
}

static struct path path_of(const struct http_request *request) {
    struct path path = {.kind = PATH_NONE};
    const char *vm = request->path + sizeof(prefix) - 1, *slash = strchr(vm, '/');
    if (!slash || (size_t)(slash - vm) >= sizeof(path.vm))
        return path;
    text_format(path.vm, sizeof(path.vm), "%.*s", (int)(slash - vm), vm);
    path.kind = kind_of(slash + 1, &path.digest);
    return path;
}

static const char *method_of(enum path_kind kind) {
    return kind == PATH_ROOT_OF ? "GET" : kind == PATH_ROOT ? "PUT" : "POST";
}

static void refuse(struct http_request *request, enum code code, unsigned status,
                   const char *words) {
    struct problem problem;
    problem_set(&problem, code, NULL, "%s", words);
    if (status)
        problem_set_status(&problem, status, "send the copy anew");
    answer_problem(&request->answer, &problem);
}

/* What a call of the store has come to, where that is not all that is to be said. */
static void answer(struct http_request *request, int outcome) {
    if (outcome == 0)
        answer_begin(&request->answer, 200, "application/octet-stream");
    else if (outcome == BLOCKS_LACKING)
        refuse(request, CODE_NOT_FOUND, 0, "Not all of it is here");
    else if (outcome == BLOCKS_WRONG)
        refuse(request, CODE_INVALID, 0, "What was sent is not what its digest says");
    else if (outcome == BLOCKS_FULL)
        refuse(request, CODE_NO_CAPACITY, 507, "There is no room for it");
    else if (outcome == BLOCKS_UNKNOWN)
        refuse(request, CODE_NOT_FOUND, 0, "There are no copies of this VM");
    else
        refuse(request, CODE_HOST_FAILED, 500, "The block store has failed");
}

static void answer_root(struct blocks *blocks, struct http_request *request,
                        const struct path *path) {
    auto_clean(text_deinit) struct text root = {0};
    const struct blocks_of of = {blocks, path->vm};
    int outcome = blocks_get_root(&of, &path->digest, &root, NULL);
    answer(request, outcome);
    if (outcome == 0)
        text_add_bytes(&request->answer.body, text_data(&root), root.length);
}

enum http_next blocks_serve_head(struct blocks *blocks, struct http_request *request) {
    struct path path = path_of(request);
    char hash[limit_digest_size];
    http_token_hash(request, hash);
    if (path.kind == PATH_NONE)
        refuse(request, CODE_NOT_FOUND, 0, "There is no such path of a copy");
    else if (!blocks_admits(&(struct blocks_of){blocks, path.vm}, hash))
        refuse(request, CODE_UNAUTHENTICATED, 0, "Copies are for whoever has their token");
    else if (!text_equal(request->method, method_of(path.kind)))
        refuse(request, CODE_INVALID, 405, "This path has another method");
    else if (path.kind != PATH_ROOT_OF)
        return HTTP_READ;
    else
        answer_root(blocks, request, &path);
    return HTTP_DONE;
}

enum http_next blocks_serve_piece(struct http_request *request, struct text *body,
                                  const char *bytes, size_t length) {
    body->limit = blocks_body_most;
    text_add_bytes(body, bytes, length);
    if (!body->full)
        return HTTP_READ;
    refuse(request, CODE_INVALID, 413, "That is too much at once");
    return HTTP_DONE;
}

/* The digests of a body; none: it has none, or too many. The caller frees them. */
static struct block_digests digests_of(const struct text *body, size_t most) {
    size_t count = body->length / sizeof(struct block_digest);
    if (body->length % sizeof(struct block_digest) || count > most)
        count = 0;
    return (struct block_digests){memory_copy(text_data(body), count * block_digest_bytes + 1),
                                  count};
}

static void answer_lack(const struct blocks_of *of, struct http_request *request,
                        const struct text *body) {
    struct block_digests digests = digests_of(body, blocks_asked_most);
    auto_clean(memory_clean) bool *lacking = memory_new(digests.count + 1, sizeof(bool));
    int outcome = digests.count ? blocks_lack(of, &digests, lacking) : BLOCKS_WRONG;
    answer(request, outcome);
    for (size_t i = 0; !outcome && i < digests.count; i++)
        if (lacking[i])
            text_add_bytes(&request->answer.body, (const char *)digests.items[i].bytes,
                           block_digest_bytes);
    memory_free((void *)digests.items);
}

static void answer_fetch(const struct blocks_of *of, struct http_request *request,
                         const struct text *body) {
    struct block_digests digests = digests_of(body, blocks_fetched_most);
    auto_clean(text_deinit) struct text batch = {0};
    int outcome = digests.count ? 0 : BLOCKS_WRONG;
    for (size_t i = 0; i < digests.count && (!outcome || outcome == BLOCKS_LACKING); i++)
        outcome = blocks_get(of, &digests.items[i], &batch, NULL);
    outcome = outcome == BLOCKS_LACKING ? 0 : outcome; /* what is there is told */
    answer(request, outcome);
    if (!outcome)
        text_add_bytes(&request->answer.body, text_data(&batch), batch.length);
    memory_free((void *)digests.items);
}

static void answer_put_root(const struct blocks_of *of, struct http_request *request,
                            const struct text *body) {
    struct block_digest digest;
    char said[block_digest_text_size];
    int outcome = blocks_put_root(of, body, &digest, NULL);
    answer(request, outcome);
    block_digest_say(&digest, said);
    if (!outcome)
        text_add(&request->answer.body, said);
}

enum http_next blocks_serve_complete(struct blocks *blocks, struct http_request *request,
                                     const struct text *body) {
    struct path path = path_of(request);
    const struct blocks_of of = {blocks, path.vm};
    if (path.kind == PATH_LACK)
        answer_lack(&of, request, body);
    else if (path.kind == PATH_FETCH)
        answer_fetch(&of, request, body);
    else if (path.kind == PATH_ROOT)
        answer_put_root(&of, request, body);
    else
        answer(request, blocks_put(&of, body, NULL));
    return HTTP_DONE;
}
