/* Which schema, parameters and problems each route shows. */
#include "io/rest/openapi.h"

#include <assert.h>
#include <string.h>

#include "io/http/problem.h"
#include "message/codec.h"

enum { schemas_most = 96 };

struct schemas {
    const struct table *tables[schemas_most];
    size_t count;
};

static const char *const patterns[] = {
    [CHECK_PRINTABLE] = NULL,
    [CHECK_NAME] = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    [CHECK_NEW_NAME] = "^(?![a-z]{1,8}-[0-9a-hjkmnp-tv-z]{26}$)"
                       "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    [CHECK_ID] = "^[a-z]{1,8}-[0-9a-hjkmnp-tv-z]{26}$",
    [CHECK_DIGEST] = "^[0-9a-f]{64}$",
    [CHECK_LABELS] = "^[a-z0-9-]+=[a-z0-9-]+(,[a-z0-9-]+=[a-z0-9-]+)*$",
    [CHECK_METADATA] = "^[^,=]{1,255}=[^,]*(,[^,=]{1,255}=[^,]*)*$",
    [CHECK_NETWORKS] = "^[a-z0-9-]+(,[a-z0-9-]+){0,3}$",
    [CHECK_SSH_KEYS] = NULL,
    [CHECK_SSH_NAMES] = "^[a-z0-9-]+(,[a-z0-9-]+){0,15}$",
    [CHECK_BASE64] = "^[A-Za-z0-9+/]*={0,2}$",
    [CHECK_LINES] = NULL,
};

static bool is_archive(const struct rest_route *route) {
    return route->action == REST_BLOB || route->action == REST_EXPORT;
}

static void add_member(struct text *out, const char *name, const char *value) {
    text_addf(out, ",\"%s\":", name);
    codec_add_string(value, out);
}

static void add_reference(struct text *out, const struct table *table) {
    text_addf(out, "\"$ref\":\"#/components/schemas/%s\"", table->name);
}

static void add_type(struct text *out, const struct field *field) {
    unsigned long long most = field_most(field);
    switch (field->kind) {
    case FIELD_TEXT:
        text_addf(out, "\"type\":\"string\",\"maxLength\":%zu", field->size - 1);
        if (patterns[field->check])
            add_member(out, "pattern", patterns[field->check]);
        break;
    case FIELD_BLOB:
        text_addf(out, "\"type\":\"string\",\"maxLength\":%llu", most);
        break;
    case FIELD_U32:
    case FIELD_U64:
        text_addf(out, "\"type\":\"integer\",\"minimum\":%llu,\"maximum\":%llu",
                  (unsigned long long)field->least, most);
        break;
    case FIELD_FLAG:
        text_add(out, "\"type\":\"boolean\"");
        text_add(out, field->mask & FIELD_TRUE ? ",\"default\":true" : "");
        break;
    case FIELD_ENUM:
        text_add(out, "\"type\":\"string\",\"enum\":[");
        for (unsigned i = 0; i < field->names_count; i++) {
            text_add(out, i ? "," : "");
            codec_add_string(field->names[i], out);
        }
        text_add(out, "]");
        break;
    case FIELD_RECORD:
        add_reference(out, field->table);
        break;
    case FIELD_LIST:
        text_addf(out, "\"type\":\"array\",\"maxItems\":%llu,\"items\":{", most);
        add_reference(out, field->table);
        text_add(out, "}");
        break;
    }
}

enum schema_use { SCHEMA_ANSWER, SCHEMA_BODY };

static void add_schema(struct text *out, const struct table *table, enum schema_use use) {
    codec_add_string(table->name, out);
    text_add(out, ":{\"type\":\"object\"");
    add_member(out, "description", table->about);
    text_add(out, ",\"properties\":{");
    struct text required = {0};
    const char *comma = "";
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (!field_is_shown(field, FIELD_API))
            continue;
        text_add(out, comma);
        codec_add_string(field->name, out);
        text_add(out, ":{");
        add_type(out, field);
        add_member(out, "description", field->about);
        text_add(out, "}");
        comma = ",";
        if (field->mask & (FIELD_REQUIRED | FIELD_ALWAYS))
            text_addf(&required, "%s\"%s\"", required.length ? "," : "", field->name);
    }
    text_add(out, "}");
    if (required.length)
        text_addf(out, ",\"required\":[%s]", required.data);
    text_deinit(&required);
    text_add(out, use == SCHEMA_BODY ? ",\"additionalProperties\":false}" : "}");
}

static void collect(struct schemas *schemas, const struct table *table) {
    for (size_t i = 0; i < schemas->count; i++)
        if (schemas->tables[i] == table)
            return;
    if (!table)
        return;
    assert(schemas->count < schemas_most); /* the routes are ours: a test asks for the document */
    schemas->tables[schemas->count++] = table;
    for (size_t i = 0; i < table->fields_count; i++)
        if (table->fields[i].table && field_is_shown(&table->fields[i], FIELD_API))
            collect(schemas, table->fields[i].table);
}

