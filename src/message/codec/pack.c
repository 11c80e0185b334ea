/* From a struct to its packed form. A length stands before what it counts: one byte is left for
 * it, and what follows moves where it needs more. */
#include "message/codec/pack.h"

#include <string.h>

#include "message/codec/packed.h"
#include "message/id.h"

static size_t print_number(uint64_t value, char out[packed_number_bytes]) {
    size_t used = 0;
    for (; value >= 0x80; value >>= 7)
        out[used++] = (char)(0x80 | (value & 0x7f));
    out[used++] = (char)value;
    return used;
}

static void add_number(uint64_t value, struct text *out) {
    char bytes[packed_number_bytes];
    size_t used = print_number(value, bytes);
    text_add_bytes(out, bytes, used);
}

static void add_tag(const struct field *field, enum packed_kind kind, struct text *out) {
    add_number((uint64_t)field->number << 1 | kind, out);
}

/* Leaves a byte for the length of what follows, and tells where that begins. */
static size_t begin_counted(struct text *out) {
    text_add_bytes(out, "", 1);
    return out->length;
}

static void end_counted(size_t begin, struct text *out) {
    char number[packed_number_bytes];
    size_t length = out->length - begin;
    size_t used = print_number(length, number);
    text_add_bytes(out, number, used - 1); /* so many more are needed, whatever is in them */
    if (out->full)
        return;
    memmove(out->data + begin + used - 1, out->data + begin, length);
    memcpy(out->data + begin - 1, number, used);
}

static unsigned hex_value(char digit) {
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* A digest in half of its digits. False: the text is none, and stands as it is. */
static bool add_digest(const char *value, struct text *out) {
    char bytes[packed_digest_bytes];
    size_t length = strspn(value, "0123456789abcdef");
    if (length != 2 * sizeof(bytes) || value[length])
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(hex_value(value[2 * i]) << 4 | hex_value(value[2 * i + 1]));
    text_add_bytes(out, bytes, sizeof(bytes));
    return true;
}

static void add_text(const struct field *field, const void *data, struct text *out) {
    const char *value = field_text(field, data);
    char id[id_packed_most];
    size_t packed = 0;
    if (field->check == CHECK_DIGEST && add_digest(value, out))
        return;
    if (field->check == CHECK_ID)
        packed = id_pack(value, id);
    if (packed)
        text_add_bytes(out, id, packed);
    else
        text_add(out, value);
}

void codec_pack_entry(const struct field *list, const void *entry, enum field_mask face,
                      struct text *out) {
    unsigned choice = 0;
    memcpy(&choice, entry, sizeof(choice));
    if (list->choices)
        add_number(choice, out);
    size_t begin = begin_counted(out);
    codec_pack(field_entry_table(list, entry), (const char *)entry + list->choice_offset, face,
               out);
    end_counted(begin, out);
}

void codec_pack_list(const struct field *list, const struct text *entries, struct text *out) {
    add_tag(list, PACKED_BYTES, out);
    add_number(entries->length, out);
    text_add_bytes(out, text_data(entries), entries->length);
}

static void add_list(const struct field *field, const void *data, enum field_mask face,
                     struct text *out) {
    char *items = NULL;
    uint32_t count = 0;
    memcpy(&items, (const char *)data + field->offset, sizeof(items));
    memcpy(&count, (const char *)data + field->count_offset, sizeof(count));
    for (uint32_t i = 0; i < count; i++)
        codec_pack_entry(field, items + i * field->size, face, out);
}

static void add_bytes(const struct field *field, const void *data, enum field_mask face,
                      struct text *out) {
    add_tag(field, PACKED_BYTES, out);
    size_t begin = begin_counted(out);
    if (field->kind == FIELD_RECORD)
        codec_pack(field->table, (const char *)data + field->offset, face, out);
    else if (field->kind == FIELD_LIST)
        add_list(field, data, face, out);
    else
        add_text(field, data, out);
    end_counted(begin, out);
}

void codec_pack(const struct table *table, const void *data, enum field_mask face,
                struct text *out) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (!field->number || !field_is_shown(field, face) || field_is_zero(field, data))
            continue;
        switch (field->kind) {
        case FIELD_U32:
        case FIELD_U64:
        case FIELD_FLAG:
        case FIELD_ENUM:
            add_tag(field, PACKED_NUMBER, out);
            add_number(field_number(field, data), out);
            break;
        case FIELD_TEXT:
        case FIELD_BLOB:
        case FIELD_RECORD:
        case FIELD_LIST:
            add_bytes(field, data, face, out);
            break;
        }
    }
}
