/* Which rows of a list its query wants. It works on any record, by the fields of its table that
 * have a parameter's name; so the core, which makes pages, and whoever tells what has changed, mean
 * the same by the same words. Pure. */
#pragma once

#include "message/codec.h"
#include "message/request.h"

enum { query_filters = 9 };

/* The filters that a query has, for rows of one table. */
struct filter {
    struct {
        const struct field *wish;  /* in list_query_table */
        const struct field *field; /* of the row */
    } parts[query_filters];
    size_t count;
    struct list_query query;
};

/* False: the query asks for what no row can have; `fault` says what would be right. A parameter
 * that the rows have no field for is another one's to see to. */
bool filter_make(struct filter *out_filter, const struct list_query *query,
                 const struct table *table, struct codec_fault *fault);
bool filter_fits(const struct filter *filter, const void *row);

/* Does it leave rows out? */
static inline bool filter_is_any(const struct filter *filter) { return filter->count; }
