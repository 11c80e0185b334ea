/* What a client of a relay does when, and what becomes of that while the relay hangs. What is
 * passed on as a frame's bytes begins with what the world has to know of it. */
#include "sim/parts/servers/relays.h"

#include <string.h>

#include "base/memory.h"
#include "sim/parts/link.h"
#include "sim/world/fact.h"

enum { again_ms = 1000, stranger_connection = 1 };

/* Before a frame's bytes. */
struct inside {
    void (*happen)(struct sim_world *world, struct occurrence *occurrence); /* NULL: it is none */
    const struct sim_link *from; /* who really sent it; NULL: the stranger */
    uint64_t came_ms;
    struct sim_seal seal;
    uint32_t from_line;
};

static struct sim_server *server_of(const struct sim_relay *relay) {
    return &relay->world->servers[relay->server];
}

static bool is_hung(const struct sim_relay *relay) {
    return !server_of(relay)->up && server_of(relay)->is_silent;
}

static size_t line_of(const struct sim_relay *relay, const struct sim_link *link) {
    return relay->server - link->server;
}

static struct sim_link *link_of(const struct sim_relay *relay,
                                const struct relay_account *account) {
    const struct sim_server *server = server_of(relay);
    return account->number < server->links_count ? server->links[account->number] : NULL;
}

/* NULL: the stranger's. */
static struct relay_account *account_of(const struct sim_relay *relay,
                                        const struct sim_link *link) {
    char address[limit_address_size];
    if (!link)
        return relay->stranger;
    link_write_address(link, line_of(relay, link), address, sizeof(address));
    return relay_find(&relay->relay, address);
}

/* Then what is on the way is sent again and again. */
static bool is_cut(const struct sim_relay *relay, const struct sim_link *link) {
    return link->cut == line_of(relay, link) + 1;
}

static void after(struct sim_relay *relay);

/* ---- the relay's own time ---- */

static void on_tick(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_relay *relay = world->servers[occurrence->number].relay;
    if (relay->tick_ms != world->now_ms)
        return; /* an earlier one was set since */
    relay->tick_ms = UINT64_MAX;
    if (!is_hung(relay))
        relay_on_tick(&relay->relay, world->now_ms);
    after(relay);
}

static void set_tick(struct sim_relay *relay) {
    uint64_t now_ms = relay->world->now_ms, due_ms = relay_deadline_ms(&relay->relay);
    if (due_ms <= now_ms)
        due_ms = now_ms + (is_hung(relay) ? again_ms : 1);
    if (due_ms >= relay->tick_ms)
        return;
    relay->tick_ms = due_ms;
    world_later(relay->world, NULL, due_ms - now_ms, on_tick)->number = relay->server;
}

/* After whatever the relay did, it is as it has to be. */
static void after(struct sim_relay *relay) {
    relay_check(&relay->relay);
    world_observe(relay->world, &(struct fact){FACT_RELAY, .relay = relay});
    set_tick(relay);
}

/* ---- listening ---- */

static void on_listen(struct sim_world *world, struct occurrence *occurrence);

/* It asks for its news, which takes so long to the relay. */
static struct occurrence *listens(const struct sim_relay *relay, const struct sim_link *link,
                                  uint64_t connection, uint64_t delay_ms) {
    struct occurrence *later = world_later(relay->world, link->node, delay_ms, on_listen);
    later->number = relay->server;
    later->link = link->index;
    later->connection = connection;
    return later;
}

static void listen_later(const struct sim_relay *relay, const struct sim_link *link,
                         uint64_t connection, uint64_t delay_ms) {
    listens(relay, link, connection, delay_ms)->is_of_clock = true; /* of the relay's */
}

/* A frame's receiver has it from here on. */
static void hand_over(struct sim_relay *relay, struct sim_link *link, const struct news *news) {
    struct inside inside;
    memcpy(&inside, news->bytes, sizeof(inside));
    if (!inside.happen)
        return;
    struct occurrence *comes = world_later(relay->world, link->node, 0, inside.happen);
    comes->link = link->index;
    comes->line = (uint32_t)line_of(relay, link);
    comes->from = inside.from;
    comes->from_line = inside.from_line;
    comes->seal = inside.seal;
    comes->length = news->length - sizeof(inside);
    comes->bytes = memory_copy(news->bytes + sizeof(inside), comes->length);
}

