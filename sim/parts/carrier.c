/* Links with several servers: production's choice of connections (core/link/endpoints) in
 * simulated time, with logins that take a while or fail, servers that die with or without a
 * word, and ways to one server that are cut for one side alone. */
#include "sim/parts/carrier.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/link.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

enum { notice_most_ms = 50000, cut_most_ms = 60000 };

static const struct sim_server *server_of(const struct sim_link *link, size_t line) {
    return &link->world->servers[link->server + line];
}

bool carrier_reaches(const struct sim_link *link, size_t line) {
    return server_of(link, line)->up && link->cut != line + 1;
}

/* Is what one hears at a server heard by the other at that one? */
static bool are_joined(const struct sim_link *link, size_t line, size_t other) {
    return line == other || server_of(link, 0)->is_cluster;
}

static bool is_there(const struct sim_link *link, size_t line) {
    return link->carrier && endpoints_uses(&link->carrier->endpoints, line) &&
           carrier_reaches(link, line);
}

static enum sim_server_kind kind_of(const struct sim_carrier *carrier, size_t line) {
    return server_of(carrier->link, line)->kind;
}

/* A number below `bound` for the line's newest attempt, whatever others do. */
static uint64_t draw(const struct sim_carrier *carrier, size_t line, uint64_t bound) {
    char key[limit_address_size + 64];
    text_format(key, sizeof(key), "%s %zu %u %llu", carrier->link->address, line,
                carrier->lines[line].attempt, (unsigned long long)carrier->world->now_ms);
    return map_hash(carrier->world->settings.seed ^ 0x8888, key, strlen(key)) % bound;
}

static void obey(struct sim_carrier *carrier);

static struct occurrence *line_later(struct sim_carrier *carrier, size_t line, uint64_t delay_ms,
                                     void (*happen)(struct sim_world *, struct occurrence *)) {
    struct occurrence *later =
        world_later(carrier->world, carrier->link->node, delay_ms, happen);
    later->link = carrier->link->index;
    later->line = (uint32_t)line;
    later->attempt = carrier->lines[line].attempt;
    return later;
}

/* NULL: of a process or an attempt that is no more. */
static struct sim_carrier *carrier_of(const struct occurrence *occurrence) {
    struct sim_carrier *carrier = occurrence->node->links[occurrence->link].carrier;
    if (occurrence_is_stale(occurrence) || !carrier ||
        carrier->lines[occurrence->line].attempt != occurrence->attempt)
        return NULL;
    return carrier;
}

static uint64_t now_ms(const struct sim_carrier *carrier) {
    return node_now_ms(carrier->world, carrier->link->node);
}

/* ---- presence ---- */

static void on_presence(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_carrier *carrier = carrier_of(occurrence);
    char address[limit_address_size];
    (void)world;
    if (!carrier)
        return;
    link_write_address(occurrence->from, occurrence->from_line, address, sizeof(address));
    endpoints_on_peer(&carrier->endpoints, occurrence->line, address,
                      occurrence->number ? PRESENCE_UP : PRESENCE_DOWN);
}

static void say(struct sim_carrier *to, size_t to_line, const struct sim_link *from, size_t line,
                enum presence presence) {
    struct occurrence *heard = line_later(to, to_line, link_carry_ms, on_presence);
    heard->from = from;
    heard->from_line = (uint32_t)line;
    heard->number = presence == PRESENCE_UP;
}

/* Tells a peer, which answers, of presence; both are hints that may get lost. */
static void announce(struct sim_carrier *carrier, size_t line, enum presence presence,
                     const char *peer) {
    struct sim_world *world = carrier->world;
    const struct sim_link *to = map_get(&world->addresses, peer);
    for (size_t k = 0; k < carrier->endpoints.count; k++) {
        if (!is_there(to, k) || !are_joined(to, line, k) ||
            world_fault(world, &world->links, world->settings.lose))
            continue;
        say(to->carrier, k, carrier->link, line, presence);
        if (presence == PRESENCE_UP)
            say(carrier, line, to, k, presence);
    }
}

