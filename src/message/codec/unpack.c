/* From the packed form to a struct. There is one packed form of a record: what another one would
 * unpack to is refused, but for fields that are not known here, which are stepped over. */
#include "message/codec/unpack.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "message/codec/check.h"
#include "message/codec/packed.h"
#include "message/codec/put.h"
#include "message/id.h"

struct span {
    const unsigned char *at, *end;
};

struct unpacking {
    unsigned face;
    struct codec_fault *fault;
};

/* A value as it stands there: PACKED_NUMBER has a number, PACKED_BYTES a span. */
struct packed {
    uint64_t number;
    struct span bytes;
};

static int unpack_record(const struct unpacking *how, const struct table *table, struct span bytes,
                         void *data);

static bool take_number(struct span *from, uint64_t *out) {
    *out = 0;
    for (unsigned shift = 0; from->at < from->end && shift < 64; shift += 7) {
        unsigned byte = *from->at++;
        if (shift == 63 && byte > 1)
            return false;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return byte || !shift; /* a last byte of 0 says nothing: there is a shorter form */
    }
    return false;
}

static bool take_bytes(struct span *from, struct span *out) {
    uint64_t length = 0;
    if (!take_number(from, &length) || length > (uint64_t)(from->end - from->at))
        return false;
    *out = (struct span){from->at, from->at + length};
    from->at += length;
    return true;
}

static size_t span_length(struct span bytes) { return (size_t)(bytes.end - bytes.at); }

