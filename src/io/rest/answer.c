/* Which status, headers and body each kind of reply becomes. Secrets that the core never had,
 * such as a new token, are put in here. */
#include "io/rest/answer.h"

#include <assert.h>
#include <string.h>

#include "base/map.h"
#include "io/keys/join_token.h"
#include "io/rest/invitation.h"
#include "message/codec.h"
#include "message/query/filter.h"
#include "message/query/pick.h"

/* By the first bytes of the body alone: what stands behind them changes while the rest does not. */
static void add_validator(struct rest_call *call, size_t length) {
    struct http_request *http = &call->http;
    struct text tag = {0};
    text_addf(&tag, "\"%016llx\"",
              (unsigned long long)map_hash(0, text_data(&http->answer.body), length));
    const char *known = http_header(http, "If-None-Match");
    if (known && (text_equal(known, "*") || strstr(known, tag.data))) {
        answer_begin(&http->answer, 304, NULL);
        answer_header(&http->answer, "Cache-Control", "no-store");
    }
    answer_header(&http->answer, "ETag", "%s", tag.data);
    text_deinit(&tag);
}

static void begin(struct rest_call *call, unsigned status) {
    answer_begin(&call->http.answer, status, "application/json");
    answer_header(&call->http.answer, "Cache-Control", "no-store");
}

void rest_answer_record(struct rest_call *call, unsigned status, const struct table *table,
                        const void *data) {
    begin(call, status);
    codec_encode(table, data, FIELD_API, &call->http.answer.body);
    if (text_equal(call->route->method, "GET"))
        add_validator(call, call->http.answer.body.length);
}

static void answer_list(struct rest *rest, struct rest_call *call) {
    const struct reply *reply = &call->reply;
    begin(call, 200);
    struct text *body = &call->http.answer.body;
    struct pick pick;
    struct filter filter;
    struct codec_fault fault;
    struct list_query query = call->query;
    query.tenant[0] = 0; /* a tenant's own word is not heard: it sees what is its own */
    const struct table *table = call->route->answer;
    bool is_right = pick_make(&pick, table, query.fields, &fault) &&
                    filter_make(&filter, &query, table, &fault);
    assert(is_right); /* otherwise the request was refused */
    text_add(body, "{\"items\":[");
    const char *comma = "";
    for (uint32_t i = 0; i < reply->list_count; i++) {
        if (!filter_fits(&filter, reply->list[i].data)) /* it came from the store */
            continue;
        text_add(body, comma);
        codec_encode(&pick.table, reply->list[i].data, FIELD_API, body);
        comma = ",";
    }
    text_add(body, "]");
    if (reply->next[0]) {
        text_add(body, ",\"next\":");
        codec_add_string(reply->next, body);
    }
    size_t length = body->length;
    if (rest_route_is_watched(call->route)) {
        char revision[watch_revision_size];
        watch_revision(rest->watch, reply->revision, revision);
        text_addf(body, ",\"revision\":\"%s\"", revision);
    }
    text_add(body, "}");
    add_validator(call, length);
}

static void answer_token(struct rest *rest, struct rest_call *call) {
    const struct join_token *token = call->reply.record.data;
    struct token_created created = {.expires_ms = token->expires_ms};
    struct join_offer offer = {.expires_ms = token->expires_ms};
    auto_clean(text_deinit) struct text text = {0};
    text_set(offer.id, token->id);
    text_set(offer.peer, token->peer);
    text_set(offer.secret, call->token);
    pthread_mutex_lock(&rest->lock);
    text_set(offer.manager_key, rest->manager_key);
    text_set(offer.address, rest->manager_address);
    for (size_t i = 0; i < rest->invitations_count; i++)
        if (text_equal(rest->invitations[i].peer, token->peer))
            offer.link = rest->invitations[i].link; /* borrowed */
    join_token_print(&offer, call->token_form, &text);
    pthread_mutex_unlock(&rest->lock);
    text_set(created.id, token->id);
    text_set(created.peer, token->peer);
    created.token = text.data; /* borrowed */
    rest_answer_record(call, 201, &token_created_table, &created);
    answer_header(&call->http.answer, "Location", "/v1/tokens/%s", token->id);
}

static void answer_access(struct rest_call *call) {
    const struct access_token *token = call->reply.record.data;
    struct access_created created = {.rights = token->rights, .expires_ms = token->expires_ms};
    text_set(created.id, token->id);
    text_set(created.name, token->name);
    text_set(created.token, call->token);
    rest_answer_record(call, 201, &access_created_table, &created);
    answer_header(&call->http.answer, "Location", "/v1/access-tokens/%s", token->id);
}

static void answer_contact(struct rest_call *call) {
    const struct contact *contact = call->reply.record.data;
    struct contact created = {0};
    text_set(created.id, contact->id);
    text_set(created.name, contact->name);
    created.kind = contact->kind;
    text_set(created.secret, contact->secret);
    rest_answer_record(call, 201, &contact_created_table, &created);
    answer_header(&call->http.answer, "Location", "/v1/contacts/%s", contact->id);
}

static void answer_created(struct rest *rest, struct rest_call *call) {
    const struct record *record = &call->reply.record;
    if (record->table == &join_token_table) {
        answer_token(rest, call);
        return;
    }
    if (record->table == &access_token_table) {
        answer_access(call);
        return;
    }
    if (record->table == &contact_table) {
        answer_contact(call);
        return;
    }
    if (record->table == &rule_table) {
        const struct rule *rule = record->data;
        rest_answer_record(call, 201, record->table, rule);
        answer_header(&call->http.answer, "Location", "/v1/rules/%s", rule->name);
        return;
    }
    if (record->table != &tenant_table) { /* made under its own name */
        rest_answer_record(call, 201, record->table, record->data);
        answer_header(&call->http.answer, "Location", "%s", call->http.path);
        return;
    }
    const struct tenant *tenant = record->data;
    struct tenant_created created = {.created_ms = tenant->created_ms};
    text_set(created.name, tenant->name);
    text_set(created.token, call->token);
    rest_answer_record(call, 201, &tenant_created_table, &created);
    answer_header(&call->http.answer, "Location", "/v1/tenants/%s", tenant->name);
}

static void answer_operation(struct rest_call *call) {
    const struct operation *op = call->reply.record.data;
    bool ended = op->state == OP_SUCCEEDED || op->state == OP_FAILED;
    bool asked = !text_equal(call->route->method, "GET");
    rest_answer_record(call, asked && !ended ? 202 : 200, &operation_table, op);
    if (asked)
        answer_header(&call->http.answer, "Location", "/v1/operations/%s", op->id);
}

void rest_answer_reply(struct rest *rest, struct rest_call *call) {
    struct reply *reply = &call->reply;
    struct problem problem;
    switch (reply->kind) {
    case REPLY_RECORD:
        if (reply->record.table == &operation_table)
            answer_operation(call);
        else
            rest_answer_record(call, 200, reply->record.table, reply->record.data);
        break;
    case REPLY_CREATED:
        answer_created(rest, call);
        break;
    case REPLY_OPERATION:
        answer_operation(call);
        break;
    case REPLY_LIST:
        answer_list(rest, call);
        break;
    case REPLY_GONE:
        answer_begin(&call->http.answer, 204, NULL);
        answer_header(&call->http.answer, "Cache-Control", "no-store");
        break;
    case REPLY_PROBLEM:
        problem_set(&problem, reply->code, reply->field, "%s", reply->text);
        answer_problem(&call->http.answer, &problem);
        break;
    }
    reply_clear(reply);
}
