/* Who is there, who is told of whom, and what is lost rather than kept. */
#include "core/relay/relay.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "message/news.h"

void relay_init(struct relay *relay, uint64_t seed) { map_init(&relay->by_address, seed); }

void relay_deinit(struct relay *relay) {
    for (size_t i = 0; i < relay->accounts_count; i++) {
        struct relay_account *account = relay->accounts[i];
        memory_free(account->address);
        memory_free(account->peers);
        text_deinit(&account->waiting);
        memory_free(account);
    }
    memory_free(relay->accounts);
    map_deinit(&relay->by_address);
}

struct relay_account *relay_add(struct relay *relay, const char *address) {
    struct relay_account *account = memory_new(1, sizeof(*account));
    account->address = memory_text(address);
    account->number = (uint32_t)relay->accounts_count;
    account->waiting.limit = relay_waiting_bytes + relay_told_bytes;
    relay->accounts = memory_resize(relay->accounts,
                                    (relay->accounts_count + 1) * sizeof(*relay->accounts));
    relay->accounts[relay->accounts_count++] = account;
    map_put(&relay->by_address, account->address, account);
    return account;
}

static bool is_allowed(const struct relay_account *one, const struct relay_account *other) {
    if (one->peers_count > other->peers_count) /* a manager has thousands, a host has few */
        return is_allowed(other, one);
    for (size_t i = 0; i < one->peers_count; i++)
        if (one->peers[i] == other)
            return true;
    return false;
}

static void add_peer(struct relay_account *account, struct relay_account *peer) {
    account->peers =
        memory_resize(account->peers, (account->peers_count + 1) * sizeof(*account->peers));
    account->peers[account->peers_count++] = peer;
}

void relay_allow(struct relay_account *one, struct relay_account *other) {
    if (one == other || is_allowed(one, other))
        return;
    add_peer(one, other);
    add_peer(other, one);
}

struct relay_account *relay_find(const struct relay *relay, const char *address) {
    return map_get(&relay->by_address, address);
}

static void forget_news(struct relay_account *account) {
    size_t limit = account->waiting.limit;
    text_deinit(&account->waiting);
    account->waiting = (struct text){.limit = limit};
}

/* False: it does not fit, and nothing was added. */
static bool add_news(struct relay *relay, struct relay_account *account, const struct news *news,
                     uint64_t now_ms) {
    size_t room = news->kind == NEWS_FRAME ? relay_waiting_bytes : account->waiting.limit;
    auto_clean(text_deinit) struct text line = {0};
    news_add(&line, news);
    if (account->waiting.length + line.length > room)
        return false;
    if (!account->waiting.length)
        account->waiting_ms = now_ms;
    text_add_bytes(&account->waiting, line.data, line.length);
    relay->tell(relay, account);
    return true;
}

static void end(struct relay *relay, struct relay_account *account, uint64_t now_ms);

/* Who cannot be told is ended, and learns it all when it opens again. */
static void tell_of(struct relay *relay, struct relay_account *account, const struct news *news,
                    uint64_t now_ms) {
    if (!add_news(relay, account, news, now_ms))
        end(relay, account, now_ms);
}

static struct news news_of(const struct relay_account *account, enum news_kind kind) {
    struct news news = {.kind = kind};
    text_set_sized(news.address, sizeof(news.address), account->address);
    return news;
}

static void tell_peers(struct relay *relay, const struct relay_account *account,
                       enum news_kind kind, uint64_t now_ms) {
    const struct news news = news_of(account, kind);
    for (size_t i = 0; i < account->peers_count; i++)
        if (account->peers[i]->connection)
            tell_of(relay, account->peers[i], &news, now_ms);
}

static void end(struct relay *relay, struct relay_account *account, uint64_t now_ms) {
    account->connection = 0;
    account->is_listening = false;
    forget_news(account);
    relay->tell(relay, account);
    tell_peers(relay, account, NEWS_DOWN, now_ms);
}

/* Ends all where the relay stood still. A caller may have looked at the clock before another one,
 * and come after it. */
