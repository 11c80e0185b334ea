/* What can be done to any record by its table alone: clearing, copying, comparing, and measuring
 * what it owns on the heap. */
#include "message/field.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

const struct field *field_find(const struct table *table, const char *name) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (text_equal(table->fields[i].name, name))
            return &table->fields[i];
    return NULL;
}

const struct table *field_entry_table(const struct field *field, const void *entry) {
    if (!field->choices)
        return field->table;
    unsigned choice = 0;
    memcpy(&choice, entry, sizeof(choice));
    return field->choices[choice];
}

void *field_entry_body(const struct field *field, void *entry) {
    return (char *)entry + field->choice_offset;
}

uint64_t field_most(const struct field *field) {
    return field->most ? field->most : field->kind == FIELD_U32 ? UINT32_MAX : INT64_MAX;
}

static char *member(const struct field *field, void *data) { return (char *)data + field->offset; }

static void *pointer_at(const void *at) {
    void *pointer = NULL;
    memcpy(&pointer, at, sizeof(pointer));
    return pointer;
}

static uint32_t list_count(const struct field *field, const void *data) {
    uint32_t count = 0;
    memcpy(&count, (const char *)data + field->count_offset, sizeof(count));
    return count;
}

static bool bytes_are_zero(const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

bool field_is_zero(const struct field *field, const void *data) {
    const char *at = (const char *)data + field->offset;
    switch (field->kind) {
    case FIELD_TEXT:
        return !*at;
    case FIELD_BLOB:
        return !pointer_at(at);
    case FIELD_LIST:
        return list_count(field, data) == 0;
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_FLAG:
    case FIELD_ENUM:
        return bytes_are_zero(at, field->size);
    case FIELD_RECORD:
        for (size_t i = 0; i < field->table->fields_count; i++)
            if (!field_is_zero(&field->table->fields[i], at))
                return false;
        return true;
    }
    return false;
}

uint64_t field_number(const struct field *field, const void *data) {
    const char *at = (const char *)data + field->offset;
    uint64_t large = 0;
    uint32_t small = 0;
    bool flag = false;
    if (field->kind == FIELD_U64)
        memcpy(&large, at, sizeof(large));
    else if (field->kind == FIELD_FLAG)
        memcpy(&flag, at, sizeof(flag));
    else
        memcpy(&small, at, sizeof(small));
    return large + small + flag;
}

const char *field_text(const struct field *field, const void *data) {
    const char *at = (const char *)data + field->offset;
    const char *blob = field->kind == FIELD_BLOB ? pointer_at(at) : at;
    return blob ? blob : "";
}

bool field_is_missing(const struct field *field, const void *data) {
    return (field->mask & FIELD_REQUIRED) && !(field->mask & FIELD_ALWAYS) &&
           field_is_zero(field, data);
}

static void blob_clear(const struct field *field, void *data) {
    char *text = pointer_at(member(field, data));
    if (text && (field->mask & FIELD_SECRET))
        explicit_bzero(text, strlen(text));
    memory_free(text);
}

static void list_clear(const struct field *field, void *data) {
    char *items = pointer_at(member(field, data));
    uint32_t count = list_count(field, data);
    for (uint32_t i = 0; i < count; i++) {
        char *entry = items + i * field->size;
        record_clear(field_entry_table(field, entry), field_entry_body(field, entry));
    }
    memory_free(items);
}

void record_clear(const struct table *table, void *data) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (field->kind == FIELD_BLOB)
            blob_clear(field, data);
        else if (field->kind == FIELD_RECORD)
            record_clear(field->table, member(field, data));
        else if (field->kind == FIELD_LIST)
            list_clear(field, data);
    }
    if (table->size)
        memset(data, 0, table->size);
}

/* Gives the shallow copy `to` a list of its own. */
static void list_clone(const struct field *field, void *to) {
    char *items = pointer_at(member(field, to));
    uint32_t count = list_count(field, to);
    char *copy = count ? memory_copy(items, count * field->size) : NULL;
    memcpy(member(field, to), &copy, sizeof(copy));
    for (uint32_t i = 0; i < count; i++) {
        char *entry = copy + i * field->size;
        record_clone(field_entry_table(field, entry),
                     field_entry_body(field, items + i * field->size),
                     field_entry_body(field, entry));
    }
}

void record_clone(const struct table *table, const void *from, void *out_to) {
    if (table->size)
        memcpy(out_to, from, table->size);
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (field->kind == FIELD_BLOB) {
            char *copy = memory_text(pointer_at(member(field, out_to)));
            memcpy(member(field, out_to), &copy, sizeof(copy));
        } else if (field->kind == FIELD_RECORD) {
            record_clone(field->table, (const char *)from + field->offset,
                         member(field, out_to));
        } else if (field->kind == FIELD_LIST) {
            list_clone(field, out_to);
        }
    }
}

static size_t list_owned_bytes(const struct field *field, const void *data) {
    char *items = pointer_at((const char *)data + field->offset);
    uint32_t count = list_count(field, data);
    size_t bytes = count * field->size;
    for (uint32_t i = 0; i < count; i++) {
        char *entry = items + i * field->size;
        bytes += record_owned_bytes(field_entry_table(field, entry),
                                    field_entry_body(field, entry));
    }
    return bytes;
}

size_t record_owned_bytes(const struct table *table, const void *data) {
    size_t bytes = 0;
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        const char *at = (const char *)data + field->offset;
        if (field->kind == FIELD_BLOB)
            bytes += pointer_at(at) ? strlen(pointer_at(at)) + 1 : 0;
        else if (field->kind == FIELD_RECORD)
            bytes += record_owned_bytes(field->table, at);
        else if (field->kind == FIELD_LIST)
            bytes += list_owned_bytes(field, data);
    }
    return bytes;
}

struct record record_copy(const struct table *table, const void *data) {
    struct record record = {.table = table, .data = memory_new(1, table->size)};
    record_clone(table, data, record.data);
    return record;
}

void record_deinit(struct record *record) {
    if (record->data)
        record_clear(record->table, record->data);
    memory_free(record->data);
    *record = (struct record){0};
}

static bool field_equal(const struct field *field, const void *left, const void *right) {
    const char *a = (const char *)left + field->offset, *b = (const char *)right + field->offset;
    if (field->kind == FIELD_TEXT)
        return strncmp(a, b, field->size) == 0;
    if (field->kind == FIELD_RECORD)
        return record_equal(field->table, a, b);
    if (field->kind == FIELD_BLOB) {
        const char *x = pointer_at(a), *y = pointer_at(b);
        return x == y || (x && y && strcmp(x, y) == 0);
    }
    if (field->kind != FIELD_LIST)
        return memcmp(a, b, field->size) == 0;
    uint32_t count = list_count(field, left);
    if (count != list_count(field, right))
        return false;
    char *x = pointer_at(a), *y = pointer_at(b);
    for (uint32_t i = 0; i < count; i++, x += field->size, y += field->size) {
        const struct table *table = field_entry_table(field, x);
        if (table != field_entry_table(field, y) ||
            !record_equal(table, field_entry_body(field, x), field_entry_body(field, y)))
            return false;
    }
    return true;
}

bool record_equal(const struct table *table, const void *left, const void *right) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (!field_equal(&table->fields[i], left, right))
            return false;
    return true;
}