static void add_parameter(struct text *out, const char *where, const char *name,
                          const char *about) {
    text_addf(out, "%s{\"in\":\"%s\",\"name\":\"%s\"", out->data[out->length - 1] == '[' ? "" : ",",
              where, name);
    text_add(out, text_equal(where, "path") ? ",\"required\":true" : "");
    add_member(out, "description", about);
}

/* Parameters for the fields of a table, from one of them on. */
static void add_fields(struct text *out, const struct table *table, size_t first) {
    for (size_t i = first; i < table->fields_count; i++) {
        add_parameter(out, "query", table->fields[i].name, table->fields[i].about);
        text_add(out, ",\"schema\":{");
        add_type(out, &table->fields[i]);
        text_add(out, "}}");
    }
}

static void add_parameters(struct text *out, const struct rest_route *route) {
    text_add(out, ",\"parameters\":[");
    const char *variable = strchr(route->path, '{');
    if (variable) {
        char name[32];
        text_format(name, sizeof(name), "%.*s", (int)strcspn(variable + 1, "}"), variable + 1);
        add_parameter(out, "path", name, text_equal(name, "vm") ? "Its id or its name."
                                         : text_equal(name, "digest") ? "SHA-256 of it."
                                                                      : "Which one.");
        text_add(out, ",\"schema\":{\"type\":\"string\"}}");
    }
    for (size_t i = 0; i < array_size(route->parameters) && route->parameters[i]; i++) {
        enum rest_holder holder;
        const struct field *field = rest_route_parameter(route, route->parameters[i], &holder);
        add_parameter(out, "query", field->name, field->about);
        text_add(out, ",\"schema\":{");
        add_type(out, field);
        text_add(out, "}}");
    }
    if (route->action == REST_UPLOAD) {
        add_fields(out, &image_add_table, 1); /* the first is in the path */
        add_fields(out, &image_sent_table, 0);
    }
    if (rest_route_takes_key(route)) {
        add_parameter(out, "header", "Idempotency-Key",
                      "Drawn by the client; the same request with the same key is done once.");
        text_addf(out, ",\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":%d}}",
                  limit_key_size - 1);
    }
    if (rest_route_takes_tag(route)) {
        add_parameter(out, "header", "If-Match",
                      "The ETag that the VM had when it was read: refused if it has changed.");
        text_add(out, ",\"schema\":{\"type\":\"string\"}}");
    }
    text_add(out, "]");
}

static void add_body(struct text *out, const struct rest_route *route) {
    if (route->action == REST_UPLOAD)
        text_add(out, ",\"requestBody\":{\"required\":true,\"description\":\"An archive, or a "
                      "disk.\",\"content\":{\"application/octet-stream\":{}}}");
    if (!route->body)
        return;
    text_add(out, ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":"
                  "{\"schema\":{");
    add_reference(out, route->body);
    text_add(out, "}}}}");
}

/* One answer that is no problem. */
static void add_answer(struct text *out, const struct rest_route *route, unsigned status,
                       const char *about) {
    text_addf(out, "%s\"%u\":{\"description\":\"%s\"",
              out->data[out->length - 1] == '{' ? "" : ",", status, about);
    bool located = status == 201 || status == 202;
    if (located)
        text_add(out, ",\"headers\":{\"Location\":{\"description\":\"Where it is.\",\"schema\":"
                      "{\"type\":\"string\"}}}");
    bool has_body = status != 204 && status != 304;
    if (has_body) {
        text_addf(out, ",\"content\":{\"%s\":{\"schema\":{",
                  is_archive(route)              ? "application/octet-stream"
                  : route->action == REST_EVENTS ? "text/event-stream"
                                                 : "application/json");
        if (route->shape == REST_LIST) {
            text_add(out, "\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":"
                          "{\"type\":\"array\",\"items\":{");
            add_reference(out, route->answer);
            text_add(out, "}},\"next\":{\"type\":\"string\",\"description\":\"`after` of the next "
                          "page; absent on the last.\"}");
            if (rest_route_is_watched(route))
                text_add(out, ",\"revision\":{\"type\":\"string\",\"description\":\"`after` of a "
                              "watch that goes on from here.\"}");
            text_add(out, "}");
        } else if (route->answer) {
            add_reference(out, route->answer);
        }
        text_add(out, "}}}");
    }
    text_add(out, "}");
}

