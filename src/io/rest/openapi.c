/* Which schema, parameters and problems each route shows, and in which group it stands. */
#include "io/rest/openapi.h"

#include <assert.h>
#include <string.h>

#include "io/http/problem.h"
#include "io/rest/schema.h"

enum { schemas_most = 96 };

struct schemas {
    const struct table *tables[schemas_most];
    size_t count;
};

/* What the document groups routes by: the first word of their paths. */
static const struct tag {
    const char *segment, *name, *about;
} tags[] = {
    {"vms", "VMs", "Virtual machines, and what is done with them."},
    {"streams", "VMs", NULL},
    {"operations", "Operations", "What is under way, or has ended, and how."},
    {"shapes", "Catalogue", "What a VM can be made of: shapes and networks."},
    {"networks", "Catalogue", NULL},
    {"ssh-keys", "SSH keys", "Public keys that a tenant keeps for its VMs."},
    {"images", "Images", "Disks that VMs are made from, and their archives."},
    {"uploads", "Images", NULL},
    {"blobs", "Images", NULL},
    {"clusters", "Clusters", "Where VMs run, as far as it is told."},
    {"hosts", "Hosts", "The hosts of a cluster, for its owner."},
    {"upstreams", "Upstream managers", "Who asks for VMs here, and what each is lent."},
    {"leftovers", "Leftovers", "VMs that are not known to be where they are."},
    {"salvage", "Leftovers", NULL},
    {"tenants", "Tenants", "Who may ask for VMs, and for how many."},
    {"access-tokens", "Access tokens", "By which tenants and operators are known."},
    {"rules", "Rules", "Where an operator has VMs go, or why there are to be none."},
    {"contacts", "Contacts", "Who is told what happens, and how."},
    {"deliveries", "Deliveries", "What isthmus-xmpp tells by chat."},
    {"tokens", "Joining", "Tokens by which others join, and the keys of those that did."},
    {"keys", "Joining", NULL},
    {"audit", "Audit", "What was asked for, by whom, and what came of it."},
    {"events", "Service", "The manager itself: health, events, this document."},
    {"metrics", "Service", NULL},
    {"whoami", "Service", NULL},
    {"tickets", "Browsers", "How a browser is let in: tickets and logins."},
    {"logins", "Browsers", NULL},
    {"openapi.json", "Service", NULL},
    {"health", "Service", NULL},
};

static const struct tag *tag_of(const struct rest_route *route) {
    const char *segment = route->path + strlen("/v1/");
    size_t length = strcspn(segment, "/");
    for (size_t i = 0; i < array_size(tags); i++)
        if (strlen(tags[i].segment) == length && strncmp(segment, tags[i].segment, length) == 0)
            return &tags[i];
    assert(false); /* tests/unit/test_docs.py sees that each route has one */
    return tags;
}

static bool is_archive(const struct rest_route *route) {
    return route->action == REST_BLOB || route->action == REST_SIGNATURE ||
           route->action == REST_EXPORT;
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
    schema_add_member(out, "description", about);
}