static void see(struct relay *relay, uint64_t now_ms) {
    bool stood_still = relay->seen_ms && now_ms >= relay->seen_ms + relay_absent_ms;
    if (now_ms > relay->seen_ms)
        relay->seen_ms = now_ms;
    for (size_t i = 0; stood_still && i < relay->accounts_count; i++)
        if (relay->accounts[i]->connection)
            end(relay, relay->accounts[i], now_ms);
}

/* A connection that is replaced was another's, whose session is over: its peers are told so. */
void relay_open(struct relay *relay, struct relay_account *account, uint64_t connection,
                uint64_t now_ms) {
    assert(connection);
    see(relay, now_ms);
    if (account->connection == connection)
        return;
    if (account->connection)
        end(relay, account, now_ms);
    account->connection = connection;
    account->absent_ms = now_ms;
    tell_peers(relay, account, NEWS_UP, now_ms);
    for (size_t i = 0; i < account->peers_count && account->connection; i++) {
        const struct news news = news_of(account->peers[i], NEWS_UP);
        if (account->peers[i]->connection)
            tell_of(relay, account, &news, now_ms);
    }
}

enum relay_standing relay_standing(const struct relay_account *account, uint64_t connection) {
    if (!account->connection || !connection)
        return RELAY_GONE;
    return account->connection == connection ? RELAY_THERE : RELAY_REPLACED;
}

void relay_leave(struct relay_account *account, uint64_t now_ms) {
    account->is_listening = false;
    account->absent_ms = now_ms;
}

bool relay_has_news(const struct relay_account *account) { return account->waiting.length; }

void relay_take(struct relay_account *account, struct text *out) {
    *out = account->waiting;
    account->waiting = (struct text){.limit = out->limit};
}

void relay_close(struct relay *relay, struct relay_account *account, uint64_t now_ms) {
    end(relay, account, now_ms);
}

enum relay_sent relay_send(struct relay *relay, const struct relay_account *from,
                           const struct relay_frame *frame, uint64_t now_ms) {
    struct relay_account *to = relay_find(relay, frame->to);
    see(relay, now_ms);
    if (!from->connection || !to || !to->connection || !is_allowed(from, to))
        return RELAY_AWAY;
    struct news news = news_of(from, NEWS_FRAME);
    news.bytes = frame->bytes;
    news.length = frame->length;
    return add_news(relay, to, &news, now_ms) ? RELAY_SENT : RELAY_FULL;
}

/* When the account's connection ends by itself. */
static uint64_t account_due_ms(const struct relay_account *account) {
    if (!account->connection)
        return UINT64_MAX;
    uint64_t absent = account->is_listening ? UINT64_MAX : account->absent_ms + relay_absent_ms;
    uint64_t stale =
        account->waiting.length ? account->waiting_ms + relay_stale_ms : UINT64_MAX;
    return absent < stale ? absent : stale;
}

void relay_listen(struct relay *relay, struct relay_account *account, uint64_t now_ms) {
    see(relay, now_ms);
    if (account_due_ms(account) <= now_ms)
        end(relay, account, now_ms);
    else
        account->is_listening = account->connection;
}

void relay_on_tick(struct relay *relay, uint64_t now_ms) {
    see(relay, now_ms);
    for (size_t i = 0; i < relay->accounts_count; i++)
        if (account_due_ms(relay->accounts[i]) <= now_ms)
            end(relay, relay->accounts[i], now_ms);
}

uint64_t relay_deadline_ms(const struct relay *relay) {
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < relay->accounts_count; i++) {
        uint64_t own = account_due_ms(relay->accounts[i]);
        uint64_t tick = relay->accounts[i]->connection ? relay->seen_ms + relay_tick_ms : own;
        own = tick < own ? tick : own;
        due_ms = own < due_ms ? own : due_ms;
    }
    return due_ms;
}

void relay_check(const struct relay *relay) {
    for (size_t i = 0; i < relay->accounts_count; i++) {
        const struct relay_account *account = relay->accounts[i];
        assert(account->number == i && relay_find(relay, account->address) == account);
        assert(account->connection || (!account->waiting.length && !account->is_listening));
        assert(account->waiting.length <= account->waiting.limit);
        for (size_t k = 0; k < account->peers_count; k++)
            assert(account->peers[k] != account && is_allowed(account->peers[k], account));
    }
}
