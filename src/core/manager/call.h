/* A request of an API on its way to its reply, the same for every role that is asked something:
 * the upstream manager by its tenants and operators, the downstream manager by its owner. */
#pragma once

#include "core/moment.h"

struct upstream;
struct downstream;
struct tenant_entry;

struct call {
    struct moment *moment;
    const struct request *request;
    struct upstream *upstream;     /* who is asked, NULL: the downstream manager */
    struct tenant_entry *tenant;   /* by this tenant; NULL: by the operator */
    struct downstream *downstream; /* who is asked, by its owner; NULL: the upstream manager */
};

/* Answers with a refusal. */
void call_problem(const struct call *call, enum code code, const char *field, const char *format,
                  ...) format_checked(4, 5);

/* Answers that there is no such thing as the request's key names. */
void call_not_found(const struct call *call, const char *what);

/* One record as the answer (copied). */
void call_answer(const struct call *call, enum reply_kind kind, const struct table *table,
                 const void *data);

/* A page in the making: rows after `after`, at most `limit`. Lists go by keys that grow, so a page
 * goes on right even where the row it ended with is gone. */
struct page {
    const struct call *call;
    struct reply *reply;
    const struct table *table;
    uint32_t limit;
    uint32_t capacity;
};

struct page page_begin(const struct call *call, const struct table *table);

/* False: the page is full and `key` of its last row stands in `next`. */
bool page_add(struct page *page, const void *data);

/* Lists of the configuration go by its order; is this row one up to and with `after`? */
bool page_skips(const struct call *call, const char *key, bool *passed);

/* Where the page begins in a list by age: after the row `after`, or, if that is gone, after all
 * rows whose ids are not greater. `known` is the node of that row, NULL if it is gone. */
struct list;
struct list *page_start(const struct call *call, struct list *head, const struct list *known,
                        const char *(*key)(const struct list *));
