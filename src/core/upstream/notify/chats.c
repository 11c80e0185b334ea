/* Who waits for something to tell by chat, and until when. */
#include "core/upstream/notify/chats.h"

#include <string.h>

static void list(const struct call *call) {
    struct page page = page_begin(call, &chat_delivery_table);
    struct chat_delivery delivery; /* borrowed */
    const struct contact_entry *contact = NULL;
    while ((contact = deliveries_next_fetched(&call->upstream->manager.deliveries,
                                              call->moment->wall_ms, contact, &delivery)))
        if (!page_add(&page, &delivery))
            return;
}

static bool is_there_any(const struct upstream *upstream) {
    struct chat_delivery delivery;
    return deliveries_next_fetched(&upstream->manager.deliveries,
                                   upstream->manager.moment.wall_ms, NULL, &delivery);
}

static void release(struct upstream *upstream, size_t at) {
    struct chat_waiters *waiters = &upstream->chat_waiters;
    const struct request request = {.handle = waiters->items[at].handle,
                                    .kind = REQUEST_DELIVERY_LIST,
                                    .list.limit = waiters->items[at].limit};
    const struct call call = {.moment = &upstream->manager.moment, .request = &request,
                              .upstream = upstream};
    waiters->count--;
    memmove(&waiters->items[at], &waiters->items[at + 1],
            (waiters->count - at) * sizeof(waiters->items[0]));
    list(&call);
}

/* One that was killed may seem to wait still, so the oldest gives way. */
void chats_list(const struct call *call) {
    struct chat_waiters *waiters = &call->upstream->chat_waiters;
    if (!call->request->wait_ms || is_there_any(call->upstream)) {
        list(call);
        return;
    }
    if (waiters->count == array_size(waiters->items))
        release(call->upstream, 0);
    waiters->items[waiters->count++] = (struct chat_waiter){
        call->request->handle, call->request->list.limit,
        call->moment->now_ms + call->request->wait_ms};
}

void chats_end(const struct call *call) {
    const struct delivery_end *said = &call->request->delivery_end;
    struct event_delivered event = {.outcome = said->outcome};
    if (!text_copy(event.delivery, sizeof(event.delivery), call->request->key)) {
        call_not_found(call, "delivery");
        return;
    }
    text_set(event.why, said->why);
    if (!deliveries_end_fetched(&call->upstream->manager.deliveries, call->moment, &event))
        call_not_found(call, "delivery");
    else
        call_answer(call, REPLY_GONE, &delivery_end_table, said);
}

void chats_release(struct upstream *upstream) {
    while (upstream->chat_waiters.count)
        release(upstream, 0);
}

void chats_go_on(struct upstream *upstream) {
    if (is_there_any(upstream))
        chats_release(upstream);
    for (size_t i = upstream->chat_waiters.count; i-- > 0;)
        if (upstream->chat_waiters.items[i].until_ms <= upstream->manager.moment.now_ms)
            release(upstream, i);
}

uint64_t chats_deadline_ms(const struct upstream *upstream) {
    uint64_t due = book_never;
    for (size_t i = 0; i < upstream->chat_waiters.count; i++)
        if (upstream->chat_waiters.items[i].until_ms < due)
            due = upstream->chat_waiters.items[i].until_ms;
    return due;
}
