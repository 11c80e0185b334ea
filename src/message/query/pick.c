/* Which fields are picked: those that are named, and the key, which is the first. */
#include "message/query/pick.h"

#include <string.h>

#include "message/limits.h"

/* Is `name` among the words, which commas join? */
static bool is_among(const char *words, const char *name) {
    size_t own = strlen(name);
    while (*words) {
        size_t length = strcspn(words, ",");
        if (length == own && memcmp(words, name, own) == 0)
            return true;
        words += length + (words[length] == ',');
    }
    return false;
}

static bool is_picked(const struct field *field, const char *names) {
    return field_is_shown(field, FIELD_API) && is_among(names, field->name);
}

bool pick_make(struct pick *out_pick, const struct table *table, const char *names,
               struct codec_fault *fault) {
    out_pick->table = *table;
    if (!*names)
        return true;
    for (const char *at = names; *at;) {
        char name[limit_name_size];
        size_t length = strcspn(at, ",");
        text_format(name, sizeof(name), "%.*s",
                    (int)(length < sizeof(name) ? length : sizeof(name) - 1), at);
        const struct field *field = field_find(table, name);
        if (!field || !field_is_shown(field, FIELD_API)) {
            *fault = (struct codec_fault){.field = "fields"};
            text_format(fault->text, sizeof(fault->text), "has '%s', which is no field of these "
                        "rows; see the document of the API for those that there are", name);
            return false;
        }
        at += length + (at[length] == ',');
    }
    size_t count = 0;
    for (size_t i = 0; i < table->fields_count && count < pick_fields; i++)
        if (i == 0 || is_picked(&table->fields[i], names))
            out_pick->fields[count++] = table->fields[i];
    out_pick->table.fields = out_pick->fields;
    out_pick->table.fields_count = count;
    return true;
}
