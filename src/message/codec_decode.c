/* From JSON, or from one text of a person, to a struct. What is wrong anywhere fails the whole,
 * with the field's path, and clears what was filled until then. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/check.h"

struct decoding {
    unsigned face;
    enum codec_unknown unknown;
    struct codec_fault *fault;
};

static int decode_record(const struct decoding *how, const struct table *table, json_t *object,
                         void *data);

static void put(const struct field *field, void *data, const void *value, size_t size) {
    memcpy((char *)data + field->offset, value, size);
}

static int put_text(const struct field *field, const char *text, void *data,
                    struct codec_fault *fault) {
    if (check_text(field, text, fault))
        return -EINVAL;
    if (field->kind == FIELD_TEXT) {
        put(field, data, text, strlen(text) + 1);
    } else {
        char *copy = memory_text(text);
        put(field, data, &copy, sizeof(copy));
    }
    return 0;
}

static int decode_text(const struct decoding *how, const struct field *field, json_t *value,
                       void *data) {
    if (!json_is_string(value))
        return check_fault(how->fault, field->name, "must be a text");
    return put_text(field, json_string_value(value), data, how->fault);
}

/* Stands for what is no number at all: it is beyond any field's range. */
static const uint64_t no_number = UINT64_MAX;

static int put_number(const struct field *field, uint64_t number, void *data,
                      struct codec_fault *fault) {
    if (check_number(field, number, fault))
        return -EINVAL;
    uint32_t small = (uint32_t)number;
    put(field, data, field->kind == FIELD_U64 ? (void *)&number : (void *)&small, field->size);
    return 0;
}

static int decode_number(const struct decoding *how, const struct field *field, json_t *value,
                         void *data) {
    bool is_number = json_is_integer(value) && json_integer_value(value) >= 0;
    return put_number(field, is_number ? (uint64_t)json_integer_value(value) : no_number, data,
                      how->fault);
}

static int put_name(const struct field *field, const char *name, void *data,
                    struct codec_fault *fault) {
    for (unsigned i = 0; name && i < field->names_count; i++)
        if (text_equal(field->names[i], name)) {
            put(field, data, &i, sizeof(i));
            return 0;
        }
    struct text names = {.limit = 150};
    check_add_names(field, &names);
    int result = check_fault(fault, field->name, "must be one of %s", text_data(&names));
    text_deinit(&names);
    return result;
}

/* The index of the choice that an object's only member names, or -EINVAL. */
static int decode_choice(const struct decoding *how, const struct field *field, json_t *entry,
                         json_t **out_body) {
    if (json_object_size(entry) == 1) {
        void *member = json_object_iter(entry);
        for (unsigned i = 0; i < field->choices_count; i++)
            if (text_equal(field->choices[i]->name, json_object_iter_key(member))) {
                *out_body = json_object_iter_value(member);
                return (int)i;
            }
    }
    return check_fault(how->fault, "", "holds an entry of an unknown kind");
}

static int decode_entry(const struct decoding *how, const struct field *field, json_t *value,
                        char *entry) {
    if (field->choices) {
        int choice = decode_choice(how, field, value, &value);
        if (choice < 0)
            return choice;
        memcpy(entry, &choice, sizeof(choice));
    }
    return decode_record(how, field_entry_table(field, entry), value,
                         field_entry_body(field, entry));
}

static int decode_list(const struct decoding *how, const struct field *field, json_t *value,
                       void *data) {
    if (!json_is_array(value) || json_array_size(value) > field_most(field))
        return check_fault(how->fault, field->name, "must be a list of at most %llu entries",
                           (unsigned long long)field_most(field));
    uint32_t count = (uint32_t)json_array_size(value), done = 0;
    if (!count)
        return 0;
    char *items = memory_new(count, field->size);
    int result = 0;
    for (; done < count && !result; done++)
        result = decode_entry(how, field, json_array_get(value, done),
                              items + done * field->size);
    if (result && done)
        done--; /* the entry that failed is clear already */
    put(field, data, &items, sizeof(items));
    memcpy((char *)data + field->count_offset, &done, sizeof(done));
    return result ? check_inside(how->fault, field->name) : 0;
}