static void add_answers(struct text *out, const struct rest_route *route) {
    switch (route->shape) {
    case REST_RECORD:
    case REST_LIST:
        add_answer(out, route, 200, "It is so.");
        add_answer(out, route, 304, "As in If-None-Match.");
        break;
    case REST_CREATED:
        add_answer(out, route, 201, "Made.");
        break;
    case REST_OPERATION:
        add_answer(out, route, 200, "The operation has ended.");
        add_answer(out, route, 202, "The operation is under way.");
        break;
    case REST_GONE:
        add_answer(out, route, 204, "Gone.");
        break;
    case REST_STREAM:
        add_answer(out, route, 200, "Events, as long as the client listens.");
        break;
    case REST_BYTES:
        add_answer(out, route, 200, "The whole.");
        if (is_archive(route))
            add_answer(out, route, 206, "The range asked for.");
        break;
    }
}

/* Which codes a status can stand for, as one answer. */
static void add_problems(struct text *out, const struct rest_face *face,
                         const struct rest_route *route) {
    uint64_t problems = rest_route_problems(face, route);
    for (unsigned status = 400; status < 600; status++) {
        struct text codes = {0};
        for (enum code code = CODE_OK; code < CODE_COUNT; code++)
            if (problems >> code & 1 && problem_status(code) == status)
                text_addf(&codes, "%s%s", codes.length ? ", " : "", code_names[code]);
        if (status == 408)
            text_add(&codes, "the request did not come whole in time");
        if (status == 429)
            text_add(&codes, "one address or token has too many requests open");
        if (status == 415 && route->body)
            text_add(&codes, "the body is not JSON by its Content-Type");
        if (status == 416 && is_archive(route))
            text_add(&codes, "the range lies outside");
        if (codes.length)
            text_addf(out, ",\"%u\":{\"description\":\"%s\",\"content\":{\"application/problem+json"
                      "\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}}",
                      status, codes.data);
        text_deinit(&codes);
    }
}

static void add_operation(struct text *out, const struct rest_face *face,
                          const struct rest_route *route) {
    text_add(out, "\"");
    for (const char *at = route->method; *at; at++)
        text_addf(out, "%c", *at | 0x20);
    text_add(out, "\":{\"operationId\":\"");
    for (const char *at = route->method; *at; at++)
        text_addf(out, "%c", *at | 0x20);
    for (const char *at = route->path + strlen("/v1"); *at; at++)
        if (!strchr("{}", *at))
            text_addf(out, "%c", strchr("/.", *at) ? '-' : *at);
    text_add(out, "\"");
    add_member(out, "summary", route->summary);
    if (face->trust == REST_BY_TOKEN && rest_route_is_open(face, route))
        text_add(out, ",\"security\":[]");
    add_parameters(out, route);
    add_body(out, route);
    text_add(out, ",\"responses\":{");
    add_answers(out, route);
    add_problems(out, face, route);
    text_add(out, "}}");
}

/* A body is taken without unknown fields; what is an answer too may get more of them. */
static enum schema_use use_of(const struct rest_face *face, const struct table *table) {
    enum schema_use use = SCHEMA_ANSWER;
    for (size_t i = 0; i < face->routes_count; i++) {
        if (face->routes[i].answer == table)
            return SCHEMA_ANSWER;
        if (face->routes[i].body == table)
            use = SCHEMA_BODY;
    }
    return use;
}

void rest_openapi(const struct rest_face *face, const char *software, struct text *out) {
    struct schemas schemas = {0};
    text_add(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Isthmus\",\"version\":\"1\"");
    text_add(out, ",\"description\":");
    struct text about = {0};
    text_addf(&about, "%s, by %s. Times named _ms are "
              "milliseconds since 1970, UTC. A method that a path does not take is answered 405 "
              "with Allow; HEAD is taken where GET is.", face->about, software);
    codec_add_string(about.data, out);
    text_deinit(&about);
    text_addf(out, "}%s,\"paths\":{",
              face->trust == REST_BY_TOKEN ? ",\"security\":[{\"bearer\":[]}]" : "");
    const char *path = "";
    for (size_t i = 0; i < face->routes_count; i++) {
        const struct rest_route *route = &face->routes[i];
        bool is_new = !text_equal(route->path, path);
        text_addf(out, "%s", i == 0 ? "" : is_new ? "}," : ",");
        if (is_new)
            text_addf(out, "\"%s\":{", route->path);
        add_operation(out, face, route);
        path = route->path;
        collect(&schemas, route->body);
        collect(&schemas, route->answer);
    }
    collect(&schemas, &problem_table);
    text_addf(out, "}},\"components\":{%s\"schemas\":{",
              face->trust == REST_BY_TOKEN ? "\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                                             "\"scheme\":\"bearer\"}}," : "");
    for (size_t i = 0; i < schemas.count; i++) {
        text_add(out, i ? "," : "");
        add_schema(out, schemas.tables[i], use_of(face, schemas.tables[i]));
    }
    text_add(out, "}}}");
}
