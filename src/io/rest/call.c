/* How much of the face one asker may hold, and when a call may wait for the role. A reply finds its
 * held call by slot and generation, so that one that comes too late meets nobody else's. */
#include "io/rest/call.h"

#include "base/memory.h"

static const uint64_t slot_bits = 16;

enum http_next rest_refuse(struct rest_call *call, const struct problem *problem) {
    answer_problem(&call->http.answer, problem);
    return HTTP_DONE;
}

void rest_hold(struct rest *rest, struct rest_call *call, const char *token_hash) {
    const char *key = rest_owners_key(&rest->owners, token_hash);
    struct rest_client *client = map_get(&rest->clients, key);
    if (!token_hash[0])
        return;
    if (!client) {
        client = memory_new(1, sizeof(*client));
        text_set_sized(client->key, sizeof(client->key), key);
        map_put(&rest->clients, client->key, client);
    }
    client->open++;
    call->client = client;
}

void rest_let_go(struct rest *rest, struct rest_call *call) {
    struct rest_client *client = call->client;
    rest->waiting -= call->waits ? 1 : 0;
    rest->watching -= call->is_counted ? 1 : 0;
    if (!client)
        return;
    client->watching -= call->is_counted ? 1 : 0;
    client->waiting -= call->waits ? 1 : 0;
    if (--client->open)
        return;
    (void)map_remove(&rest->clients, client->key);
    memory_free(client);
}

bool rest_has_room(struct rest *rest, struct rest_call *call, struct problem *problem) {
    pthread_mutex_lock(&rest->lock);
    const struct rest_client *client = call->client;
    bool has_room = !client || client->open - client->watching <= rest->requests_of_asker;
    pthread_mutex_unlock(&rest->lock);
    if (has_room)
        return true;
    problem_set(problem, CODE_FULL, NULL, "%zu other requests of yours are open",
                rest->requests_of_asker);
    problem_set_status(problem, 429, "wait for their answers first");
    return false;
}

bool rest_may_wait(struct rest *rest, struct rest_call *call, struct problem *problem) {
    size_t share = rest->requests_of_asker / 4 * 3;
    size_t most = http_server_most(rest->server) / 10 * 9; /* the rest stay free for short calls */
    pthread_mutex_lock(&rest->lock);
    bool is_full = rest->waiting >= most;
    bool has_share = !call->client || call->client->waiting < share;
    pthread_mutex_unlock(&rest->lock);
    if (!is_full && has_share)
        return true;
    problem_set(problem, CODE_FULL, "wait", "%zu requests%s wait for an end",
                is_full ? most : share, is_full ? "" : " of yours");
    problem_set_status(problem, is_full ? 503 : 429, "ask without wait, and look at the operation "
                       "now and then");
    return false;
}

bool rest_may_watch(struct rest *rest, struct rest_call *call, struct problem *problem) {
    size_t most = http_server_most(rest->server) / 2;
    pthread_mutex_lock(&rest->lock);
    bool is_full = rest->watching >= most;
    bool has_share = !call->client || call->client->watching < limit_watchers_of_asker;
    call->is_counted = !is_full && has_share;
    rest->watching += call->is_counted ? 1 : 0;
    if (call->client)
        call->client->watching += call->is_counted ? 1 : 0;
    pthread_mutex_unlock(&rest->lock);
    if (!is_full && has_share)
        return true;
    problem_set(problem, CODE_FULL, call->is_watch ? "watch" : NULL, "%zu streams%s are open",
                is_full ? most : (size_t)limit_watchers_of_asker,
                is_full ? "" : " of yours");
    problem_set_status(problem, is_full ? 503 : 429, "end one that you do not need, or list now "
                       "and then");
    return false;
}

void rest_ask(struct rest *rest, struct rest_call *call, struct request *request) {
    struct rest_slot *slot = &rest->slots[call->slot];
    http_hold(&call->http); /* first: the reply may come before we are back */
    pthread_mutex_lock(&rest->lock);
    bool refused = rest->stopping;
    if (refused) {
        call->reply = (struct reply){.kind = REPLY_PROBLEM, .code = CODE_SHUTTING_DOWN};
        http_resume(&call->http);
    } else {
        call->asked = true;
        call->waits = call->waited = request->wait_ms > 0;
        rest->waiting += call->waits ? 1 : 0;
        if (call->client)
            call->client->waiting += call->waits ? 1 : 0;
        text_set(request->from, call->http.from);
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

void rest_end_token(struct rest *rest, const char *token_hash) {
    logins_end_of(&rest->tickets, token_hash);
    logins_end_of(&rest->logins, token_hash);
    for (size_t i = 0; i < rest_calls_most; i++) {
        struct rest_call *call = rest->slots[i].call;
        if (!call || !call->asked || !call->waits || !text_equal(call->token_hash, token_hash))
            continue;
        call->asked = false;
        call->reply = (struct reply){.kind = REPLY_PROBLEM, .code = CODE_UNAUTHENTICATED};
        text_set(call->reply.text, "the token has expired, or was revoked");
        http_resume(&call->http);
    }
}

struct rest_call *rest_call_asked(const struct rest *rest, uint64_t handle) {
    size_t at = handle & ((UINT64_C(1) << slot_bits) - 1);
    const struct rest_slot *slot = at < rest_calls_most ? &rest->slots[at] : NULL;
    struct rest_call *call = slot ? slot->call : NULL;
    return call && call->asked && slot->generation == handle >> slot_bits ? call : NULL;
}
