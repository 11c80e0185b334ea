/* From a struct to JSON, and to the key=value line that traces and debug logs show. Fields that
 * are zero are left out unless the table says always; secrets are left out of lines. */
#include <string.h>

#include "message/codec/check.h"

void codec_add_string(const char *value, struct text *out) {
    text_add(out, "\"");
    while (*value) {
        const char *plain = value;
        size_t length = 0;
        while ((length = check_utf8(value)) && *value != '"' && *value != '\\' &&
               (unsigned char)*value >= ' ' && *value != 127)
            value += length;
        text_add_bytes(out, plain, (size_t)(value - plain));
        if (!*value)
            break;
        if (!length)
            text_add(out, "\\ufffd");
        else if (*value == '"' || *value == '\\')
            text_addf(out, "\\%c", *value);
        else if (strchr("\n\r\t", *value)) /* short, since first-boot data is full of them */
            text_addf(out, "\\%c", *value == '\n' ? 'n' : *value == '\r' ? 'r' : 't');
        else
            text_addf(out, "\\u%04x", (unsigned)(unsigned char)*value);
        value++;
    }
    text_add(out, "\"");
}

/* This file writes most of what the daemons write: without printf, which costs several times as
 * much as all the rest of it. */
static void add_name(const char *before, const char *name, const char *after, struct text *out) {
    text_add(out, before);
    text_add(out, name);
    text_add(out, after);
}

static const char *name_at(const struct field *field, const void *data) {
    uint64_t value = field_number(field, data);
    return value < field->names_count ? field->names[value] : "?";
}

static void encode_list(const struct field *field, const void *data, enum field_mask face,
                        struct text *out) {
    char *items = NULL;
    uint32_t count = 0;
    memcpy(&items, (const char *)data + field->offset, sizeof(items));
    memcpy(&count, (const char *)data + field->count_offset, sizeof(count));
    text_add(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        char *entry = items + i * field->size;
        const struct table *table = field_entry_table(field, entry);
        text_add(out, i ? "," : "");
        if (field->choices)
            add_name("{\"", table->name, "\":", out);
        codec_encode(table, field_entry_body(field, entry), face, out);
        text_add(out, field->choices ? "}" : "");
    }
    text_add(out, "]");
}

static void encode_value(const struct field *field, const void *data, enum field_mask face,
                         struct text *out) {
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        codec_add_string(field_text(field, data), out);
        return;
    case FIELD_U32:
    case FIELD_U64:
        text_add_number(out, field_number(field, data));
        return;
    case FIELD_FLAG:
        text_add(out, field_is_zero(field, data) ? "false" : "true");
        return;
    case FIELD_ENUM:
        add_name("\"", name_at(field, data), "\"", out);
        return;
    case FIELD_RECORD:
        codec_encode(field->table, (const char *)data + field->offset, face, out);
        return;
    case FIELD_LIST:
        encode_list(field, data, face, out);
        return;
    }
}

void codec_encode(const struct table *table, const void *data, enum field_mask face,
                  struct text *out) {
    const char *before = "{\"";
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        bool written = (field->mask & (FIELD_ALWAYS | FIELD_TRUE)) || !field_is_zero(field, data);
        if (!written || !field_is_shown(field, face))
            continue;
        add_name(before, field->name, "\":", out);
        encode_value(field, data, face, out);
        before = ",\"";
    }
    text_add(out, *before == '{' ? "{}" : "}");
}

static void print_value(const struct field *field, const void *data, struct text *out);

static void print_fields(const struct table *table, const void *data, struct text *out) {
    const char *separator = "";
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (field_is_zero(field, data) && !(field->mask & FIELD_ALWAYS))
            continue;
        text_addf(out, "%s%s=", separator, field->name);
        if (field->mask & FIELD_SECRET)
            text_add(out, "(secret)");
        else
            print_value(field, data, out);
        separator = " ";
    }
}

static void print_value(const struct field *field, const void *data, struct text *out) {
    if (field->kind == FIELD_RECORD) {
        text_add(out, "{");
        print_fields(field->table, (const char *)data + field->offset, out);
        text_add(out, "}");
    } else if (field->kind == FIELD_LIST) {
        uint32_t count = 0;
        memcpy(&count, (const char *)data + field->count_offset, sizeof(count));
        text_addf(out, "[%u]", count);
    } else if (field->kind == FIELD_TEXT || field->kind == FIELD_BLOB) {
        const char *value = field_text(field, data);
        if (strpbrk(value, " \"={}\n"))
            codec_add_string(value, out);
        else
            text_add(out, value);
    } else if (field->kind == FIELD_ENUM) {
        text_add(out, name_at(field, data));
    } else {
        encode_value(field, data, 0, out);
    }
}

void codec_print(const struct table *table, const void *data, struct text *out) {
    print_fields(table, data, out);
}
