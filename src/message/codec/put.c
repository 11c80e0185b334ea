/* A text that a field of the record's own takes is copied there, another onto the heap. */
#include "message/codec/put.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "message/codec/check.h"

void put_value(const struct field *field, void *data, const void *value, size_t size) {
    memcpy((char *)data + field->offset, value, size);
}

void put_unreadable(const struct field *field, const struct codec_fault *fault, void *entry) {
    memset(entry, 0, field->size);
    memcpy(entry, &field->choices_count, sizeof(field->choices_count));
    memcpy(field_entry_body(field, entry), fault, sizeof(*fault));
}

int put_text(const struct field *field, const char *text, void *data, struct codec_fault *fault) {
    if (check_text(field, text, fault))
        return -EINVAL;
    if (field->kind == FIELD_TEXT) {
        put_value(field, data, text, strlen(text) + 1);
    } else {
        char *copy = memory_text(text);
        put_value(field, data, &copy, sizeof(copy));
    }
    return 0;
}

int put_number(const struct field *field, uint64_t number, void *data, struct codec_fault *fault) {
    if (check_number(field, number, fault))
        return -EINVAL;
    uint32_t small = (uint32_t)number;
    put_value(field, data, field->kind == FIELD_U64 ? (void *)&number : (void *)&small,
              field->size);
    return 0;
}