/* A relay tells by itself. */
static void announce_to_all(struct sim_carrier *carrier, size_t line, enum presence presence) {
    const struct role_settings *settings = &carrier->link->node->settings;
    for (size_t i = 0; i < settings->agents_count; i++)
        if (settings->agents[i].link == carrier->link->index)
            announce(carrier, line, presence, settings->agents[i].address);
    for (size_t i = 0; i < settings->managers_count; i++)
        if (settings->managers[i].link == carrier->link->index)
            announce(carrier, line, presence, settings->managers[i].address);
}

/* Somebody has come, or hangs up. */
static void say_to_all(struct sim_carrier *carrier, size_t line, enum presence presence) {
    enum sim_server_kind kind = kind_of(carrier, line);
    if (kind == SERVER_XMPP || kind == SERVER_BROKER)
        announce_to_all(carrier, line, presence);
}

/* Somebody is gone without a word; what then is known of it at a relay, that finds out. */
static void leave_all(struct sim_carrier *carrier, size_t line) {
    if (kind_of(carrier, line) == SERVER_XMPP)
        announce_to_all(carrier, line, PRESENCE_DOWN);
}

/* ---- relays ---- */

static void lose(struct sim_carrier *carrier, size_t line);

/* An answer that was on its way comes, too, while the server stands still. */
static bool has_connection(const struct sim_link *link, size_t line, uint64_t connection) {
    const struct sim_carrier *carrier = link->carrier;
    return carrier && connection && carrier->lines[line].connection == connection;
}

/* A frame is handed over by the relay itself. */
static bool on_news(struct sim_link *link, size_t line, uint64_t connection,
                    const struct news *news) {
    if (!has_connection(link, line, connection))
        return false;
    if (news->kind != NEWS_FRAME)
        endpoints_on_peer(&link->carrier->endpoints, line, news->address,
                          news->kind == NEWS_UP ? PRESENCE_UP : PRESENCE_DOWN);
    return true;
}

static void on_over(struct sim_link *link, size_t line, uint64_t connection) {
    if (has_connection(link, line, connection))
        lose(link->carrier, line);
}

/* NULL: the server is of another kind. */
static struct sim_relay *relay_of(const struct sim_carrier *carrier, size_t line) {
    static const struct relays_client client = {on_news, on_over};
    return relays_at(carrier->world, carrier->link->server + (uint32_t)line, &client);
}

static void open_at_relay(struct sim_carrier *carrier, size_t line) {
    struct sim_relay *relay = relay_of(carrier, line);
    if (!relay)
        return;
    carrier->lines[line].connection = ++carrier->world->connections;
    relays_open(relay, carrier->link, carrier->lines[line].connection);
}

/* ---- connections ---- */

static void tell_line(const struct sim_carrier *carrier, enum fact_kind kind, size_t line) {
    world_observe(carrier->world,
                  &(struct fact){kind, carrier->link->node, .line = {carrier, line}});
}

static void on_login(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_carrier *carrier = carrier_of(occurrence);
    size_t line = occurrence->line;
    if (!carrier)
        return;
    if (!carrier_reaches(carrier->link, line)) {
        carrier->lines[line] = (struct sim_line){.attempt = occurrence->attempt + 1};
        endpoints_on_down(&carrier->endpoints, line, FAILOVER_BROKEN, now_ms(carrier));
    } else {
        carrier->lines[line].since_ms = world->now_ms;
        endpoints_on_up(&carrier->endpoints, line, now_ms(carrier));
        if (endpoints_uses(&carrier->endpoints, line)) {
            tell_line(carrier, FACT_LINE_UP, line);
            say_to_all(carrier, line, PRESENCE_UP);
            open_at_relay(carrier, line);
        }
    }
    obey(carrier);
}