/* Parameters for the fields of a table, from one of them on. */
static void add_fields(struct text *out, const struct table *table, size_t first) {
    for (size_t i = first; i < table->fields_count; i++) {
        add_parameter(out, "query", table->fields[i].name, table->fields[i].about);
        text_add(out, ",\"schema\":{");
        schema_add_type(out, &table->fields[i]);
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
        schema_add_type(out, field);
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
    if (route->action == REST_TYPE)
        text_add(out, ",\"requestBody\":{\"required\":true,\"description\":\"Bytes, as they "
                      "are.\",\"content\":{\"application/octet-stream\":{}}}");
    if (!route->body)
        return;
    text_add(out, ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":"
                  "{\"schema\":{");
    schema_add_reference(out, route->body);
    text_add(out, "}}}}");
}

/* One answer that is no problem. */
static void add_answer(struct text *out, const struct rest_route *route, unsigned status,
                       const char *about) {
    text_addf(out, "%s\"%u\":{\"description\":\"%s\"",
              out->data[out->length - 1] == '{' ? "" : ",", status, about);
    bool located = status == 201 || status == 202 || route->action == REST_JOIN;
    if (located)
        text_add(out, ",\"headers\":{\"Location\":{\"description\":\"Where it is.\",\"schema\":"
                      "{\"type\":\"string\"}}}");
    bool has_body = status != 204 && status != 304;
    if (has_body) {
        text_addf(out, ",\"content\":{\"%s\":{\"schema\":{",
                  is_archive(route) || route->action == REST_JOIN
                                                 ? "application/octet-stream"
                  : route->action == REST_METRICS ? "text/plain"
                  : route->action == REST_EVENTS ? "text/event-stream"
                                                 : "application/json");
        if (route->shape == REST_LIST) {
            text_add(out, "\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":"
                          "{\"type\":\"array\",\"items\":{");
            schema_add_reference(out, route->answer);
            text_add(out, "}},\"next\":{\"type\":\"string\",\"description\":\"`after` of the next "
                          "page; absent on the last.\"}");
            if (rest_route_is_watched(route))
                text_add(out, ",\"revision\":{\"type\":\"string\",\"description\":\"`after` of a "
                              "watch that goes on from here.\"}");
            text_add(out, "}");
        } else if (route->answer) {
            schema_add_reference(out, route->answer);
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
        add_answer(out, route, 200, route->action == REST_JOIN
                                        ? "What the VM says, as long as the client listens."
                                        : "Events, as long as the client listens.");
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
    schema_add_member(out, "summary", route->summary);
    text_addf(out, ",\"tags\":[\"%s\"]", tag_of(route)->name);
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

/* Whether the face has a route of this name. */
static bool is_used(const struct rest_face *face, const struct tag *tag) {
    for (size_t i = 0; i < face->routes_count; i++)
        if (text_equal(tag_of(&face->routes[i])->name, tag->name))
            return true;
    return false;
}

static void add_tags(struct text *out, const struct rest_face *face) {
    text_add(out, ",\"tags\":[");
    for (size_t i = 0; i < array_size(tags); i++) {
        if (!tags[i].about || !is_used(face, &tags[i]))
            continue;
        text_addf(out, "%s{\"name\":\"%s\"", out->data[out->length - 1] == '[' ? "" : ",",
                  tags[i].name);
        schema_add_member(out, "description", tags[i].about);
        text_add(out, "}");
    }
    text_add(out, "]");
}

/* All methods of the path of the route at `first`, which no route before it has. */
static void add_path(struct text *out, const struct rest_face *face, size_t first) {
    const char *path = face->routes[first].path;
    text_addf(out, "%s\"%s\":{", out->data[out->length - 1] == '{' ? "" : ",", path);
    for (size_t i = first; i < face->routes_count; i++) {
        if (!text_equal(face->routes[i].path, path))
            continue;
        text_add(out, i == first ? "" : ",");
        add_operation(out, face, &face->routes[i]);
    }
    text_add(out, "}");
}

static bool is_first_of_path(const struct rest_face *face, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (text_equal(face->routes[i].path, face->routes[at].path))
            return false;
    return true;
}

static void add_info(struct text *out, const struct rest_face *face, const char *software) {
    auto_clean(text_deinit) struct text about = {0};
    text_addf(&about, "%s, by %s. Times named _ms are milliseconds since 1970, UTC. A method that "
              "a path does not take is answered 405 with Allow; HEAD is taken where GET is. "
              "Answers may get more fields, and lists of words more of them, within version 1.",
              face->about, software);
    text_add(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Isthmus\",\"version\":\"1\"");
    schema_add_member(out, "description", about.data);
    text_add(out, ",\"license\":{\"name\":\"Apache License 2.0\",\"identifier\":\"Apache-2.0\"}}");
    text_addf(out, ",\"servers\":[{\"url\":\"/\",\"description\":\"%s\"}],\"security\":[%s]",
              face->trust == REST_BY_TOKEN ? "The manager that sent this document."
                                           : "By the Unix socket that this came from.",
              face->trust == REST_BY_TOKEN ? "{\"bearer\":[]}" : "");
    add_tags(out, face);
}

void rest_openapi(const struct rest_face *face, const char *software, struct text *out) {
    struct schemas schemas = {0};
    add_info(out, face, software);
    text_add(out, ",\"paths\":{");
    for (size_t i = 0; i < face->routes_count; i++) {
        if (is_first_of_path(face, i))
            add_path(out, face, i);
        collect(&schemas, face->routes[i].body);
        collect(&schemas, face->routes[i].answer);
    }
    collect(&schemas, &problem_table);
    text_addf(out, "},\"components\":{%s\"schemas\":{",
              face->trust == REST_BY_TOKEN ? "\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                                             "\"scheme\":\"bearer\",\"description\":\"A "
                                             "tenant's token, or the operator's.\"}}," : "");
    for (size_t i = 0; i < schemas.count; i++) {
        text_add(out, i ? "," : "");
        schema_add(out, schemas.tables[i], use_of(face, schemas.tables[i]));
    }
    text_add(out, "}}}");
}
