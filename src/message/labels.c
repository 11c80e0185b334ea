/* Labels and names are texts with commas, walked in place: nothing is split or copied to compare
 * them. */
#include "message/labels.h"

#include <string.h>

#include "base/text.h"

static size_t part_length(const char *text, const char *ends) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t length = strspn(text, letters);
    bool right = length && length < limit_name_size && strchr(ends, text[length]) &&
                 text[0] != '-' && text[length - 1] != '-';
    return right ? length : 0;
}

bool labels_are_valid(const char *text) {
    for (;;) {
        size_t name = part_length(text, "=");
        if (!name || text[name] != '=')
            return false;
        text += name + 1;
        size_t value = part_length(text, ",");
        if (!value)
            return false;
        if (!text[value])
            return true;
        text += value + 1;
    }
}

bool metadata_is_valid(const char *text) {
    for (;;) {
        size_t name = strcspn(text, "=,");
        if (!name || name > limit_metadata_key || text[name] != '=')
            return false;
        text += name + 1;
        text += strcspn(text, ",");
        if (!*text)
            return true;
        text++;
    }
}

bool names_are_valid(const char *text, size_t most) {
    for (size_t count = 1; count <= most; count++) {
        size_t name = part_length(text, ",");
        if (!name)
            return false;
        if (!text[name])
            return true;
        text += name + 1;
    }
    return false;
}

static bool is_free(const char *slot) {
    return slot[0] == slot_free[0] && (!slot[1] || slot[1] == ',');
}

bool slots_are_valid(const char *text, size_t most) {
    for (size_t count = 1; count <= most; count++) {
        size_t name = is_free(text) ? 1 : part_length(text, ",");
        if (!name)
            return false;
        if (!text[name])
            return true;
        text += name + 1;
    }
    return false;
}

bool slots_are_free(const char *slots) {
    for (; slots && *slots; slots += strcspn(slots, ","), slots += *slots == ',')
        if (is_free(slots))
            return true;
    return false;
}

const char *names_next(const char *names, char out_name[limit_name_size]) {
    if (!names || !*names)
        return NULL;
    size_t length = strcspn(names, ",");
    text_format(out_name, limit_name_size, "%.*s", (int)length, names);
    return names + length + (names[length] == ',');
}

const char *slots_next(const char *slots, unsigned *number, char out_name[limit_name_size]) {
    while (slots && is_free(slots) && slots[1]) {
        slots += 2;
        ++*number;
    }
    return slots && is_free(slots) ? NULL : names_next(slots, out_name);
}

static bool have(const char *labels, const char *term, size_t length) {
    while (labels && *labels) {
        size_t own = strcspn(labels, ",");
        if (own == length && memcmp(labels, term, length) == 0)
            return true;
        labels += own + (labels[own] == ',');
    }
    return false;
}

size_t labels_matching(const char *labels, const char *wanted) {
    size_t count = 0;
    while (wanted && *wanted) {
        size_t length = strcspn(wanted, ",");
        count += have(labels, wanted, length);
        wanted += length + (wanted[length] == ',');
    }
    return count;
}

const char *labels_missing(const char *labels, const char *wanted, size_t *out_length) {
    while (wanted && *wanted) {
        *out_length = strcspn(wanted, ",");
        if (!is_free(wanted) && !have(labels, wanted, *out_length))
            return wanted;
        wanted += *out_length + (wanted[*out_length] == ',');
    }
    return NULL;
}

bool patterns_are_valid(const char *text) {
    for (;;) {
        size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-*");
        if (!length || length >= limit_name_size)
            return false;
        text += length;
        if (!*text)
            return true;
        if (*text++ != ' ')
            return false;
    }
}

const char *patterns_next(const char *patterns, char out_pattern[limit_name_size]) {
    if (!patterns || !*patterns)
        return NULL;
    size_t length = strcspn(patterns, " ");
    text_format(out_pattern, limit_name_size, "%.*s", (int)length, patterns);
    return patterns + length + (patterns[length] == ' ');
}

bool patterns_fit(const char *patterns, const char *name) {
    char pattern[limit_name_size];
    bool fits = !patterns || !*patterns;
    while (!fits && (patterns = patterns_next(patterns, pattern)))
        fits = text_fits(pattern, name);
    return fits;
}
