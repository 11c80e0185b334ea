/* Checks a struct against its table as decoding would, and fills one with random values that
 * pass the check, for tests. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "message/codec/check.h"
#include "message/id.h"

static int check_value(const struct field *field, const void *data, struct codec_fault *fault) {
    const char *at = (const char *)data + field->offset;
    char *pointer = NULL;
    uint32_t small = 0;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_BLOB:
        return check_text(field, field_text(field, data), fault);
    case FIELD_U32:
    case FIELD_U64:
        return check_number(field, field_number(field, data), fault);
    case FIELD_FLAG:
        return 0;
    case FIELD_ENUM:
        return field_number(field, data) < field->names_count
                   ? 0
                   : check_fault(fault, field->name, "is no value of its kind");
    case FIELD_RECORD:
        return codec_check(field->table, at, fault) ? check_inside(fault, field->name) : 0;
    case FIELD_LIST:
        memcpy(&pointer, at, sizeof(pointer));
        memcpy(&small, (const char *)data + field->count_offset, sizeof(small));
        if (small > field_most(field))
            return check_fault(fault, field->name, "has too many entries");
        for (uint32_t i = 0; i < small; i++) {
            char *entry = pointer + i * field->size;
            if (codec_check(field_entry_table(field, entry), field_entry_body(field, entry),
                            fault))
                return check_inside(fault, field->name);
        }
        return 0;
    }
    return -EINVAL;
}

int codec_check(const struct table *table, const void *data, struct codec_fault *fault) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        bool absent = field_is_zero(field, data) && !(field->mask & FIELD_ALWAYS);
        if (field_is_missing(field, data))
            return check_fault(fault, field->name, "is missing");
        if (!absent && check_value(field, data, fault))
            return -EINVAL;
    }
    return 0;
}

struct random_source {
    uint64_t (*next)(void *);
    void *context;
};

static uint64_t below(const struct random_source *source, uint64_t bound) {
    return bound ? source->next(source->context) % bound : 0;
}

static void random_text(const struct random_source *source, const struct field *field,
                        char *out, size_t most) {
    static const char *const pieces[] = {"a", "Z", "7", " ", "\"", "\\", "<", "&", "\u00e9",
                                         "\u20ac", "\U0001F600"};
    static const char *const more[] = {"\n", "\t", "\r"};
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t length = 1 + below(source, most < 40 ? most : 40), used = 0;
    if (field->check == CHECK_ID) {
        struct id_maker maker = {0};
        prng_init(&maker.prng, source->next(source->context));
        text_set_sized(out, most + 1, id_make(&maker, "vm", below(source, 1ULL << 40)).text);
    } else if (field->check == CHECK_LABELS) {
        text_format(out, most + 1, "disk=%c,zone=b%u", name[below(source, 36)],
                    (unsigned)below(source, 100));
    } else if (field->check == CHECK_PATTERNS) {
        text_format(out, most + 1, "gold-%u test*", (unsigned)below(source, 100));
    } else if (field->check == CHECK_METADATA) {
        text_format(out, most + 1, "Cost center=%u \u20ac,note=", (unsigned)below(source, 100));
    } else if (field->check == CHECK_SSH_KEYS) {
        text_format(out, most + 1, "ssh-rsa AAAAB3NzaC1yc2EA k%u", (unsigned)below(source, 100));
    } else if (field->check == CHECK_NETWORKS || field->check == CHECK_SSH_NAMES) {
        text_format(out, most + 1, "lan%u,wan", (unsigned)below(source, 100));
    } else if (field->check == CHECK_INTERFACES) {
        text_format(out, most + 1, "lan%u,-,wan", (unsigned)below(source, 100));
    } else if (field->check == CHECK_ALLOW) {
        text_format(out, most + 1, "icmp@192.0.2.%u,tcp:22", (unsigned)below(source, 100));
    } else if (field->check == CHECK_IP) {
        text_format(out, most + 1, below(source, 2) ? "192.0.2.%u" : "2001:db8::%u",
                    1 + (unsigned)below(source, 100));
    } else if (field->check == CHECK_BASE64) {
        for (length = length / 4 * 4 + (length < 4 ? 4 : 0); used < length; used++)
            out[used] = name[below(source, 36)];
        out[used] = 0;
    } else if (field->check == CHECK_NAME || field->check == CHECK_NEW_NAME ||
               field->check == CHECK_DIGEST) {
        length = field->check == CHECK_DIGEST ? 64 : length;
        for (; used < length; used++)
            out[used] = field->check == CHECK_DIGEST ? "0123456789abcdef"[below(source, 16)]
                                                     : name[below(source, 36)];
        out[used] = 0;
    } else {
        while (used + 5 < length) {
            size_t which = below(source, array_size(pieces) + array_size(more));
            const char *piece = which < array_size(pieces) ? pieces[which]
                                : field->check == CHECK_LINES
                                    ? more[which - array_size(pieces)]
                                    : "x";
            memcpy(out + used, piece, strlen(piece));
            used += strlen(piece);
        }
        if (!used)
            out[used++] = 'x'; /* an empty text is none */
        out[used] = 0;
    }
}

static void random_list(const struct random_source *source, const struct field *field,
                        void *data) {
    uint32_t count = (uint32_t)below(source, field_most(field) < 4 ? field_most(field) + 1 : 4);
    char *items = count ? memory_new(count, field->size) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        char *entry = items + i * field->size;
        unsigned choice = (unsigned)below(source, field->choices_count);
        if (field->choices)
            memcpy(entry, &choice, sizeof(choice));
        codec_random(field_entry_table(field, entry), source->next, source->context,
                     field_entry_body(field, entry));
    }
    memcpy((char *)data + field->offset, &items, sizeof(items));
    memcpy((char *)data + field->count_offset, &count, sizeof(count));
}

static void random_value(const struct random_source *source, const struct field *field,
                         void *data) {
    enum { blob_most = 64 }; /* a digest's characters */
    char *at = (char *)data + field->offset;
    uint64_t range = field_most(field) - field->least;
    uint64_t number =
        field->least + (range == UINT64_MAX ? below(source, range) : below(source, range + 1));
    uint32_t small = field->kind == FIELD_ENUM   ? (uint32_t)below(source, field->names_count)
                     : field->kind == FIELD_FLAG ? (uint32_t)below(source, 2)
                                                 : (uint32_t)number;
    if (field->kind == FIELD_TEXT) {
        random_text(source, field, at, field->size - 1);
    } else if (field->kind == FIELD_BLOB) {
        uint64_t most = field_most(field) < blob_most ? field_most(field) : blob_most;
        char *blob = memory_new(1, most + 1);
        random_text(source, field, blob, most);
        memcpy(at, &blob, sizeof(blob));
    } else if (field->kind == FIELD_U64) {
        memcpy(at, &number, sizeof(number));
    } else if (field->kind == FIELD_FLAG) {
        bool flag = small;
        memcpy(at, &flag, sizeof(flag));
    } else if (field->kind == FIELD_RECORD) {
        codec_random(field->table, source->next, source->context, at);
    } else if (field->kind == FIELD_LIST) {
        random_list(source, field, data);
    } else {
        memcpy(at, &small, sizeof(small));
    }
}

void codec_random(const struct table *table, uint64_t (*next)(void *), void *source,
                  void *out_data) {
    const struct random_source random = {next, source};
    if (table->size)
        memset(out_data, 0, table->size);
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if ((field->mask & FIELD_REQUIRED) || below(&random, 4))
            random_value(&random, field, out_data);
        while (field_is_missing(field, out_data))
            random_value(&random, field, out_data);
    }
}
