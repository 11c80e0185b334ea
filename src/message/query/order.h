/* In which order the rows of a list come, and where its pages go on. Pure. */
#pragma once

#include "message/codec.h"
#include "message/request.h"

/* Where a row stands: by the field that it is sorted by, then by its id, so no two stand at one. */
struct place_in_order {
    const char *text;
    uint64_t number;
    const char *id;
};

/* By the query's `sort`, behind its `after`. */
struct order {
    const struct table *table;
    const struct field *field; /* NULL: by id alone */
    bool is_falling;
    bool has_after;
    char after_text[limit_name_size];
    uint64_t after_number;
    char after_id[limit_id_size];
};

/* False: `after` is of another order, or of none. */
bool order_make(struct order *out_order, const struct list_query *query,
                const struct table *table, struct codec_fault *fault);

/* Below 0: `left` comes before `right`. */
int order_compare(const struct order *order, const void *left, const void *right);
bool order_is_behind(const struct order *order, const void *row); /* behind `after`? */
void order_cursor(const struct order *order, const void *row, char out[limit_cursor_size]);
