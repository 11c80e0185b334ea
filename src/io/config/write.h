/* Writes configuration files by the tables that read them: each section with each key, its words
 * and its default, so that what is written is complete and says what else there is. */
#pragma once

#include "base/text.h"
#include "io/config/config.h"

struct config_value {
    const char *section; /* "downlink", "agent host-1" */
    const char *key, *value;
};

/* Values for a file in the making; their texts are owned. */
struct config_values {
    struct config_value *items;
    size_t count;
};

void config_values_clean(struct config_values *values);
void config_values_add(struct config_values *values, const char *section, const char *key,
                       const char *value);

/* A whole file: sections that occur once, and of the others those that values are for. Of two
 * values for a key the later one stands. -EINVAL with `err`: a value is for no key there is. */
int config_write(const struct table *table, const struct config_values *values, struct text *out,
                 struct error *err);

/* One section, to be put behind a file that is there. */
int config_write_section(const struct table *table, const char *title,
                         const struct config_values *values, struct text *out);
