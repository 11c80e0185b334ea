/* Operations: shown, and followed to their end. */
#pragma once

#include "cli/call.h"

/* Shows the steps of `op` until it has ended (as a live line on a terminal), then how it ended;
 * *op is the newest record in the end, and `answer` its JSON. EXIT_REFUSED also when it failed or
 * --wait's time is over. */
int op_follow(const struct options *options, struct operation *op, struct text *answer);

/* "define web" */
void op_print_name(const struct operation *op, char *out, size_t size);

/* Verbs; each returns an exit code. */
int op_list(const struct options *options);
int op_show(const struct options *options);
