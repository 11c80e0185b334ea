#include "io/config/write.h"

#include <errno.h>
#include <string.h>

static bool names(const struct config_section *section, const char *title) {
    size_t length = strlen(section->name);
    return text_starts(title, section->name) &&
           (section->size ? title[length] == ' ' && title[length + 1] : !title[length]);
}

static const struct config_section *find(const struct config_table *table, const char *title) {
    for (size_t i = 0; i < table->sections_count; i++)
        if (names(&table->sections[i], title))
            return &table->sections[i];
    return NULL;
}

static const char *value_of(const struct config_value *values, size_t count, const char *title,
                            const char *key) {
    const char *value = NULL;
    for (size_t i = 0; i < count; i++)
        if (text_equal(values[i].section, title) && text_equal(values[i].key, key))
            value = values[i].value;
    return value;
}

int config_write_section(const struct config_table *table, const char *title,
                         const struct config_value *values, size_t count, struct text *out) {
    const struct config_section *section = find(table, title);
    if (!section)
        return -EINVAL;
    text_addf(out, "\n# %s\n[%s]\n", section->about, title);
    for (size_t i = 0; i < section->settings_count; i++) {
        const struct setting *setting = &section->settings[i];
        const char *value = value_of(values, count, title, setting->key);
        text_addf(out, "# %s\n%s%s = %s\n", setting->about, value ? "" : "#", setting->key,
                  value ? value : setting->standard ? setting->standard : "");
    }
    return 0;
}

static int check_value(const struct config_table *table, const struct config_value *value,
                       struct error *err) {
    const struct config_section *section = find(table, value->section);
    for (size_t i = 0; section && i < section->settings_count; i++)
        if (text_equal(section->settings[i].key, value->key))
            return 0;
    return error_set(err, -EINVAL, "there is no key %s in a section [%s] of %s.conf", value->key,
                     value->section, table->daemon);
}

static bool is_first(const struct config_value *values, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (text_equal(values[i].section, values[at].section))
            return false;
    return true;
}

int config_write(const struct config_table *table, const struct config_value *values,
                 size_t count, struct text *out, struct error *err) {
    for (size_t i = 0; i < count; i++)
        if (check_value(table, &values[i], err))
            return err->code;
    text_addf(out, "# isthmus-%s. A line with a # before its key shows a default, or a key that\n"
              "# may be left out. The operator's guide tells more of each.\n", table->daemon);
    for (size_t i = 0; i < table->sections_count; i++) {
        const struct config_section *section = &table->sections[i];
        bool written = false;
        for (size_t k = 0; section->size && k < count; k++) {
            if (!names(section, values[k].section) || !is_first(values, k))
                continue;
            (void)config_write_section(table, values[k].section, values, count, out);
            written = true;
        }
        if (!section->size)
            (void)config_write_section(table, section->name, values, count, out);
        else if (!written)
            text_addf(out, "\n# There is no section [%s NAME]: %s.\n", section->name,
                      section->about);
    }
    return 0;
}