/* False: the link's end has another connection by now. */
static bool hear(struct sim_relay *relay, struct sim_link *link, uint64_t connection,
                 const struct news *news) {
    if (!relay->client->hear(link, line_of(relay, link), connection, news))
        return false;
    if (news->kind == NEWS_FRAME)
        hand_over(relay, link, news);
    return true;
}

/* What was taken for a link's end has come to it; nothing: its connection is over. */
static void on_answer(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_relay *relay = world->servers[occurrence->number].relay;
    struct sim_link *link = &occurrence->node->links[occurrence->link];
    if (is_cut(relay, link)) {
        struct occurrence *again = listens(relay, link, occurrence->connection, again_ms);
        again->happen = on_answer;
        again->length = occurrence->length;
        again->bytes = occurrence->bytes;
        occurrence->bytes = NULL;
        return;
    }
    struct news_reader reader = {0};
    struct news news;
    bool is_there = occurrence->bytes;
    if (!is_there)
        relay->client->end(link, line_of(relay, link), occurrence->connection);
    news_reader_add(&reader, occurrence->bytes, occurrence->length);
    while (is_there && news_reader_next(&reader, &news) == NEWS_READ)
        is_there = hear(relay, link, occurrence->connection, &news);
    text_deinit(&reader.held);
    if (is_there)
        listen_later(relay, link, occurrence->connection, link_carry_ms);
}

static void tell_of(struct sim_relay *relay, const struct relay_account *account,
                    const struct news *news) {
    struct fact_relayed relayed = {.relay = relay, .to = link_of(relay, account), .news = news,
                                   .opened_ms = relay->uses[account->number].opened_ms};
    struct inside inside = {0};
    if (news->kind == NEWS_FRAME)
        memcpy(&inside, news->bytes, sizeof(inside));
    relayed.from = inside.from;
    relayed.came_ms = inside.came_ms;
    world_observe(relay->world, &(struct fact){FACT_RELAYED, .relayed = relayed});
}

static void tell_of_all(struct sim_relay *relay, const struct relay_account *account,
                        const struct text *taken) {
    struct news_reader reader = {0};
    struct news news;
    news_reader_add(&reader, text_data(taken), taken->length);
    while (news_reader_next(&reader, &news) == NEWS_READ)
        tell_of(relay, account, &news);
    text_deinit(&reader.held);
}

static void answer(struct sim_relay *relay, struct relay_account *account, uint64_t connection) {
    struct sim_link *link = link_of(relay, account);
    auto_clean(text_deinit) struct text news = {0};
    uint64_t now_ms = relay->world->now_ms;
    if (relay_standing(account, connection) == RELAY_THERE) {
        relay_take(account, &news);
        relay_leave(account, now_ms);
        tell_of_all(relay, account, &news);
    }
    uint64_t comes_ms = link_comes_ms(relay->world, link, now_ms + link_carry_ms, news.length);
    struct occurrence *comes = listens(relay, link, connection, comes_ms - now_ms);
    comes->happen = on_answer;
    comes->length = news.length;
    comes->bytes = news.length ? memory_copy(news.data, news.length) : NULL;
    relay->uses[account->number].listener = 0;
}

/* Whoever listens is answered, after all that happens in this moment. */
static void on_resumed(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_relay *relay = world->servers[occurrence->number].relay;
    struct relay_account *account = relay->relay.accounts[occurrence->line];
    struct relays_use *use = &relay->uses[account->number];
    uint64_t connection = occurrence->connection;
    if (use->foretold == connection)
        use->foretold = 0;
    bool is_over = relay_standing(account, connection) != RELAY_THERE;
    if (use->listener == connection && !is_hung(relay) && (is_over || relay_has_news(account)))
        answer(relay, account, connection);
    after(relay);
}

static void resume(struct sim_relay *relay, const struct relay_account *account) {
    struct relays_use *use = &relay->uses[account->number];
    if (!use->listener || use->foretold == use->listener)
        return;
    struct occurrence *soon = world_later(relay->world, NULL, 0, on_resumed);
    soon->number = relay->server;
    soon->line = account->number;
    soon->connection = use->foretold = use->listener;
}

