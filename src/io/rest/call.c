/* When a call may wait for the role. A reply finds its held call by slot and generation, so that
 * one that comes too late meets nobody else's. */
#include "io/rest/call.h"

enum { waiting_most = http_connections - 100 }; /* the rest stay free for short calls */

static const uint64_t slot_bits = 16;

enum http_next rest_refuse(struct rest_call *call, const struct problem *problem) {
    http_answer_problem(&call->http, problem);
    return HTTP_DONE;
}

void rest_ask(struct rest *rest, struct rest_call *call, struct request *request) {
    struct rest_slot *slot = &rest->slots[call->slot];
    http_hold(&call->http); /* first: the reply may come before we are back */
    pthread_mutex_lock(&rest->lock);
    bool refused = rest->stopping || (request->wait_ms && rest->waiting == waiting_most);
    if (refused) {
        call->reply = (struct reply){.kind = REPLY_PROBLEM,
                                     .code = rest->stopping ? CODE_SHUTTING_DOWN : CODE_FULL};
        text_format(call->reply.text, sizeof(call->reply.text), "%s",
                    rest->stopping ? "" : "Too many requests wait for an end; ask without wait");
        http_resume(&call->http);
    } else {
        call->asked = true;
        call->waits = request->wait_ms > 0;
        rest->waiting += call->waits ? 1 : 0;
        request->handle = ++slot->generation << slot_bits | call->slot;
    }
    pthread_mutex_unlock(&rest->lock);
    if (refused)
        return;
    struct event event = {.kind = EVENT_REQUEST, .request = request};
    if (!http_is_alone(&call->http)) { /* others can be taken in meanwhile, and share the turn */
        shell_post(rest->shell, &event);
        return;
    }
    shell_put(rest->shell, &event);
    shell_serve(rest->shell);
}

struct rest_call *rest_call_asked(const struct rest *rest, uint64_t handle) {
    size_t at = handle & ((UINT64_C(1) << slot_bits) - 1);
    const struct rest_slot *slot = at < http_connections ? &rest->slots[at] : NULL;
    struct rest_call *call = slot ? slot->call : NULL;
    return call && call->asked && slot->generation == handle >> slot_bits ? call : NULL;
}