static void dial(struct sim_carrier *carrier, size_t line) {
    const struct sim_server *server = server_of(carrier->link, line);
    uint64_t takes_ms = 1 + draw(carrier, line, carrier_login_ms);
    if (!carrier_reaches(carrier->link, line))
        takes_ms = server->up || server->is_silent ? carrier_handshake_ms : 1;
    carrier->lines[line].is_open = true;
    carrier->lines[line].attempt++;
    line_later(carrier, line, takes_ms, on_login);
}

static void on_closed(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_carrier *carrier = carrier_of(occurrence);
    (void)world;
    if (!carrier)
        return;
    endpoints_on_down(&carrier->endpoints, occurrence->line, FAILOVER_BROKEN, now_ms(carrier));
    obey(carrier);
}

static void hang_up(struct sim_carrier *carrier, size_t line) {
    struct sim_relay *relay = relay_of(carrier, line);
    if (is_there(carrier->link, line))
        say_to_all(carrier, line, PRESENCE_DOWN);
    if (relay && carrier_reaches(carrier->link, line))
        relays_close(relay, carrier->link, carrier->lines[line].connection);
    carrier->lines[line] = (struct sim_line){.attempt = carrier->lines[line].attempt + 1};
    line_later(carrier, line, link_carry_ms, on_closed);
}

static void lose(struct sim_carrier *carrier, size_t line) {
    if (endpoints_uses(&carrier->endpoints, line)) {
        tell_line(carrier, FACT_LINE_LOST, line);
        leave_all(carrier, line);
    }
    carrier->lines[line] = (struct sim_line){.attempt = carrier->lines[line].attempt + 1};
    endpoints_on_down(&carrier->endpoints, line, FAILOVER_BROKEN, now_ms(carrier));
    obey(carrier);
}

static void obey(struct sim_carrier *carrier) {
    endpoints_on_tick(&carrier->endpoints, now_ms(carrier));
    for (size_t k = 0; k < carrier->endpoints.count; k++) {
        enum endpoints_order order = endpoints_order(&carrier->endpoints, k);
        if (order == ENDPOINTS_OPEN)
            dial(carrier, k);
        else if (order == ENDPOINTS_CLOSE)
            hang_up(carrier, k);
    }
    heap_set(&carrier->world->carriers, &carrier->timer,
             node_world_ms(carrier->link->node, endpoints_deadline_ms(&carrier->endpoints)));
}

void carrier_on_time(struct sim_carrier *carrier) { obey(carrier); }

/* ---- a process and its link ---- */

static void tell(struct endpoints *endpoints, const char *address, enum presence presence) {
    struct sim_carrier *carrier = container_of(endpoints, struct sim_carrier, endpoints);
    struct sim_link *link = carrier->link;
    if (!address) {
        carrier->changed_ms = carrier->world->now_ms;
        link_set(carrier->world, link->node, link->index, presence);
        return;
    }
    struct event event = {.kind = EVENT_PEER};
    event.presence = (struct event_presence){link->index, address, presence};
    step_give(carrier->world, link->node, &event);
}

static void add_peer(struct sim_carrier *carrier, size_t *at, const struct peer_setting *peer) {
    char addresses[limit_endpoints][limit_address_size];
    const char *pointers[limit_endpoints];
    const struct sim_link *link = map_get(&carrier->world->addresses, peer->address);
    if (peer->link != carrier->link->index)
        return;
    for (size_t k = 0; k < carrier->endpoints.count; k++) {
        link_write_address(link, k, addresses[k], sizeof(addresses[k]));
        pointers[k] = addresses[k];
    }
    endpoints_add_peer(&carrier->endpoints, (*at)++, pointers);
}

static size_t count_peers(const struct role_settings *settings, uint32_t link) {
    size_t count = 0;
    for (size_t i = 0; i < settings->agents_count; i++)
        count += settings->agents[i].link == link;
    for (size_t i = 0; i < settings->managers_count; i++)
        count += settings->managers[i].link == link;
    return count;
}

