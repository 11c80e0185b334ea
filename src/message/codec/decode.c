/* From JSON, or from one text of a person, to a struct. What is wrong anywhere fails the whole,
 * with the field's path, and clears what was filled until then. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "message/codec/check.h"
#include "message/codec/decode.h"
#include "message/codec/put.h"

static void *allocate(size_t bytes) { return memory_resize(NULL, bytes); }

void codec_prepare(void) { json_set_alloc_funcs(allocate, memory_free); }

struct decoding {
    unsigned face;
    enum codec_unknown unknown;
    struct codec_fault *fault;
};

static int decode_record(const struct decoding *how, const struct table *table, json_t *object,
                         void *data);

static int decode_text(const struct decoding *how, const struct field *field, json_t *value,
                       void *data) {
    if (!json_is_string(value))
        return check_fault(how->fault, field->name, "must be a text");
    return put_text(field, json_string_value(value), data, how->fault);
}

static int decode_number(const struct decoding *how, const struct field *field, json_t *value,
                         void *data) {
    bool is_number = json_is_integer(value) && json_integer_value(value) >= 0;
    return put_number(field, is_number ? (uint64_t)json_integer_value(value) : put_no_number, data,
                      how->fault);
}

static int decode_name(const struct field *field, const char *name, void *data,
                    struct codec_fault *fault) {
    for (unsigned i = 0; name && i < field->names_count; i++)
        if (text_equal(field->names[i], name)) {
            put_value(field, data, &i, sizeof(i));
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
    int choice = field->choices ? decode_choice(how, field, value, &value) : 0;
    if (choice < 0)
        return choice;
    if (field->choices)
        memcpy(entry, &choice, sizeof(choice));
    const struct table *table = field_entry_table(field, entry);
    int result = decode_record(how, table, value, field_entry_body(field, entry));
    return result && field->lenient ? check_inside(how->fault, table->name) : result;
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
    for (; done < count && !result; done++) {
        char *entry = items + done * field->size;
        result = decode_entry(how, field, json_array_get(value, done), entry);
        if (result && field->lenient) {
            put_unreadable(field, how->fault, entry);
            result = 0;
        }
    }
    if (result && done)
        done--; /* the entry that failed is clear already */
    put_value(field, data, &items, sizeof(items));
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
        put_value(field, data, &flag, sizeof(flag));
        return 0;
    }
    case FIELD_ENUM:
        return decode_name(field, json_string_value(value), data, how->fault);
    case FIELD_RECORD:
        if (decode_record(how, field->table, value, (char *)data + field->offset))
            return check_inside(how->fault, field->name);
        return 0;
    case FIELD_LIST:
        return decode_list(how, field, value, data);
    }
    return -EINVAL;
}

static bool is_plain(const char *key) {
    size_t length = strlen(key);
    return length <= 40 && strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_-") == length;
}

static int refuse_unknown(const struct decoding *how, const struct table *table, json_t *object) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value) {
        bool known = false;
        for (size_t i = 0; i < table->fields_count && !known; i++)
            known = text_equal(table->fields[i].name, key) &&
                    field_is_shown(&table->fields[i], how->face);
        if (!known) /* what has the look of a name is one, and no data that got there */
            return check_fault(how->fault, is_plain(key) ? key : "",
                               is_plain(key) ? "is not a field of %s"
                                             : "has a field that is none of %s", table->name);
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
        if (!value && (field->mask & FIELD_TRUE))
            put_value(field, data, &(bool){true}, sizeof(bool));
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

/* How much of jansson's words says what is wrong, and none of where. */
static int without_input(const char *words) {
    static const char *const pieces[] = {" near ", " '"};
    size_t length = strlen(words);
    for (size_t i = 0; i < array_size(pieces); i++) {
        const char *found = strstr(words, pieces[i]);
        if (found && (size_t)(found - words) < length)
            length = (size_t)(found - words);
    }
    return (int)length;
}

int codec_decode(const struct table *table, const struct codec_input *input, void *out_data,
                 struct codec_fault *fault) {
    if (table->size)
        memset(out_data, 0, table->size);
    json_error_t error;
    json_t *object = json_loadb(input->bytes, input->length, JSON_REJECT_DUPLICATES, &error);
    if (!object) /* jansson goes on with a piece of the input, which may be a secret */
        return check_fault(fault, "", "is not JSON: %.*s, at byte %d", without_input(error.text),
                           error.text, error.position);
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
    return put_number(field, is_number ? number : put_no_number, record, fault);
}

static int flag_from_text(const struct field *field, const char *value, void *record,
                          struct codec_fault *fault) {
    bool flag = text_equal(value, "true") || text_equal(value, "yes");
    if (!flag && !text_equal(value, "false") && !text_equal(value, "no"))
        return check_fault(fault, field->name, "must be yes or no");
    put_value(field, record, &flag, sizeof(flag));
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
        return decode_name(field, value, record, fault);
    case FIELD_RECORD:
    case FIELD_LIST:
        break;
    }
    return check_fault(fault, field->name, "cannot be given as a text");
}
