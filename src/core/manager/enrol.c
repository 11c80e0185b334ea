/* Which verdict a request to join gets; a lost answer may be asked for again by the same key. A
 * changed key ends the peer's session. */
#include "core/manager/enrol.h"

#include "base/memory.h"
#include "core/below/peer.h"

enum { standard_seconds = 3600 };

struct token_entry {
    struct join_token record;
    struct list by_age;
};

void enrol_init(struct enrol *enrol) {
    map_init(&enrol->tokens, 0); /* its keys are ours alone */
    list_init(&enrol->by_age);
}

static void remove_token(struct enrol *enrol, struct token_entry *token) {
    (void)map_remove(&enrol->tokens, token->record.id);
    list_remove(&token->by_age);
    memory_free(token);
}

void enrol_deinit(struct enrol *enrol) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &enrol->by_age)
        remove_token(enrol, container_of(node, struct token_entry, by_age));
    map_deinit(&enrol->tokens);
}

static void add_token(struct enrol *enrol, const struct join_token *record) {
    struct token_entry *token = memory_new(1, sizeof(*token));
    token->record = *record;
    list_add(&enrol->by_age, &token->by_age);
    map_put(&enrol->tokens, token->record.id, token);
}

void enrol_load(struct enrol *enrol, const struct downlink *downlink, const struct record *record) {
    const char *name = pins_name(record, PINS_BELOW);
    struct peer *peer = name ? downlink_by_name(downlink, name) : NULL;
    if (record->table == &join_token_table)
        add_token(enrol, record->data);
    else if (peer)
        pins_load(peer_pinned(peer), record);
}

/* The key is another from here on: what was said under the old one is over. */
static void repin(struct peer *peer, const char *key) {
    pins_set(peer_pinned(peer), key);
    peer_close(peer);
}

static enum join_verdict judge(const struct token_entry *token, const struct peer *peer,
                               const struct event *event) {
    const struct event_join *join = &event->join;
    if (!token || !text_equal(token->record.secret_hash, join->secret_hash))
        return JOIN_UNKNOWN;
    if (!peer || !text_equal(peer->setting.name, token->record.peer))
        return JOIN_ELSEWHERE;
    if (token->record.used_ms) /* the answer may have been lost: then it is asked for again */
        return text_equal(token->record.key, join->key) ? JOIN_DONE : JOIN_USED;
    return peer->downlink->moment->wall_ms < token->record.expires_ms ? JOIN_DONE : JOIN_EXPIRED;
}

void enrol_on_join(struct enrol *enrol, struct downlink *downlink, const struct event *event) {
    const struct event_join *join = &event->join;
    struct token_entry *token = map_get(&enrol->tokens, join->token);
    struct peer *peer = downlink_peer(downlink, join->link, join->from);
    enum join_verdict verdict = judge(token, peer, event);
    bool pins = verdict == JOIN_DONE && !token->record.used_ms;
    if (pins) {
        token->record.used_ms = downlink->moment->wall_ms;
        text_set(token->record.key, join->key);
        effects_save(downlink->moment->out, &join_token_table, &token->record);
        repin(peer, join->key);
    }
    if (verdict == JOIN_DONE)
        effects_route(downlink->moment->out, join->link, join->from, join->endpoint);
    if (pins || effects_worth_noting(++enrol->asked))
        effects_note(downlink->moment->out, verdict == JOIN_DONE ? NOTE_INFO : NOTE_WARNING, "",
                     "%s asks to join by token %s: %s", join->from, join->token,
                     join_verdict_names[verdict]);
    char address[limit_address_size];
    if (!text_copy(address, sizeof(address), join->from))
        return; /* no peer has such a long one */
    struct effect_joined *joined = &effects_add(downlink->moment->out, EFFECT_JOINED)->joined;
    joined->link = join->link;
    joined->verdict = verdict;
    text_set(joined->address, address);
    text_set(joined->key, join->key);
}

/* A full table gives up its oldest token that is worth nothing any more. */
static bool make_room(const struct enrol_call *call) {
    if (call->enrol->tokens.count < limit_join_tokens)
        return true;
    list_for(struct token_entry, token, &call->enrol->by_age, by_age) {
        if (!token->record.used_ms && token->record.expires_ms > call->call->moment->wall_ms)
            continue;
        effects_forget(call->call->moment->out, &join_token_table, token->record.id);
        remove_token(call->enrol, token);
        return true;
    }
    return false;
}

static void create(const struct enrol_call *call) {
    const struct request *request = call->call->request;
    const struct token_create *wish = &request->token_create;
    uint64_t now = call->call->moment->wall_ms;
    uint64_t seconds = wish->expires_seconds ? wish->expires_seconds : standard_seconds;
    struct join_token record = {.created_ms = now, .expires_ms = now + seconds * 1000};
    if (!downlink_by_name(call->downlink, wish->peer)) {
        call_problem(call->call, CODE_NOT_FOUND, "peer", "there is no peer '%s' in the manager's "
                     "configuration", wish->peer);
        return;
    }
    if (!make_room(call)) {
        call_problem(call->call, CODE_FULL, "", "this manager keeps at most %d open tokens",
                     limit_join_tokens);
        return;
    }
    struct id id = id_make(call->ids, "jt", now);
    text_set(record.id, id.text);
    text_set(record.peer, wish->peer);
    text_set(record.secret_hash, request->new_token_hash);
    add_token(call->enrol, &record);
    effects_save(call->call->moment->out, &join_token_table, &record);
    call_answer(call->call, REPLY_CREATED, &join_token_table, &record);
}

static const char *key_of_token(const struct list *node) {
    return container_of(node, struct token_entry, by_age)->record.id;
}

static void show_all(const struct enrol_call *call) {
    struct page page = page_begin(call->call, &join_token_table);
    struct list *head = &call->enrol->by_age;
    const struct token_entry *last =
        map_get(&call->enrol->tokens, call->call->request->list.after);
    struct list *node = page_start(call->call, head, last ? &last->by_age : NULL, key_of_token);
    for (; node != head; node = node->next)
        if (!page_add(&page, &container_of(node, struct token_entry, by_age)->record))
            return;
}

static void revoke_token(const struct enrol_call *call) {
    struct token_entry *token = map_get(&call->enrol->tokens, call->call->request->key);
    if (!token) {
        call_not_found(call->call, "token");
        return;
    }
    effects_forget(call->call->moment->out, &join_token_table, token->record.id);
    call_answer(call->call, REPLY_GONE, &join_token_table, &token->record);
    remove_token(call->enrol, token);
}

static void revoke_key(const struct enrol_call *call) {
    struct peer *peer = downlink_by_name(call->downlink, call->call->request->key);
    struct pin record = {.changed_ms = call->call->moment->wall_ms};
    if (!peer) {
        call_not_found(call->call, "peer");
        return;
    }
    repin(peer, "");
    text_format(record.peer, sizeof(record.peer), "below %s", peer->setting.name);
    call_answer(call->call, REPLY_GONE, &pin_table, &record);
}

void enrol_on_request(const struct enrol_call *call) {
    switch ((int)call->call->request->kind) {
    case REQUEST_TOKEN_CREATE:
        create(call);
        return;
    case REQUEST_TOKEN_LIST:
        show_all(call);
        return;
    case REQUEST_TOKEN_REVOKE:
        revoke_token(call);
        return;
    default:
        revoke_key(call);
    }
}