void carrier_start(struct sim_world *world, struct sim_link *link) {
    struct sim_carrier *carrier = link->carrier = memory_new(1, sizeof(*carrier));
    const struct role_settings *role = &link->node->settings;
    char addresses[limit_endpoints][limit_address_size];
    const char *accounts[limit_endpoints];
    bool manages = link->index == 0 && role->kind != ROLE_AGENT;
    struct endpoints_settings settings = {
        .use = manages ? ENDPOINTS_USE_EACH : ENDPOINTS_USE_ONE,
        .accounts = accounts,
        .count = 1 + world->settings.spares,
        .hold_down_ms = carrier_hold_down_ms,
        .return_ms = carrier_return_ms,
        .seed = map_hash(world->settings.seed ^ 0x7777, link->address, strlen(link->address)) +
                link->node->incarnation,
    };
    carrier->world = world;
    carrier->link = link;
    carrier->since_ms = carrier->changed_ms = world->now_ms;
    carrier->endpoints.tell = tell;
    for (size_t k = 0; k < settings.count; k++) {
        link_write_address(link, k, addresses[k], sizeof(addresses[k]));
        accounts[k] = addresses[k];
    }
    size_t at = 0;
    endpoints_init(&carrier->endpoints, &settings, count_peers(role, link->index));
    for (size_t i = 0; i < role->agents_count; i++)
        add_peer(carrier, &at, &role->agents[i]);
    for (size_t i = 0; i < role->managers_count; i++)
        add_peer(carrier, &at, &role->managers[i]);
    obey(carrier);
}

void carrier_free(struct sim_carrier *carrier) {
    if (!carrier)
        return;
    endpoints_deinit(&carrier->endpoints);
    memory_free(carrier);
}

void carrier_stop(struct sim_world *world, struct sim_link *link) {
    struct sim_carrier *carrier = link->carrier;
    for (size_t k = 0; k < carrier->endpoints.count; k++)
        if (is_there(link, k)) {
            leave_all(carrier, k);
            if (relay_of(carrier, k))
                relays_leave(relay_of(carrier, k), link, carrier->lines[k].connection);
        }
    heap_remove(&world->carriers, &carrier->timer);
    link->carrier = NULL;
    link->up = false;
    carrier_free(carrier);
}

/* ---- what happens to servers and ways ---- */

/* What has not come back meanwhile. */
static void on_noticed(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_carrier *carrier = carrier_of(occurrence);
    (void)world;
    if (carrier && !carrier_reaches(carrier->link, occurrence->line))
        lose(carrier, occurrence->line);
}

static void server_changed(struct sim_link *link, size_t line) {
    struct sim_carrier *carrier = link->carrier;
    const struct sim_server *server = server_of(link, line);
    if (!carrier || !carrier->lines[line].is_open)
        return;
    if (!server->up && server->is_silent)
        line_later(carrier, line, draw(carrier, line, notice_most_ms), on_noticed);
    else if (server->up && server->kind == SERVER_RELAY && server->is_silent)
        return; /* it goes on where it stood still */
    else if (!server->up || carrier->endpoints.all[line].is_up)
        lose(carrier, line); /* as it is gone, or knows nothing of it any more */
}

void carrier_server(struct sim_world *world, uint32_t server) {
    struct sim_server *at = &world->servers[server];
    if (at->relay)
        relays_changed(at->relay);
    for (size_t i = 0; i < at->links_count; i++)
        server_changed(at->links[i], server - at->links[i]->server);
}

static void mend(struct sim_world *world, struct sim_link *link) {
    link->cut = 0;
    link->mended_ms = world->now_ms;
}

static void on_mended(struct sim_world *world, struct occurrence *occurrence) {
    if (!world->healing)
        mend(world, &world->nodes[occurrence->number]->links[occurrence->link]);
}

