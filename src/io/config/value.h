/* One value of a configuration file: from its text into its place in a struct, checked. */
#pragma once

#include "io/config/config.h"

/* 0, or negative with `err`: what is wrong with the value and what would be right. */
int config_value_set(const struct setting *setting, const char *value, void *section,
                     struct error *err);

/* Frees what config_value_set has put there. */
void config_value_clear(const struct setting *setting, void *section);
