#include "io/config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/config/value.h"
#include "message/limits.h"

/* inih cuts section names and keys silently at 50 bytes, so longer section names are refused. */
enum { limit_line = 1024, limit_section = 49 };

/* A section that occurs in the file. */
struct seen {
    const struct config_section *section;
    char *title; /* "cluster north" */
    size_t index; /* among those of its kind */
    int line;
    bool *given; /* by index of its settings */
};

struct reader {
    const struct config_table *table;
    const char *path;
    void *config;
    FILE *file;
    int line;
    struct seen *seen;
    size_t seen_count, current;
    struct error *err;
};

static int reader_fail(struct reader *reader, int line) {
    char *text = reader->err->text;
    auto_clean(memory_clean) char *why = memory_text(text);
    return error_set(reader->err, reader->err->code ? reader->err->code : -EINVAL,
                     "%s line %d: %s", reader->path, line, why);
}

static bool name_fits(const struct config_section *section, const char *title) {
    size_t length = strlen(section->name);
    if (!text_starts(title, section->name))
        return false;
    return section->size ? title[length] == ' ' : !title[length];
}

static void **section_array(const struct config_section *section, void *config) {
    return (void **)(void *)((char *)config + section->offset);
}

static size_t *section_count(const struct config_section *section, void *config) {
    return (size_t *)(void *)((char *)config + section->count_offset);
}

/* The struct that the settings' offsets count from. */
static void *section_data(const struct config_section *section, void *config, size_t index) {
    if (!section->size)
        return (char *)config + section->offset;
    return (char *)*section_array(section, config) + index * section->size;
}

static const struct setting name_setting = {.key = "name", .kind = SETTING_NAME};

static int section_append(const struct config_section *section, const char *name, void *config,
                          struct error *err) {
    void **array = section_array(section, config);
    size_t *count = section_count(section, config);
    if (*count >= section->most)
        return section->most == 1
                   ? error_set(err, -EINVAL, "there is more than one [%s …] section; keep one",
                               section->name)
                   : error_set(err, -EINVAL, "there are more than %zu [%s …] sections",
                               section->most, section->name);
    *array = memory_resize(*array, (*count + 1) * section->size);
    void *entry = (char *)*array + *count * section->size;
    memset(entry, 0, section->size);
    ++*count;
    return config_value_set(&name_setting, name, entry, err);
}

static int reader_open(struct reader *reader, const char *title) {
    const struct config_table *table = reader->table;
    for (size_t i = 0; i < reader->seen_count; i++)
        if (text_equal(reader->seen[i].title, title))
            return error_set(reader->err, -EINVAL, "[%s] stands there twice, first in line %d; "
                             "join the two", title, reader->seen[i].line);
    const struct config_section *section = NULL;
    for (size_t i = 0; i < table->sections_count && !section; i++)
        if (name_fits(&table->sections[i], title))
            section = &table->sections[i];
    if (!section) {
        auto_clean(text_deinit) struct text known = {0};
        for (size_t i = 0; i < table->sections_count; i++)
            text_addf(&known, " [%s%s]", table->sections[i].name,
                      table->sections[i].size ? " NAME" : "");
        return error_set(reader->err, -EINVAL, "[%s] is not a section of isthmus-%s; it knows%s",
                         title, table->daemon, text_data(&known));
    }
    struct seen seen = {.section = section, .line = reader->line};
    if (section->size) {
        if (section_append(section, title + strlen(section->name) + 1, reader->config,
                           reader->err))
            return reader->err->code;
        seen.index = *section_count(section, reader->config) - 1;
    }
    seen.title = memory_text(title);
    seen.given = memory_new(section->settings_count, sizeof(bool));
    reader->seen = memory_resize(reader->seen, (reader->seen_count + 1) * sizeof(seen));
    reader->current = reader->seen_count;
    reader->seen[reader->seen_count++] = seen;
    return 0;
}

static int reader_set(struct reader *reader, const char *key, const char *value) {
    if (!reader->seen_count)
        return error_set(reader->err, -EINVAL, "%s stands before the first section; put it below "
                         "its [section]", key);
    struct seen *seen = &reader->seen[reader->current];
    const struct config_section *section = seen->section;
    auto_clean(text_deinit) struct text known = {0};
    for (size_t i = 0; i < section->settings_count; i++) {
        const struct setting *setting = &section->settings[i];
        text_addf(&known, "%s%s", i ? ", " : "", setting->key);
        if (!text_equal(setting->key, key))
            continue;
        if (seen->given[i])
            return error_set(reader->err, -EINVAL, "%s is given twice in [%s]; keep one", key,
                             seen->title);
        seen->given[i] = true;
        if (config_value_set(setting, value,
                             section_data(section, reader->config, seen->index), reader->err))
            return error_wrap(reader->err, "%s", key);
        return 0;
    }
    return error_set(reader->err, -EINVAL, "%s is not a key of [%s]; it knows %s", key,
                     seen->title, text_data(&known));
}

static int on_pair(void *context, const char *section, const char *key, const char *value) {
    struct reader *reader = context;
    (void)section; /* on_line has seen it, whole */
    if (!reader->err->code && reader_set(reader, key, value))
        (void)reader_fail(reader, reader->line);
    return 1;
}

