/* How a reply is filled in, and where a page of a list begins: after what was shown last, even
 * where that has gone meanwhile. */
#include "core/manager/call.h"

#include <string.h>

#include "base/list.h"
#include "base/memory.h"

static struct reply *reply_new(const struct call *call, enum reply_kind kind) {
    struct reply *reply = &effects_add(call->moment->out, EFFECT_REPLY)->reply;
    reply->handle = call->request->handle;
    reply->kind = kind;
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

void call_answer(const struct call *call, enum reply_kind kind, const struct table *table,
                 const void *data) {
    struct record record = record_copy(table, data);
    reply_new(call, kind)->record = record;
}

struct page page_begin(const struct call *call, const struct table *table) {
    uint32_t limit = call->request->list.limit;
    return (struct page){call, reply_new(call, REPLY_LIST), table,
                         limit ? limit : limit_page_default, 0};
}

bool page_add(struct page *page, const void *data) {
    struct reply *reply = page->reply;
    if (reply->list_count == page->limit) {
        const struct field *key = &page->table->fields[0];
        const char *last = (const char *)reply->list[page->limit - 1].data + key->offset;
        text_set(reply->next, last);
        return false;
    }
    if (reply->list_count == page->capacity) {
        page->capacity = page->capacity ? page->capacity * 2 : 16;
        reply->list = memory_resize(reply->list, page->capacity * sizeof(*reply->list));
    }
    reply->list[reply->list_count++] = record_copy(page->table, data);
    return true;
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
    if (!*after)
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