static void tell(struct relay *of, struct relay_account *account) {
    resume(container_of(of, struct sim_relay, relay), account);
}

static void on_listen(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_relay *relay = world->servers[occurrence->number].relay;
    const struct sim_link *link = &occurrence->node->links[occurrence->link];
    struct relay_account *account = account_of(relay, link);
    uint64_t connection = occurrence->connection;
    if (is_hung(relay) || is_cut(relay, link))
        listen_later(relay, link, connection, again_ms);
    if (!server_of(relay)->up || is_cut(relay, link))
        return;
    if (relay_standing(account, connection) == RELAY_THERE)
        relay_listen(&relay->relay, account, world->now_ms);
    relay->uses[account->number].listener = connection;
    if (relay_has_news(account) || relay_standing(account, connection) != RELAY_THERE)
        resume(relay, account);
    after(relay);
}

/* ---- from outside ---- */

static void begin(struct sim_relay *relay) {
    const struct sim_server *server = server_of(relay);
    char address[limit_address_size];
    relay->relay = (struct relay){.tell = tell};
    relay_init(&relay->relay, relay->world->settings.seed);
    for (size_t i = 0; i < server->links_count; i++) {
        const struct sim_link *link = server->links[i];
        link_write_address(link, line_of(relay, link), address, sizeof(address));
        relay_add(&relay->relay, address);
    }
    for (size_t i = 0; i < server->links_count; i++)
        for (size_t k = 0; k < i; k++)
            if (link_is_joined(server->links[i], server->links[k]))
                relay_allow(relay->relay.accounts[i], relay->relay.accounts[k]);
    relay->stranger = relay_add(&relay->relay, "stranger@outside");
    memory_free(relay->uses);
    relay->uses = memory_new(relay->relay.accounts_count, sizeof(*relay->uses));
}

struct sim_relay *relays_at(struct sim_world *world, uint32_t server,
                            const struct relays_client *client) {
    struct sim_server *at = &world->servers[server];
    if (at->kind != SERVER_RELAY || at->relay)
        return at->relay;
    struct sim_relay *relay = at->relay = memory_new(1, sizeof(*relay));
    relay->client = client;
    relay->world = world;
    relay->server = server;
    relay->tick_ms = UINT64_MAX;
    begin(relay);
    after(relay);
    return relay;
}

static void drop_held(struct sim_relay *relay) {
    for (size_t i = 0; i < relay->held_count; i++)
        text_deinit(&relay->held[i].bytes);
    relay->held_count = 0;
}

void relays_free(struct sim_relay *relay) {
    if (!relay)
        return;
    drop_held(relay);
    relay_deinit(&relay->relay);
    memory_free(relay->uses);
    memory_free(relay);
}

void relays_open(struct sim_relay *relay, struct sim_link *link, uint64_t connection) {
    struct relay_account *account = account_of(relay, link);
    relay->uses[account->number].opened_ms = relay->world->now_ms;
    relay_open(&relay->relay, account, connection, relay->world->now_ms);
    listen_later(relay, link, connection, link_carry_ms);
    after(relay);
}

void relays_close(struct sim_relay *relay, const struct sim_link *link, uint64_t connection) {
    struct relay_account *account = account_of(relay, link);
    if (server_of(relay)->up && relay_standing(account, connection) == RELAY_THERE)
        relay_close(&relay->relay, account, relay->world->now_ms);
    after(relay);
}

void relays_leave(struct sim_relay *relay, const struct sim_link *link, uint64_t connection) {
    struct relay_account *account = account_of(relay, link);
    if (server_of(relay)->up && relay_standing(account, connection) == RELAY_THERE)
        relay_leave(account, relay->world->now_ms);
    after(relay);
}

/* What it did not pass on the sender is told, if it is there. */
static void on_away(struct sim_relay *relay, struct relay_account *from, const char *to) {
    struct sim_link *link = link_of(relay, from);
    struct news away = {.kind = NEWS_DOWN};
    relay->world->stats.relay_away++;
    if (!link)
        return;
    text_set_sized(away.address, sizeof(away.address), to);
    if (!relay->client->hear(link, line_of(relay, link), from->connection, &away))
        relay->world->stats.lost++;
}