static void print_digest(struct span bytes, char out[limit_digest_size]) {
    for (size_t i = 0; i < packed_digest_bytes; i++) {
        out[2 * i] = "0123456789abcdef"[bytes.at[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes.at[i] & 15];
    }
    out[2 * (size_t)packed_digest_bytes] = 0;
}

/* Ids and digests are told from their texts by their lengths. */
static int unpack_text(const struct unpacking *how, const struct field *field, struct span bytes,
                       void *data) {
    char printed[limit_digest_size] = "";
    size_t length = span_length(bytes);
    if (field->check == CHECK_DIGEST && length == packed_digest_bytes)
        print_digest(bytes, printed);
    else if (field->check == CHECK_ID)
        id_unpack((const char *)bytes.at, length, printed);
    if (printed[0])
        return put_text(field, printed, data, how->fault);
    if (length && memchr(bytes.at, 0, length))
        return check_fault(how->fault, field->name, "must be UTF-8 without control characters");
    auto_clean(memory_clean) void *text = memory_new(length + 1, 1);
    memcpy(text, bytes.at, length);
    return put_text(field, text, data, how->fault);
}

static int unpack_number(const struct unpacking *how, const struct field *field, uint64_t number,
                         void *data) {
    bool flag = number == 1;
    unsigned value = (unsigned)number;
    if (field->kind == FIELD_U32 || field->kind == FIELD_U64)
        return put_number(field, number, data, how->fault);
    if (number >= (field->kind == FIELD_FLAG ? 2 : field->names_count))
        return check_fault(how->fault, field->name, "is no value of its kind");
    put_value(field, data, field->kind == FIELD_FLAG ? (void *)&flag : (void *)&value,
              field->size);
    return 0;
}

/* An entry's choice, and the span of its body; false where there is none. */
static bool take_entry(const struct field *field, struct span *from, uint64_t *out_choice,
                       struct span *out_body) {
    *out_choice = 0;
    return (!field->choices ||
            (take_number(from, out_choice) &&
             (*out_choice < field->choices_count || field->lenient))) &&
           take_bytes(from, out_body);
}

/* How many entries there are; more than the field takes where they are not whole. */
static uint64_t count_entries(const struct field *field, struct span bytes) {
    uint64_t count = 0, choice = 0;
    struct span body;
    for (; bytes.at < bytes.end && count <= field_most(field); count++)
        if (!take_entry(field, &bytes, &choice, &body))
            return UINT64_MAX;
    return count;
}

static int unpack_entry(const struct unpacking *how, const struct field *field,
                        struct span *bytes, char *entry) {
    uint64_t choice = 0;
    struct span body;
    if (!take_entry(field, bytes, &choice, &body))
        return -EINVAL; /* they were counted: all are whole */
    unsigned which = (unsigned)choice;
    if (field->choices && choice >= field->choices_count)
        return check_fault(how->fault, "", "holds an entry of an unknown kind");
    if (field->choices)
        memcpy(entry, &which, sizeof(which));
    const struct table *table = field_entry_table(field, entry);
    int result = unpack_record(how, table, body, field_entry_body(field, entry));
    return result && field->lenient ? check_inside(how->fault, table->name) : result;
}

static int unpack_list(const struct unpacking *how, const struct field *field, struct span bytes,
                       void *data) {
    uint64_t count = count_entries(field, bytes);
    if (count > field_most(field))
        return check_fault(how->fault, field->name, "must be a list of at most %llu known entries",
                           (unsigned long long)field_most(field));
    char *items = memory_new(count, field->size);
    uint32_t done = 0;
    int result = 0;
    while (done < count && !result) {
        char *entry = items + done * field->size;
        result = unpack_entry(how, field, &bytes, entry);
        if (result && field->lenient) {
            put_unreadable(field, how->fault, entry);
            result = 0;
        }
        done += !result; /* one that failed is clear already */
    }
    put_value(field, data, &items, sizeof(items));
    memcpy((char *)data + field->count_offset, &done, sizeof(done));
    return result ? check_inside(how->fault, field->name) : 0;
}

static int unpack_value(const struct unpacking *how, const struct field *field,
                        const struct packed *value, void *data) {
    switch (field->kind) {
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_FLAG:
    case FIELD_ENUM:
        return unpack_number(how, field, value->number, data);
    case FIELD_TEXT:
    case FIELD_BLOB:
        return unpack_text(how, field, value->bytes, data);
    case FIELD_RECORD:
        if (unpack_record(how, field->table, value->bytes, (char *)data + field->offset))
            return check_inside(how->fault, field->name);
        return 0;
    case FIELD_LIST:
        return unpack_list(how, field, value->bytes, data);
    }
    return -EINVAL;
}

static enum packed_kind kind_of(const struct field *field) {
    bool is_number = field->kind == FIELD_U32 || field->kind == FIELD_U64 ||
                     field->kind == FIELD_FLAG || field->kind == FIELD_ENUM;
    return is_number ? PACKED_NUMBER : PACKED_BYTES;
}

/* The field of this number, looked for from *at on, since numbers rise; NULL: not known here. */
static const struct field *find_field(const struct unpacking *how, const struct table *table,
                                      uint64_t number, size_t *at) {
    while (*at < table->fields_count && table->fields[*at].number < number)
        (*at)++;
    const struct field *field = *at < table->fields_count ? &table->fields[*at] : NULL;
    return field && field->number == number && field_is_shown(field, how->face) ? field : NULL;
}

static int unpack_fields(const struct unpacking *how, const struct table *table, struct span bytes,
                         void *data) {
    uint64_t tag = 0, before = 0;
    size_t at = 0;
    for (; bytes.at < bytes.end; before = tag >> 1) {
        struct packed value = {0};
        bool is_whole = take_number(&bytes, &tag) && tag >> 1 > before &&
                        ((tag & 1) == PACKED_NUMBER ? take_number(&bytes, &value.number)
                                                    : take_bytes(&bytes, &value.bytes));
        if (!is_whole)
            return check_fault(how->fault, "", "is no packed record (%s)", table->name);
        const struct field *field = find_field(how, table, tag >> 1, &at);
        if (!field)
            continue;
        if ((tag & 1) != kind_of(field))
            return check_fault(how->fault, field->name, "is of another kind");
        if (unpack_value(how, field, &value, data))
            return -EINVAL;
        if (field_is_zero(field, data))
            return check_fault(how->fault, field->name, "is told, and empty");
    }
    for (at = 0; at < table->fields_count; at++) {
        const struct field *field = &table->fields[at];
        if (field_is_shown(field, how->face) && field_is_missing(field, data))
            return check_fault(how->fault, field->name, "is missing");
    }
    return 0;
}

static int unpack_record(const struct unpacking *how, const struct table *table, struct span bytes,
                         void *data) {
    int result = unpack_fields(how, table, bytes, data);
    if (result)
        record_clear(table, data);
    return result;
}

int codec_unpack(const struct table *table, const struct codec_input *input, void *out_data,
                 struct codec_fault *fault) {
    const unsigned char *bytes = (const unsigned char *)input->bytes;
    const struct unpacking how = {input->face, fault};
    if (table->size)
        memset(out_data, 0, table->size);
    return unpack_record(&how, table, (struct span){bytes, bytes + input->length}, out_data);
}

int codec_read(const struct table *table, const struct codec_input *input, void *out_data,
               struct codec_fault *fault) {
    return input->length && input->bytes[0] == '{' ? codec_decode(table, input, out_data, fault)
                                                   : codec_unpack(table, input, out_data, fault);
}
