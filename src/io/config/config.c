/* Reads a file by a table: its sections and keys, what is unknown, given twice or missing, and the
 * defaults of what is absent. */
#include "io/config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/config/value.h"

/* inih cuts section names and keys silently at 50 bytes, so longer section names are refused. */
enum { limit_line = 1024, limit_section = 49 };

/* A section that occurs in the file. */
struct seen {
    const struct field *section;
    char *title; /* "cluster north" */
    uint32_t index; /* among those of its kind */
    int line;
    bool *given; /* by index of its fields */
};

struct reader {
    const struct table *table;
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

const struct field *config_section(const struct table *table, const char *title) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *section = &table->fields[i];
        size_t length = strlen(section->name);
        if (text_starts(title, section->name) &&
            title[length] == (section->kind == FIELD_LIST ? ' ' : 0))
            return section;
    }
    return NULL;
}

bool config_is_key(const struct field *section, const struct field *field) {
    return section->kind != FIELD_LIST || !text_equal(field->name, "name");
}

bool config_is_named(const struct field *field, const char *key) {
    return text_equal(field->name, key) || (field->also && text_equal(field->also, key));
}

static uint32_t *section_count(const struct field *section, void *config) {
    return (uint32_t *)(void *)((char *)config + section->count_offset);
}

/* The struct that the keys' offsets count from. */
static void *section_data(const struct field *section, void *config, uint32_t index) {
    char *at = (char *)config + section->offset;
    return section->kind == FIELD_LIST ? *(char **)(void *)at + index * section->size : at;
}

static const struct field *find_key(const struct table *table, const char *name) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (config_is_named(&table->fields[i], name))
            return &table->fields[i];
    return NULL;
}

static int section_append(const struct field *section, const char *name, void *config,
                          struct error *err) {
    char **array = (char **)(void *)((char *)config + section->offset);
    uint32_t *count = section_count(section, config);
    if (*count >= section->most)
        return section->most == 1
                   ? error_set(err, -EINVAL, "there is more than one [%s …] section; keep one",
                               section->name)
                   : error_set(err, -EINVAL, "there are more than %llu [%s …] sections",
                               (unsigned long long)section->most, section->name);
    *array = memory_resize(*array, (*count + 1) * section->size);
    void *entry = *array + *count * section->size;
    memset(entry, 0, section->size);
    ++*count;
    return config_value_set(find_key(section->table, "name"), name, entry, err);
}

/* What stands behind the section's name in its title. */
static const char *more_of(const struct field *section) {
    return section->kind == FIELD_LIST ? " NAME" : "";
}

static int reader_open(struct reader *reader, const char *title) {
    const struct table *table = reader->table;
    for (size_t i = 0; i < reader->seen_count; i++)
        if (text_equal(reader->seen[i].title, title))
            return error_set(reader->err, -EINVAL, "[%s] stands there twice, first in line %d; "
                             "join the two", title, reader->seen[i].line);
    const struct field *section = config_section(table, title);
    if (!section) {
        auto_clean(text_deinit) struct text known = {0};
        for (size_t i = 0; i < table->fields_count; i++)
            text_addf(&known, " [%s%s]", table->fields[i].name, more_of(&table->fields[i]));
        return error_set(reader->err, -EINVAL, "[%s] is not a section of isthmus-%s; it knows%s",
                         title, table->name, text_data(&known));
    }
    struct seen seen = {.section = section, .line = reader->line};
    if (section->kind == FIELD_LIST) {
        if (section_append(section, title + strlen(section->name) + 1, reader->config,
                           reader->err))
            return reader->err->code;
        seen.index = *section_count(section, reader->config) - 1;
    }
    seen.title = memory_text(title);
    seen.given = memory_new(section->table->fields_count, sizeof(bool));
    reader->seen = memory_resize(reader->seen, (reader->seen_count + 1) * sizeof(seen));
    reader->current = reader->seen_count;
    reader->seen[reader->seen_count++] = seen;
    return 0;
}

static int unknown_key(struct reader *reader, const struct seen *seen, const char *key) {
    auto_clean(text_deinit) struct text known = {0};
    const struct table *table = seen->section->table;
    for (size_t i = 0; i < table->fields_count; i++)
        if (config_is_key(seen->section, &table->fields[i]))
            text_addf(&known, "%s%s", known.length ? ", " : "", table->fields[i].name);
    return error_set(reader->err, -EINVAL, "%s is not a key of [%s]; it knows %s", key,
                     seen->title, text_data(&known));
}

static int reader_set(struct reader *reader, const char *key, const char *value) {
    if (!reader->seen_count)
        return error_set(reader->err, -EINVAL, "%s stands before the first section; put it below "
                         "its [section]", key);
    struct seen *seen = &reader->seen[reader->current];
    const struct table *table = seen->section->table;
    const struct field *field = find_key(table, key);
    if (!field || !config_is_key(seen->section, field))
        return unknown_key(reader, seen, key);
    bool *given = &seen->given[field - table->fields];
    if (*given)
        return error_set(reader->err, -EINVAL, "%s is given twice in [%s]; keep one", key,
                         seen->title);
    *given = true;
    return config_value_set(field, value,
                            section_data(seen->section, reader->config, seen->index), reader->err)
               ? error_wrap(reader->err, "%s", key)
               : 0;
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
    const struct table *table = seen->section->table;
    void *data = section_data(seen->section, reader->config, seen->index);
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        if (seen->given[i])
            continue;
        if (field->mask & FIELD_REQUIRED) {
            error_set(reader->err, -EINVAL, "[%s] lacks %s (%s); add it", seen->title,
                      field->name, field->about);
            return reader_fail(reader, seen->line);
        }
        if (field->standard && config_value_set(field, field->standard, data, reader->err))
            return error_wrap(reader->err, "%s: the default of [%s] %s", reader->path, seen->title,
                              field->name);
    }
    return 0;
}

static size_t reader_times(const struct reader *reader, const struct field *section) {
    size_t times = 0;
    for (size_t i = 0; i < reader->seen_count; i++)
        times += reader->seen[i].section == section;
    return times;
}

static int reader_finish(struct reader *reader) {
    for (size_t i = 0; i < reader->table->fields_count; i++) {
        const struct field *section = &reader->table->fields[i];
        if (reader_times(reader, section))
            continue;
        if (section->mask & FIELD_REQUIRED)
            return error_set(reader->err, -EINVAL, "%s: the section [%s%s] is missing (%s); add it",
                             reader->path, section->name, more_of(section), section->about);
        if (section->kind == FIELD_RECORD && reader_open(reader, section->name))
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

int config_load(const struct table *table, const char *path, void *config, struct error *err) {
    struct error own = {0};
    struct reader reader = {
        .table = table, .path = path, .config = config, .err = &own, .file = fopen(path, "re")};
    if (!reader.file)
        return error_set(err, -errno, "open %s: %s; name the file with --config FILE, an example "
                         "is in docs/examples/%s.conf", path, strerror(errno), table->name);
    int result = reader_run(&reader);
    for (size_t i = 0; i < reader.seen_count; i++) {
        memory_free(reader.seen[i].title);
        memory_free(reader.seen[i].given);
    }
    memory_free(reader.seen);
    (void)fclose(reader.file);
    if (result) {
        record_clear(table, config);
        if (err)
            *err = own;
    }
    return result;
}
