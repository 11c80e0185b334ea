/* Amounts of limits, quotas and capacity, and names of what may be used. */
#pragma once

#include "cli/call.h"

/* Puts limits at <path>/NAME<way>: those that the options name, the others as they are. */
int view_put_limits(const struct view *view, const struct options *options, const char *way,
                    const struct amounts *now);

/* `now`, with what the options name of it in its place. */
struct amounts amounts_given(const struct options *options, const struct amounts *now);

/* VMs, cpus, memory and disk: "3 of 10", or "3" where there is no limit. */
enum { amounts_count = 4 };
void words_amounts(const struct amounts *used, const struct amounts *limits,
                   struct words out_words[amounts_count]);
void sheet_amounts(struct sheet *sheet, const struct amounts *used,
                   const struct amounts *limits);

/* What may be used: words, NULL or "": all. What is not given stays as it is in force. */
const char *words_or_all(const char *words);
void words_replace(char **words, const char *given);

/* What is free and what there is: in three columns, cpus, memory and disk; or a line each. */
void sheet_add_capacity(struct sheet *sheet, const struct capacity *capacity);
void sheet_capacity(struct sheet *sheet, const struct capacity *capacity);

/* What is doubtful of a place: it says that it has more than is believed; it says what cannot be
 * read. Nothing where all is well. */
void sheet_doubts(struct sheet *sheet, bool overclaims, uint64_t unreadable);