static void pass(struct sim_relay *relay, struct relay_account *from, uint64_t connection,
                 const struct relays_held *what) {
    const struct relay_frame frame = {what->to, what->bytes.data, what->bytes.length};
    if (relay_standing(from, connection) != RELAY_THERE)
        return;
    enum relay_sent sent = relay_send(&relay->relay, from, &frame, relay->world->now_ms);
    relay->world->stats.relayed += sent == RELAY_SENT;
    relay->world->stats.relay_full += sent == RELAY_FULL;
    if (sent == RELAY_AWAY)
        on_away(relay, from, what->to);
}

/* The sender's connection is that by which it has sent. */
static void come(struct sim_relay *relay, struct relays_held *what) {
    if (server_of(relay)->up) {
        pass(relay, what->from, what->connection, what);
        after(relay);
    } else if (is_hung(relay) && relay->held_count < relays_held_most) {
        relay->held[relay->held_count++] = *what;
        what->bytes = (struct text){0};
    }
    text_deinit(&what->bytes);
}

void relays_changed(struct sim_relay *relay) {
    const struct sim_server *server = server_of(relay);
    if (!server->up && server->is_silent)
        return;
    if (!server->up) {
        drop_held(relay);
        relay_deinit(&relay->relay);
        begin(relay);
    }
    size_t count = relay->held_count;
    relay->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct relays_held held = relay->held[i];
        come(relay, &held);
    }
    for (size_t i = 0; i < relay->relay.accounts_count; i++)
        resume(relay, relay->relay.accounts[i]);
    after(relay);
}

static void set_what(const struct sim_relay *relay, struct relays_held *what,
                     const struct sim_link *from, const struct sim_link *to) {
    *what = (struct relays_held){.from = account_of(relay, from)};
    what->connection = what->from->connection;
    link_write_address(to, line_of(relay, to), what->to, sizeof(what->to));
}

static void on_frame(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_relay *relay =
        world->servers[occurrence->from->server + occurrence->from_line].relay;
    const struct sim_link *to = &occurrence->node->links[occurrence->link];
    struct relays_held what;
    struct inside inside;
    memcpy(&inside, occurrence->bytes, sizeof(inside));
    inside.came_ms = world->now_ms;
    set_what(relay, &what, occurrence->from, to);
    what.connection = occurrence->connection;
    text_add_bytes(&what.bytes, (const char *)&inside, sizeof(inside));
    text_add_bytes(&what.bytes, occurrence->bytes + sizeof(inside),
                   occurrence->length - sizeof(inside));
    come(relay, &what);
}

void relays_carry(struct sim_relay *relay, const struct sim_link *to, uint64_t delay_ms,
                  const struct occurrence *sent) {
    const struct inside inside = {.happen = sent->happen, .from = sent->from,
                                  .seal = sent->seal, .from_line = sent->from_line};
    struct occurrence *comes = world_later(relay->world, to->node, delay_ms, on_frame);
    comes->is_of_clock = true;
    comes->link = to->index;
    comes->from = sent->from;
    comes->from_line = sent->from_line;
    comes->connection = sent->connection;
    comes->length = sizeof(inside) + sent->length;
    comes->bytes = memory_new(1, comes->length);
    memcpy(comes->bytes, &inside, sizeof(inside));
    memcpy(comes->bytes + sizeof(inside), sent->bytes, sent->length);
}

void relays_disturb(struct sim_relay *relay, const struct sim_link *from,
                    const struct sim_link *to, size_t length) {
    const struct inside inside = {.from = from, .came_ms = relay->world->now_ms};
    struct relay_account *stranger = relay->stranger;
    struct relays_held what;
    if (server_of(relay)->up && !stranger->connection) {
        relay_open(&relay->relay, stranger, stranger_connection, relay->world->now_ms);
        relay_listen(&relay->relay, stranger, relay->world->now_ms);
    }
    set_what(relay, &what, from, to);
    what.bytes.data = memory_new(1, sizeof(inside) + length);
    what.bytes.length = what.bytes.capacity = sizeof(inside) + length;
    memcpy(what.bytes.data, &inside, sizeof(inside));
    come(relay, &what);
}
