/* A field's kind, limits and check in JSON Schema's words, and values that fit them. */
#include "io/rest/schema.h"

#include <string.h>

#include "message/codec.h"

static const char *const patterns[] = {
    [CHECK_PRINTABLE] = NULL,
    [CHECK_NAME] = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    [CHECK_NEW_NAME] = "^(?![a-z]{1,8}-[0-9a-hjkmnp-tv-z]{26}$)"
                       "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    [CHECK_ID] = "^[a-z]{1,8}-[0-9a-hjkmnp-tv-z]{26}$",
    [CHECK_DIGEST] = "^[0-9a-f]{64}$",
    [CHECK_LABELS] = "^[a-z0-9-]+=[a-z0-9-]+(,[a-z0-9-]+=[a-z0-9-]+)*$",
    [CHECK_PATTERNS] = "^[a-z0-9*-]+( [a-z0-9*-]+)*$",
    [CHECK_METADATA] = "^[^,=]{1,255}=[^,]*(,[^,=]{1,255}=[^,]*)*$",
    [CHECK_NETWORKS] = "^[a-z0-9-]+(,[a-z0-9-]+){0,3}$",
    [CHECK_INTERFACES] = "^[a-z0-9-]+(,[a-z0-9-]+){0,3}$",
    [CHECK_ALLOW] = NULL,
    [CHECK_SSH_KEYS] = NULL,
    [CHECK_SSH_NAMES] = "^[a-z0-9-]+(,[a-z0-9-]+){0,15}$",
    [CHECK_BASE64] = "^[A-Za-z0-9+/]*={0,2}$",
    [CHECK_IP] = "^[0-9a-f.:]{2,45}$",
    [CHECK_LINES] = NULL,
};

void schema_add_member(struct text *out, const char *name, const char *value) {
    text_addf(out, ",\"%s\":", name);
    codec_add_string(value, out);
}

void schema_add_reference(struct text *out, const struct table *table) {
    text_addf(out, "\"$ref\":\"#/components/schemas/%s\"", table->name);
}

void schema_add_type(struct text *out, const struct field *field) {
    unsigned long long most = field_most(field);
    switch (field->kind) {
    case FIELD_TEXT:
        text_addf(out, "\"type\":\"string\",\"maxLength\":%zu", field->size - 1);
        if (patterns[field->check])
            schema_add_member(out, "pattern", patterns[field->check]);
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
        schema_add_reference(out, field->table);
        break;
    case FIELD_LIST:
        text_addf(out, "\"type\":\"array\",\"maxItems\":%llu,\"items\":{", most);
        schema_add_reference(out, field->table);
        text_add(out, "}");
        break;
    }
}

/* What stands in an example, in JSON: of one table, or ("") of all that have such a field. */
static const struct {
    const char *table, *field, *value;
} values[] = {
    {"shape", "name", "\"small\""},
    {"image", "name", "\"debian\""},
    {"cluster", "name", "\"north\""},
    {"network", "name", "\"lan\""},
    {"snapshot", "name", "\"before\""},
    {"vm-snapshot", "name", "\"before\""},
    {"vm-interface-add", "network", "\"lan\""},
    {"vm-interface-remove", "interface", "\"lan\""},
    {"ssh-key", "name", "\"laptop\""},
    {"ssh-key-add", "name", "\"laptop\""},
    {"account", "name", "\"acme\""},
    {"tenant-create", "name", "\"acme\""},
    {"tenant-created", "name", "\"acme\""},
    {"health-link", "name", "\"downlink\""},
    {"health-certificate", "name", "\"[api] certificate_file\""},
    {"host", "name", "\"host-1\""},
    {"lending", "name", "\"cloud\""},
    {"operation", "id", "\"op-01m821b7h4frtcrkjpcdn262sk\""},
    {"hosted-operation", "id", "\"op-01m821b7h4frtcrkjpcdn262sk\""},
    {"hosted-operation", "state", "\"succeeded\""},
    {"hosted-operation", "step", "\"ended\""},
    {"hosted-vm", "state", "\"running\""},
    {"operation", "state", "\"succeeded\""},
    {"operation", "step", "\"ended\""},
    {"operation", "code", "\"ok\""},
    {"join-token", "id", "\"jt-01m8224s4e68w30tcpp658ffve\""},
    {"token-created", "id", "\"jt-01m8224s4e68w30tcpp658ffve\""},
    {"vm", "state", "\"running\""},
    {"cluster", "state", "\"up\""},
    {"host", "state", "\"up\""},
    {"problem", "type", "\"urn:isthmus:problem:unknown-shape\""},
    {"problem", "title", "\"There is no such shape\""},
    {"problem", "status", "422"},
    {"problem", "code", "\"unknown-shape\""},
    {"problem", "detail", "\"the shape giant is unknown\""},
    {"problem", "remedy", "\"choose one that 'isthmus shape list' shows\""},
    {"", "name", "\"web\""},
    {"", "title", "\"The front page\""},
    {"", "shape", "\"small\""},
    {"", "image", "\"debian\""},
    {"", "cluster", "\"north\""},
    {"", "tenant", "\"acme\""},
    {"", "host", "\"host-1\""},
    {"", "upstream", "\"cloud\""},
    {"", "place", "\"north\""},
    {"", "peer", "\"north\""},
    {"", "public_key", "\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8r3Xq0mZ1t5n4bq3G8 anna\""},
    {"", "token", "\"f3b0c44298fc1c149afbf4c8996fb924\""},
    {"", "architecture", "\"x86_64\""},
    {"", "software", "\"isthmus 0.1.0\""},
    {"", "cpus", "2"},
    {"", "memory_mib", "2048"},
    {"", "disk_gib", "20"},
    {"", "created_ms", "1795000000000"},
    {"", "changed_ms", "1795000000000"},
    {"", "at_ms", "1795000000000"},
};