/* What inih reads, a line at a time: it tells neither the line's number nor an empty section. */
static char *on_line(char *line, int size, void *stream) {
    struct reader *reader = stream;
    if (reader->err->code || !fgets(line, size, reader->file))
        return NULL;
    reader->line++;
    size_t length = strlen(line);
    if (length + 1 == (size_t)size && line[length - 1] != '\n') {
        error_set(reader->err, -EINVAL, "the line is longer than %d bytes; shorten it",
                  size - 2);
        (void)reader_fail(reader, reader->line);
        return NULL;
    }
    const char *start = line + strspn(line, " \t");
    const char *end = strchr(start, ']');
    if (*start != '[' || !end)
        return line;
    char title[limit_section + 1];
    size_t title_length = (size_t)(end - start) - 1;
    if (title_length > limit_section) {
        error_set(reader->err, -EINVAL, "the section's name is longer than %d bytes; shorten it",
                  limit_section);
    } else {
        text_format(title, sizeof(title), "%.*s", (int)title_length, start + 1);
        (void)reader_open(reader, title);
    }
    if (reader->err->code)
        (void)reader_fail(reader, reader->line);
    return reader->err->code ? NULL : line;
}

/* Defaults, and what must be there. */
static int reader_complete(struct reader *reader, struct seen *seen) {
    const struct config_section *section = seen->section;
    for (size_t i = 0; i < section->settings_count; i++) {
        const struct setting *setting = &section->settings[i];
        if (seen->given[i])
            continue;
        if (setting->need == SETTING_REQUIRED) {
            error_set(reader->err, -EINVAL, "[%s] lacks %s (%s); add it", seen->title,
                      setting->key, setting->about);
            return reader_fail(reader, seen->line);
        }
        if (setting->standard &&
            config_value_set(setting, setting->standard,
                             section_data(section, reader->config, seen->index), reader->err))
            return error_wrap(reader->err, "%s: the default of [%s] %s", reader->path, seen->title,
                              setting->key);
    }
    return 0;
}

static size_t reader_times(const struct reader *reader, const struct config_section *section) {
    size_t times = 0;
    for (size_t i = 0; i < reader->seen_count; i++)
        times += reader->seen[i].section == section;
    return times;
}

static int reader_finish(struct reader *reader) {
    for (size_t i = 0; i < reader->table->sections_count; i++) {
        const struct config_section *section = &reader->table->sections[i];
        if (reader_times(reader, section))
            continue;
        if (section->least)
            return error_set(reader->err, -EINVAL, "%s: the section [%s%s] is missing (%s); add it",
                             reader->path, section->name, section->size ? " NAME" : "",
                             section->about);
        if (!section->size && reader_open(reader, section->name))
            return reader->err->code;
    }
    for (size_t i = 0; i < reader->seen_count; i++)
        if (reader_complete(reader, &reader->seen[i]))
            return reader->err->code;
    return 0;
}

static int reader_run(struct reader *reader) {
    ini_max_line = limit_line;
    ini_allow_multiline = false; /* an indented line is a mistake, not a continuation */
    int fault = ini_parse_stream(on_line, reader, on_pair, reader);
    if (reader->err->code)
        return reader->err->code;
    if (fault)
        return error_set(reader->err, -EINVAL, "%s line %d: neither [section] nor key = value; "
                         "begin a comment with #", reader->path, fault);
    if (ferror(reader->file))
        return error_set(reader->err, -EIO, "read %s: %s", reader->path, strerror(errno));
    return reader_finish(reader);
}

int config_load(const struct config_table *table, const char *path, void *config,
                struct error *err) {
    struct error own = {0};
    struct reader reader = {
        .table = table, .path = path, .config = config, .err = &own, .file = fopen(path, "re")};
    if (!reader.file)
        return error_set(err, -errno, "open %s: %s; name the file with --config FILE, an example "
                         "is in docs/examples/%s.conf", path, strerror(errno), table->daemon);
    int result = reader_run(&reader);
    for (size_t i = 0; i < reader.seen_count; i++) {
        memory_free(reader.seen[i].title);
        memory_free(reader.seen[i].given);
    }
    memory_free(reader.seen);
    (void)fclose(reader.file);
    if (result) {
        config_deinit(table, config);
        if (err)
            *err = own;
    }
    return result;
}

static void section_clear(const struct config_section *section, void *data) {
    for (size_t i = 0; i < section->settings_count; i++)
        config_value_clear(&section->settings[i], data);
}

void config_deinit(const struct config_table *table, void *config) {
    for (size_t i = 0; i < table->sections_count; i++) {
        const struct config_section *section = &table->sections[i];
        if (!section->size) {
            section_clear(section, section_data(section, config, 0));
            continue;
        }
        size_t *count = section_count(section, config);
        for (size_t n = 0; n < *count; n++) {
            section_clear(section, section_data(section, config, n));
            config_value_clear(&name_setting, section_data(section, config, n));
        }
        memory_free(*section_array(section, config));
        *section_array(section, config) = NULL;
        *count = 0;
    }
}
