/* How each parameter of a list is compared with a row's field: a state is one of those that are
 * named, a name may be a pattern, labels must all be there, and all else is the same text. */
#include "message/query/filter.h"

#include <string.h>

#include "message/labels.h"

static bool fail(struct codec_fault *fault, const char *field, const char *text) {
    *fault = (struct codec_fault){0};
    text_set(fault->field, field);
    text_set(fault->text, text);
    return false;
}

/* Is `name`, of this length, one of the names that the field can have? */
static bool is_value(const struct field *field, const char *name, size_t length) {
    for (unsigned i = 0; i < field->names_count; i++)
        if (strlen(field->names[i]) == length && memcmp(field->names[i], name, length) == 0)
            return true;
    return false;
}

static bool check_values(const struct field *field, const char *wanted, struct codec_fault *fault) {
    auto_clean(text_deinit) struct text known = {.limit = sizeof(fault->text) - 1};
    while (*wanted) {
        size_t length = strcspn(wanted, ",");
        if (!is_value(field, wanted, length)) {
            text_add(&known, "is one or more, by commas, of");
            for (unsigned i = 0; i < field->names_count; i++)
                text_addf(&known, "%s %s", i ? "," : "", field->names[i]);
            return fail(fault, field->name, text_data(&known));
        }
        wanted += length + (wanted[length] == ',');
    }
    return true;
}

bool filter_make(struct filter *out_filter, const struct list_query *query,
                 const struct table *table, struct codec_fault *fault) {
    static const struct {
        const char *parameter, *field;
    } known[] = {{"state", "state"},       {"name", "name"},         {"name", "vm_name"},
                 {"cluster", "cluster"},   {"image", "image"},       {"labels", "metadata"},
                 {"labels", "labels"},     {"vm", "vm"},             {"tenant", "tenant"},
                 {"host", "host"},         {"upstream", "upstream"}};
    *out_filter = (struct filter){.query = *query};
    for (size_t i = 0; i < array_size(known) && out_filter->count < query_filters; i++) {
        const struct field *wish = field_find(&list_query_table, known[i].parameter);
        const struct field *field = field_find(table, known[i].field);
        if (!field || !*field_text(wish, query))
            continue;
        if (field->kind == FIELD_ENUM && !check_values(field, field_text(wish, query), fault))
            return false;
        out_filter->parts[out_filter->count].wish = wish;
        out_filter->parts[out_filter->count++].field = field;
    }
    return true;
}

static bool is_among(const char *wanted, const char *value) {
    size_t own = strlen(value);
    while (*wanted) {
        size_t length = strcspn(wanted, ",");
        if (length == own && memcmp(wanted, value, own) == 0)
            return true;
        wanted += length + (wanted[length] == ',');
    }
    return false;
}

static bool part_fits(const struct field *field, const void *row, const char *wanted) {
    size_t length;
    if (field->kind == FIELD_ENUM) {
        uint64_t value = field_number(field, row);
        return value < field->names_count && is_among(wanted, field->names[value]);
    }
    if (field->check == CHECK_METADATA || field->check == CHECK_LABELS)
        return !labels_missing(field_text(field, row), wanted, &length);
    return text_fits(wanted, field_text(field, row));
}

bool filter_fits(const struct filter *filter, const void *row) {
    for (size_t i = 0; i < filter->count; i++)
        if (!part_fits(filter->parts[i].field, row,
                       field_text(filter->parts[i].wish, &filter->query)))
            return false;
    return true;
}
