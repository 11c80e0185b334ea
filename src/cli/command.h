/* A command of `isthmus`, as its table in isthmus.c has it: help, checks of its use and completion
 * work from the same rows. */
#pragma once

#include <stddef.h>

#include "cli/options.h"

struct command {
    const char *noun, *verb;   /* verb NULL: the noun alone */
    const char *arguments;     /* as in help */
    size_t arguments_count;
    const char *options;       /* names of its own options */
    const char *about;
    int (*run)(const struct options *options);
    enum asked asked;
};

struct commands {
    const struct command *rows;
    size_t count;
};