static const char *value_in(const char *table, const struct field *field) {
    bool is_text = field->kind == FIELD_TEXT || field->kind == FIELD_BLOB;
    for (size_t i = 0; i < array_size(values); i++)
        if (text_equal(field->name, values[i].field) && text_equal(values[i].table, table) &&
            (*table || (*values[i].value == '"') == is_text))
            return values[i].value;
    return NULL;
}

static const char *value_of(const struct table *table, const struct field *field) {
    const char *own = value_in(table->name, field);
    if (own)
        return own;
    if (field->check == CHECK_DIGEST)
        return "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
    if (field->check == CHECK_ID)
        return text_equal(field->name, "operation") ? "\"op-01m821b7h4frtcrkjpcdn262sk\""
                                                    : "\"vm-01m8224s4e68w30tcpp658ffve\"";
    return field->kind == FIELD_RECORD || field->kind == FIELD_LIST ? NULL : value_in("", field);
}

static bool is_in_example(const struct table *table, const struct field *field) {
    return field_is_shown(field, FIELD_API) &&
           (field->mask & (FIELD_REQUIRED | FIELD_ALWAYS) || value_of(table, field));
}

static void add_example_value(struct text *out, const struct table *table,
                              const struct field *field) {
    const char *value = value_of(table, field);
    if (value) {
        text_add(out, value);
        return;
    }
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        text_add(out, "\"\"");
        break;
    case FIELD_U32:
    case FIELD_U64:
        text_addf(out, "%llu", (unsigned long long)(field->least ? field->least : 1));
        break;
    case FIELD_FLAG:
        text_add(out, "true");
        break;
    case FIELD_ENUM:
        codec_add_string(field->names[0], out);
        break;
    case FIELD_RECORD:
        schema_add_example(out, field->table);
        break;
    case FIELD_LIST:
        text_add(out, "[]");
        break;
    }
}

void schema_add_example(struct text *out, const struct table *table) {
    const char *comma = "";
    text_add(out, "{");
    for (size_t i = 0; i < table->fields_count; i++) {
        if (!is_in_example(table, &table->fields[i]))
            continue;
        text_add(out, comma);
        codec_add_string(table->fields[i].name, out);
        text_add(out, ":");
        add_example_value(out, table, &table->fields[i]);
        comma = ",";
    }
    text_add(out, "}");
}

void schema_add(struct text *out, const struct table *table, enum schema_use use) {
    codec_add_string(table->name, out);
    text_add(out, ":{\"type\":\"object\"");
    schema_add_member(out, "description", table->about);
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
        schema_add_type(out, field);
        schema_add_member(out, "description", field->about);
        text_add(out, "}");
        comma = ",";
        if (field->mask & (FIELD_REQUIRED | FIELD_ALWAYS))
            text_addf(&required, "%s\"%s\"", required.length ? "," : "", field->name);
    }
    text_add(out, "}");
    if (required.length)
        text_addf(out, ",\"required\":[%s]", required.data);
    text_deinit(&required);
    text_add(out, ",\"examples\":[");
    schema_add_example(out, table);
    text_add(out, "]");
    text_add(out, use == SCHEMA_BODY ? ",\"additionalProperties\":false}" : "}");
}