/* A manager that cannot reach one of several independent servers is not found there by agents who
 * can: they have to be sent elsewhere by their operator. */
static bool may_be_cut(const struct sim_link *link) {
    bool manages = link->index == 0 && link->node->settings.kind != ROLE_AGENT;
    return !link->cut && (!manages || server_of(link, 0)->is_cluster);
}

void carrier_cut(struct sim_world *world, struct sim_link *link) {
    if (!world_has_spares(world) || !may_be_cut(link))
        return;
    prng_init(&world->links, map_hash(world->settings.seed + world->now_ms, link->address,
                                      strlen(link->address)));
    bool is_cut = world_fault(world, &world->links, world->settings.cut);
    world_note(world, STREAM_LINKS, world->now_ms * 2 + is_cut);
    if (!is_cut)
        return;
    size_t line = prng_below(&world->links, 1 + world->settings.spares);
    uint64_t lasts_ms = 1000 + prng_below(&world->links, cut_most_ms);
    world->stats.cuts++;
    link->cut = (uint32_t)line + 1;
    struct occurrence *mended = world_later(world, NULL, lasts_ms, on_mended);
    mended->number = link->node->index;
    mended->link = link->index;
    if (link->carrier && link->carrier->lines[line].is_open)
        line_later(link->carrier, line, draw(link->carrier, line, notice_most_ms), on_noticed);
}

void carrier_mend(struct sim_world *world, struct sim_link *link) {
    for (size_t k = 0; link->cut && k < 1 + world->settings.spares; k++)
        if (carrier_reaches(link, k))
            return;
    if (link->cut)
        mend(world, link);
}

/* ---- frames ---- */

/* Nobody is there for it: a broker gives it back. */
static void bounce(const struct sim_link *from, size_t line, const struct sim_link *target) {
    if (kind_of(from->carrier, line) != SERVER_BROKER)
        return;
    say(from->carrier, line, target, line, PRESENCE_DOWN);
}

static bool find_line(const struct sim_link *target, struct occurrence *out) {
    for (size_t k = 0; target->carrier && k < target->carrier->endpoints.count; k++)
        if (is_there(target, k) && are_joined(target, out->from_line, k)) {
            out->line = (uint32_t)k;
            return true;
        }
    return false;
}

bool carrier_route(const struct sim_link *from, const char *to, const struct sim_link *target,
                   struct occurrence *out) {
    const char *there = NULL;
    size_t line = endpoints_way(&from->carrier->endpoints, to, &there);
    if (!there || !carrier_reaches(from, line))
        return false;
    out->line = out->from_line = (uint32_t)line;
    out->connection = from->carrier->lines[line].connection;
    if (relay_of(from->carrier, line) || find_line(target, out))
        return true;
    bounce(from, line, target);
    return false;
}

struct sim_relay *carrier_relay(const struct sim_link *from, size_t line) {
    return from->carrier ? relay_of(from->carrier, line) : NULL;
}

uint64_t carrier_ready_ms(const struct sim_link *from, size_t line) {
    uint64_t now_ms = from->world->now_ms;
    const struct sim_server *server = from->carrier ? server_of(from, line) : NULL;
    return server && server->full_until_ms > now_ms && !from->world->healing
               ? server->full_until_ms : now_ms;
}

uint64_t carrier_later_ms(const struct sim_link *from, size_t line) {
    return from->carrier ? server_of(from, line)->later_ms : 0;
}

const char *carrier_receive(struct sim_link *link, const struct occurrence *occurrence) {
    char address[limit_address_size];
    if (!is_there(link, occurrence->line))
        return NULL;
    link_write_address(occurrence->from, occurrence->from_line, address, sizeof(address));
    return endpoints_on_frame(&link->carrier->endpoints, occurrence->line, address);
}

void carrier_learn(struct sim_link *link, const struct effect_route *route) {
    if (link->carrier)
        endpoints_route(&link->carrier->endpoints, route->address, route->endpoint);
}