static int decode_value(const struct decoding *how, const struct field *field, json_t *value,
                        void *data) {
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        return decode_text(how, field, value, data);
    case FIELD_U32:
    case FIELD_U64:
        return decode_number(how, field, value, data);
    case FIELD_FLAG: {
        if (!json_is_boolean(value))
            return check_fault(how->fault, field->name, "must be true or false");
        bool flag = json_is_true(value);
        put(field, data, &flag, sizeof(flag));
        return 0;
    }
    case FIELD_ENUM:
        return put_name(field, json_string_value(value), data, how->fault);
    case FIELD_RECORD:
        if (decode_record(how, field->table, value, (char *)data + field->offset))
            return check_inside(how->fault, field->name);
        return 0;
    case FIELD_LIST:
        return decode_list(how, field, value, data);
    }
    return -EINVAL;
}

static int refuse_unknown(const struct decoding *how, const struct table *table, json_t *object) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value) {
        bool known = false;
        for (size_t i = 0; i < table->fields_count && !known; i++)
            known = text_equal(table->fields[i].name, key) &&
                    field_is_shown(&table->fields[i], how->face);
        if (!known)
            return check_fault(how->fault, key, "is not a field of %s", table->name);
    }
    return 0;
}

static int decode_fields(const struct decoding *how, const struct table *table, json_t *object,
                         void *data) {
    if (!json_is_object(object))
        return check_fault(how->fault, "", "must be a JSON object (%s)", table->name);
    if (how->unknown == CODEC_REFUSE_UNKNOWN && refuse_unknown(how, table, object))
        return -EINVAL;
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (!field_is_shown(field, how->face))
            continue;
        json_t *value = json_object_get(object, field->name);
        if (!value && (field->mask & FIELD_REQUIRED))
            return check_fault(how->fault, field->name, "is missing");
        if (value && decode_value(how, field, value, data))
            return -EINVAL;
        if (field_is_missing(field, data))
            return check_fault(how->fault, field->name, "must not be empty");
    }
    return 0;
}

static int decode_record(const struct decoding *how, const struct table *table, json_t *object,
                         void *data) {
    int result = decode_fields(how, table, object, data);
    if (result)
        record_clear(table, data);
    return result;
}

int codec_decode(const struct table *table, const struct codec_input *input, void *out_data,
                 struct codec_fault *fault) {
    if (table->size)
        memset(out_data, 0, table->size);
    json_error_t error;
    json_t *object = json_loadb(input->json, input->length, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return check_fault(fault, "", "is not JSON: %.120s, at byte %d", error.text,
                           error.position);
    const struct decoding how = {input->face, input->unknown, fault};
    int result = decode_record(&how, table, object, out_data);
    json_decref(object);
    return result;
}

static int number_from_text(const struct field *field, const char *value, void *record,
                            struct codec_fault *fault) {
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(value, &end, 10);
    bool is_number = !errno && isdigit((unsigned char)*value) && !*end;
    return put_number(field, is_number ? number : no_number, record, fault);
}

static int flag_from_text(const struct field *field, const char *value, void *record,
                          struct codec_fault *fault) {
    bool flag = text_equal(value, "true") || text_equal(value, "yes");
    if (!flag && !text_equal(value, "false") && !text_equal(value, "no"))
        return check_fault(fault, field->name, "must be yes or no");
    put(field, record, &flag, sizeof(flag));
    return 0;
}

int codec_field_from_text(const struct field *field, const char *value, void *record,
                          struct codec_fault *fault) {
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        return put_text(field, value, record, fault);
    case FIELD_U32:
    case FIELD_U64:
        return number_from_text(field, value, record, fault);
    case FIELD_FLAG:
        return flag_from_text(field, value, record, fault);
    case FIELD_ENUM:
        return put_name(field, value, record, fault);
    case FIELD_RECORD:
    case FIELD_LIST:
        break;
    }
    return check_fault(fault, field->name, "cannot be given as a text");
}
