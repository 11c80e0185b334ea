/* A request of an API on its way to its reply, the same for every role that is asked something:
 * the upstream manager by its tenants and operators, the downstream manager by its owner. */
#pragma once

#include "core/moment.h"
#include "message/query/filter.h"
#include "message/query/order.h"

struct upstream;
struct downstream;
struct tenant_entry;

struct call {
    struct moment *moment;
    const struct request *request;
    struct upstream *upstream;     /* who is asked, NULL: the downstream manager */
    struct tenant_entry *tenant;   /* by this tenant; NULL: by an operator */
    const struct access_token *token; /* with this one; NULL: the configured one, or the owner */
    struct downstream *downstream; /* who is asked, by its owner; NULL: the upstream manager */
};

/* Answers with a refusal. */
void call_problem(const struct call *call, enum code code, const char *field, const char *format,
                  ...) format_checked(4, 5);

/* Answers that there is no such thing as the request's key names. */
void call_not_found(const struct call *call, const char *what);

/* Is the record, as the API shows it, another than the request wants it to be (If-Match)? */
bool call_is_stale(const struct call *call, const struct table *table, const void *data);

/* One record as the answer (copied). */
void call_answer(const struct call *call, enum reply_kind kind, const struct table *table,
                 const void *data);

/* Answers with a record of which only the key is set, and the rest in the store. */
void call_answer_stored(const struct call *call, enum reply_kind kind, const struct table *table,
                        const void *key);

/* A page in the making: rows after `after`, at most `limit`, as far as the query wants them. Lists
 * go by keys that grow, so a page goes on right even where the row it ended with is gone. One that
 * leaves out very many rows ends early, so that nobody waits for it. */
struct page {
    const struct call *call;
    struct reply *reply;
    const struct table *table;
    struct filter filter;
    struct order order;
    bool is_ordered; /* not as its list goes: each row is looked at, and the first ones stay */
    uint32_t limit;
    uint32_t capacity;
    uint32_t walked; /* rows that were left out, or put in order */
};

struct page page_begin(const struct call *call, const struct table *table);

/* False: the page needs no further row. It is full, and the key of its last row stands in `next`;
 * or the query is refused. */
bool page_add(struct page *page, const void *data);

/* Adds a row of which only the key is set, and the rest in the store. */
bool page_add_stored(struct page *page, const void *key);

/* Lists of the configuration go by its order; is this row one up to and with `after`? */
bool page_skips(const struct call *call, const char *key, bool *passed);

/* Where the page begins in a list by age: after the row `after`, or, if that is gone, after all
 * rows whose ids are not greater. `known` is the node of that row, NULL if it is gone. */
struct list;
struct list *page_start(const struct call *call, struct list *head, const struct list *known,
                        const char *(*key)(const struct list *));

/* Where it begins in such a list that is shown from its end, the newest first: before the row
 * `after`, or, if that is gone, before all rows whose ids are not smaller. */
struct list *page_start_newest(const struct call *call, struct list *head,
                               const struct list *known, const char *(*key)(const struct list *));
