/* What a call must bring: parameters that its route knows, a key and a tag in their form, a body
 * that fits its table. */
#include "io/rest/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/map.h"
#include "io/keys/stream_seal.h"
#include "message/codec.h"
#include "message/query/filter.h"
#include "message/query/pick.h"

static bool refuse(struct problem *problem, const char *field, const char *text) {
    problem_set(problem, CODE_INVALID, field[0] ? field : NULL, "%s%s%s", field,
                field[0] ? " " : "", text);
    return false;
}

static void add_parameters(const struct rest_route *route, struct text *out) {
    for (size_t i = 0; i < array_size(route->parameters) && route->parameters[i]; i++)
        text_addf(out, "%s%s", i ? ", " : "", route->parameters[i]);
}

/* Can rows of the table be as the query wants them? */
static bool check_query(const struct table *table, const struct list_query *query,
                        struct problem *problem) {
    struct pick pick;
    struct filter filter;
    struct codec_fault fault;
    return (pick_make(&pick, table, query->fields, &fault) &&
            filter_make(&filter, query, table, &fault)) ||
           refuse(problem, fault.field, fault.text);
}

static bool take_parameters(const struct rest_call *call, struct request *request,
                            struct problem *problem) {
    struct rest_timing timing = {0};
    for (size_t i = 0; i < call->http.parameters_count; i++) {
        const struct http_pair *pair = &call->http.parameters[i];
        enum rest_holder holder;
        struct codec_fault fault;
        const struct field *field = rest_route_parameter(call->route, pair->name, &holder);
        if (!field) {
            struct text known = {.limit = 100};
            add_parameters(call->route, &known);
            problem_set(problem, CODE_INVALID, pair->name, "%.60s is not a parameter of this "
                        "route; it takes %s", pair->name, known.length ? known.data : "none");
            text_deinit(&known);
            return false;
        }
        void *into = holder == REST_TIMING ? (void *)&timing : (void *)&request->list;
        if (codec_field_from_text(field, pair->value, into, &fault))
            return refuse(problem, fault.field, fault.text);
    }
    if (call->route->shape == REST_LIST &&
        !check_query(call->route->answer, &request->list, problem))
        return false;
    request->wait_ms = (uint64_t)timing.wait * 1000;
    request->deadline_ms = (uint64_t)timing.deadline * 1000;
    return !call->http.parameters_full || refuse(problem, "", "There are too many parameters");
}

static bool take_idempotency_key(const struct rest_call *call, struct request *request,
                                 struct problem *problem) {
    const char *key = http_header(&call->http, "Idempotency-Key");
    if (!key || !rest_route_takes_key(call->route))
        return true;
    size_t length = strlen(key);
    for (size_t i = 0; i < length; i++)
        if (key[i] <= ' ' || key[i] > '~')
            length = 0;
    if (length > 0 && text_copy(request->idempotency_key, limit_key_size, key))
        return true;
    return refuse(problem, "Idempotency-Key", "must have 1 to 64 printable characters of ASCII "
                                              "without spaces");
}

/* The tag as add_validator() in answer.c writes it. */
static bool take_tag(const struct rest_call *call, struct request *request,
                     struct problem *problem) {
    const char *tag = http_header(&call->http, "If-Match");
    enum { digits = 16 };
    if (!tag || !rest_route_takes_tag(call->route) || text_equal(tag, "*"))
        return true;
    bool quoted = tag[0] == '"' && strspn(tag + 1, "0123456789abcdef") == digits &&
                  text_equal(tag + 1 + digits, "\"");
    request->tag = quoted ? strtoull(tag + 1, NULL, 16) : 0;
    return quoted || refuse(problem, "If-Match", "must be the ETag of an answer, or *");
}

static bool take_body(const struct rest_call *call, struct request *request,
                      struct problem *problem) {
    static const struct table nothing = {.name = "nothing", .size = 1};
    char none;
    struct codec_fault fault;
    const struct table *table = request->body;
    void *into = table ? (char *)request + request->body_offset : &none;
    if (!table && call->body.length == 0)
        return true;
    if (codec_decode(table ? table : &nothing,
                     &(struct codec_input){text_data(&call->body), call->body.length, FIELD_API,
                                           CODEC_REFUSE_UNKNOWN},
                     into, &fault) == 0)
        return true;
    return refuse(problem, fault.field, fault.text);
}

/* The hash of method, path and body, for the Idempotency-Key; stores keep 63 bits of it. The body
 * is as its table writes it: in what order and with what spaces it came makes no other request. */
static uint64_t request_hash(const struct rest_call *call, const struct request *request) {
    struct text whole = {0};
    text_addf(&whole, "%s %s\n", call->http.method, call->http.path);
    if (request->body)
        codec_encode(request->body, (const char *)request + request->body_offset, FIELD_API,
                     &whole);
    uint64_t hash = map_hash(0, whole.data, whole.length) & INT64_MAX;
    text_deinit(&whole);
    return hash;
}

/* What a contact is proven by, and what it is sent is signed by. */
static void draw_secrets(struct contact *contact) {
    unsigned char key[32];
    auto_clean(text_deinit) struct text encoded = {0};
    char challenge[secret_token_size];
    secret_token(challenge);
    text_set(contact->challenge, challenge);
    secret_random(key, sizeof(key));
    base64_to_standard(key, sizeof(key), &encoded);
    text_format(contact->secret, sizeof(contact->secret), "whsec_%s", text_data(&encoded));
    secret_erase(key, sizeof(key));
}

bool rest_request_make(struct rest_call *call, struct request *out_request,
                       struct problem *problem) {
    *out_request = (struct request){.kind = call->route->kind, .verb = call->route->verb,
                                    .hard = call->route->hard,
                                    .body = call->route->body,
                                    .body_offset = call->route->body_offset};
    text_set(out_request->token_hash, call->token_hash);
    if (!text_copy(out_request->key, sizeof(out_request->key), call->key)) {
        problem_set(problem, CODE_NOT_FOUND, NULL, "No id and no name is as long as the one in "
                    "the path");
        return false;
    }
    if (!take_parameters(call, out_request, problem) ||
        !take_idempotency_key(call, out_request, problem) ||
        !take_tag(call, out_request, problem) ||
        !take_body(call, out_request, problem))
        return false;
    out_request->body_hash = request_hash(call, out_request);
    if (out_request->kind == REQUEST_TENANT_CREATE || out_request->kind == REQUEST_TOKEN_CREATE ||
        out_request->kind == REQUEST_ACCESS_CREATE) {
        secret_token(call->token);
        secret_hash_bytes(call->token, strlen(call->token), out_request->new_token_hash);
    }
    if (out_request->kind == REQUEST_TOKEN_CREATE)
        call->token_form = out_request->token_create.whole ? JOIN_TOKEN_WHOLE : JOIN_TOKEN_SHORT;
    if (out_request->kind == REQUEST_CONTACT_ADD)
        draw_secrets(&out_request->contact);
    if (request_opens_stream(out_request->kind))
        stream_secret_draw(&out_request->stream);
    return true;
}
