/* Labels, as operators give them to clusters and requests ask for them: `name=value`, joined by
 * commas without spaces; names and values are DNS labels. `region` and `zone` are labels, too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message/limits.h"

bool labels_are_valid(const char *text);

/* Metadata: the same form, of any characters but ',' and, in a name, '='. */
bool metadata_is_valid(const char *text);

/* Are these names joined by commas, at most `most`? The functions below take names, too. */
bool names_are_valid(const char *text, size_t most);

/* Names by the numbers that they have, from 0 on: `slot_free` stands where a number is nobody's.
 * One that is taken away leaves that behind it, so that the others keep their numbers. */
#define slot_free "-"
bool slots_are_valid(const char *text, size_t most);
bool slots_are_free(const char *slots); /* is any number nobody's? */

/* Copies the next of them that is not free, with its number, and returns the others; NULL: there
 * is none. `*number` is 0 where the list begins. */
const char *slots_next(const char *slots, unsigned *number, char out_name[limit_name_size]);

/* Copies the first of the names and returns the others; NULL: there is none. */
const char *names_next(const char *names, char out_name[limit_name_size]);

/* How many of `wanted` stand in `labels`; either may be NULL. */
size_t labels_matching(const char *labels, const char *wanted);

/* The first of `wanted` that does not stand in `labels`, with its length; NULL: all do. Nobody
 * wants what is free. */
const char *labels_missing(const char *labels, const char *wanted, size_t *out_length);

/* Patterns of names, one blank between them: a-z, 0-9 and '-', and `*` for any of these. */
bool patterns_are_valid(const char *text);

/* Copies the first of them and returns the others; NULL: there is none. */
const char *patterns_next(const char *patterns, char out_pattern[limit_name_size]);

/* Does the name fit one of them? NULL or "": any name does. */
bool patterns_fit(const char *patterns, const char *name);
