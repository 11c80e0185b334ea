/* How a reply is filled in, and where a page of a list begins: after what was shown last, even
 * where that has gone meanwhile. */
#include "core/manager/call.h"

#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "message/codec.h"

static struct reply *reply_new(const struct call *call, enum reply_kind kind) {
    struct reply *reply = &effects_add(call->moment->out, EFFECT_REPLY)->reply;
    reply->handle = call->request->handle;
    reply->kind = kind;
    reply->is_tenants = call->tenant;
    return reply;
}

void call_problem(const struct call *call, enum code code, const char *field, const char *format,
                  ...) {
    struct reply *reply = reply_new(call, REPLY_PROBLEM);
    reply->code = code;
    text_set(reply->field, field);
    va_list arguments;
    va_start(arguments, format);
    text_formatv(reply->text, sizeof(reply->text), format, arguments);
    va_end(arguments);
}

void call_not_found(const struct call *call, const char *what) {
    call_problem(call, CODE_NOT_FOUND, what, "there is no %s '%s'", what, call->request->key);
}

bool call_is_stale(const struct call *call, const struct table *table, const void *data) {
    auto_clean(text_deinit) struct text shown = {0};
    if (!call->request->tag)
        return false;
    codec_encode(table, data, FIELD_API, &shown); /* what its ETag is of */
    return map_hash(0, text_data(&shown), shown.length) != call->request->tag;
}

void call_answer(const struct call *call, enum reply_kind kind, const struct table *table,
                 const void *data) {
    struct record record = record_copy(table, data);
    reply_new(call, kind)->record = record;
}

void call_answer_stored(const struct call *call, enum reply_kind kind, const struct table *table,
                        const void *key) {
    struct reply *reply = reply_new(call, kind);
    reply->record = record_copy(table, key);
    reply_mark_stored(reply, 0);
}

static void page_refuse(struct page *page, const struct codec_fault *fault) {
    struct reply *reply = page->reply;
    for (uint32_t i = 0; i < reply->list_count; i++)
        record_deinit(&reply->list[i]);
    memory_free(reply->list);
    *reply = (struct reply){.handle = reply->handle, .kind = REPLY_PROBLEM, .code = CODE_INVALID};
    text_format(reply->field, sizeof(reply->field), "%.63s", fault->field);
    text_format(reply->text, sizeof(reply->text), "%.63s %.190s", fault->field, fault->text);
}

struct page page_begin(const struct call *call, const struct table *table) {
    struct list_query query = call->request->list;
    struct page page = {.call = call, .reply = reply_new(call, REPLY_LIST), .table = table,
                        .limit = query.limit ? query.limit : limit_page_default};
    struct codec_fault fault;
    query.tenant[0] = 0; /* whose rows are listed is settled by then */
    page.is_ordered = query.sort > SORT_NEWEST;
    if (!filter_make(&page.filter, &query, table, &fault) ||
        !order_make(&page.order, &query, table, &fault))
        page_refuse(&page, &fault);
    return page;
}

static void page_insert(struct page *page, uint32_t at, const void *data) {
    struct reply *reply = page->reply;
    if (reply->list_count == page->capacity) {
        page->capacity = page->capacity ? page->capacity * 2 : 16;
        reply->list = memory_resize(reply->list, page->capacity * sizeof(*reply->list));
    }
    memmove(&reply->list[at + 1], &reply->list[at],
            (reply->list_count - at) * sizeof(*reply->list));
    reply->list[at] = record_copy(page->table, data);
    reply->list_count++;
}

/* Keeps the first rows of the order, whatever comes after them. */
static bool page_add_ordered(struct page *page, const void *data) {
    struct reply *reply = page->reply;
    uint32_t at = reply->list_count, least = 0;
    if (++page->walked > limit_sorted) {
        static const struct codec_fault too_long = {
            "sort", "is not for so long a list: ask for one tenant, or by age"};
        page_refuse(page, &too_long);
        return false;
    }
    if (!order_is_behind(&page->order, data))
        return true;
    while (least < at) {
        uint32_t middle = least + (at - least) / 2;
        if (order_compare(&page->order, data, reply->list[middle].data) < 0)
            at = middle;
        else
            least = middle + 1;
    }
    bool is_over = reply->list_count == page->limit;
    if (!is_over || at < page->limit)
        page_insert(page, at, data);
    if (reply->list_count > page->limit)
        record_deinit(&reply->list[--reply->list_count]);
    if (is_over)
        order_cursor(&page->order, reply->list[page->limit - 1].data, reply->next);
    return true;
}

static void page_end_at(struct page *page, const void *row) {
    text_set(page->reply->next, (const char *)row + page->table->fields[0].offset);
}

bool page_add(struct page *page, const void *data) {
    struct reply *reply = page->reply;
    if (reply->kind == REPLY_PROBLEM)
        return false;
    if (!filter_fits(&page->filter, data)) {
        if (page->is_ordered || ++page->walked < limit_page_walk)
            return true;
        page_end_at(page, data);
        return false;
    }
    if (page->is_ordered)
        return page_add_ordered(page, data);
    if (reply->list_count == page->limit) {
        page_end_at(page, reply->list[page->limit - 1].data);
        return false;
    }
    page_insert(page, reply->list_count, data);
    return true;
}

/* Whether the query wants it shows once it is read. */
bool page_add_stored(struct page *page, const void *key) {
    struct filter filter = page->filter;
    page->filter.count = 0;
    bool more = page_add(page, key);
    page->filter = filter;
    if (more)
        reply_mark_stored(page->reply, page->reply->list_count - 1);
    return more;
}

bool page_skips(const struct call *call, const char *key, bool *passed) {
    const char *after = call->request->list.after;
    if (*passed || !*after)
        return false;
    *passed = text_equal(key, after);
    return true;
}

struct list *page_start(const struct call *call, struct list *head, const struct list *known,
                        const char *(*key)(const struct list *)) {
    const char *after = call->request->list.after;
    if (!*after || call->request->list.sort > SORT_NEWEST)
        return head->next;
    if (known)
        return known->next;
    struct list *front = head->next, *back = head->previous; /* it went not far from an end */
    while (front != head && strcmp(key(front), after) <= 0) {
        if (strcmp(key(back), after) <= 0)
            return back->next;
        front = front->next;
        back = back->previous;
    }
    return front;
}

struct list *page_start_newest(const struct call *call, struct list *head,
                               const struct list *known, const char *(*key)(const struct list *)) {
    const char *after = call->request->list.after;
    if (!*after)
        return head->previous;
    if (known)
        return known->previous;
    struct list *front = head->next, *back = head->previous;
    while (back != head && strcmp(key(back), after) >= 0) {
        if (strcmp(key(front), after) >= 0)
            return front->previous;
        front = front->next;
        back = back->previous;
    }
    return back;
}
