/* Writes a file by a table: a key that has no value stands there as a comment. */
#include "io/config/write.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

void config_values_clean(struct config_values *values) {
    for (size_t i = 0; i < values->count; i++) {
        memory_free((void *)(uintptr_t)values->items[i].section);
        memory_free((void *)(uintptr_t)values->items[i].key);
        memory_free((void *)(uintptr_t)values->items[i].value);
    }
    memory_free(values->items);
    *values = (struct config_values){0};
}

void config_values_add(struct config_values *values, const char *section, const char *key,
                       const char *value) {
    values->items = memory_resize(values->items, (values->count + 1) * sizeof(*values->items));
    values->items[values->count++] = (struct config_value){
        memory_text(section), memory_text(key), memory_text(value)};
}

static const char *value_of(const struct config_values *values, const char *title,
                            const struct field *field) {
    const char *value = NULL;
    for (size_t i = 0; i < values->count; i++)
        if (text_equal(values->items[i].section, title) &&
            config_is_named(field, values->items[i].key))
            value = values->items[i].value;
    return value;
}

int config_write_section(const struct table *table, const char *title,
                         const struct config_values *values, struct text *out) {
    const struct field *section = config_section(table, title);
    if (!section)
        return -EINVAL;
    text_addf(out, "\n# %s\n[%s]\n", section->about, title);
    for (size_t i = 0; i < section->table->fields_count; i++) {
        const struct field *field = &section->table->fields[i];
        const char *value = value_of(values, title, field);
        if (config_is_key(section, field))
            text_addf(out, "# %s\n%s%s = %s\n", field->about, value ? "" : "#", field->name,
                      value ? value : field->standard ? field->standard : "");
    }
    return 0;
}

static int check_value(const struct table *table, const struct config_value *value,
                       struct error *err) {
    const struct field *section = config_section(table, value->section);
    for (size_t i = 0; section && i < section->table->fields_count; i++)
        if (config_is_named(&section->table->fields[i], value->key))
            return 0;
    return error_set(err, -EINVAL, "there is no key %s in a section [%s] of %s.conf", value->key,
                     value->section, table->name);
}

static bool is_first(const struct config_values *values, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (text_equal(values->items[i].section, values->items[at].section))
            return false;
    return true;
}

int config_write(const struct table *table, const struct config_values *values, struct text *out,
                 struct error *err) {
    for (size_t i = 0; i < values->count; i++)
        if (check_value(table, &values->items[i], err))
            return err->code;
    text_addf(out, "# isthmus-%s. A line with a # before its key shows a default, or a key that\n"
              "# may be left out. The operator's guide tells more of each.\n", table->name);
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *section = &table->fields[i];
        bool written = false;
        for (size_t k = 0; section->kind == FIELD_LIST && k < values->count; k++) {
            const char *title = values->items[k].section;
            if (config_section(table, title) != section || !is_first(values, k))
                continue;
            (void)config_write_section(table, title, values, out);
            written = true;
        }
        if (section->kind == FIELD_RECORD)
            (void)config_write_section(table, section->name, values, out);
        else if (!written)
            text_addf(out, "\n# There is no section [%s NAME]: %s.\n", section->name,
                      section->about);
    }
    return 0;
}
