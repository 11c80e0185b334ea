/* How long it takes to come, what is lost on the way, and who hears of it. */
#include "sim/parts/reach/ways.h"

#include <string.h>

#include "base/memory.h"
#include "sim/parts/domain.h"
#include "sim/parts/step.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

static const char scheme[] = "wss://";
enum { comes_most_ms = 300, lost_per_mille = 50, late_most_ms = 45000 };

uint32_t ways_end(const struct open *open) {
    return !open->port && open->screen ? sim_screen : open->port;
}

struct sim_ways *ways_new(uint64_t seed) {
    struct sim_ways *ways = memory_new(1, sizeof(*ways));
    list_init(&ways->all);
    list_init(&ways->tickets);
    list_init(&ways->opened);
    prng_init(&ways->prng, seed ^ 0xbbbb);
    return ways;
}

void ways_free(struct sim_ways *ways) {
    if (!ways)
        return;
    list_for(struct sim_way, way, &ways->all, node)
        memory_free(way);
    list_for(struct sim_ticket, ticket, &ways->tickets, node)
        memory_free(ticket);
    list_for(struct sim_opened, opened, &ways->opened, node)
        memory_free(opened);
    memory_free(ways);
}

static uint64_t draw(struct sim_world *world, uint64_t bound) {
    return prng_below(&world->ways->prng, bound);
}

/* Something of a node's stream, later; `code` is its number of a way's. */
static struct occurrence *later(struct sim_world *world, struct sim_node *node,
                                uint64_t delay_ms,
                                void (*happen)(struct sim_world *, struct occurrence *)) {
    struct occurrence *occurrence = world_later(world, node, delay_ms, happen);
    struct event event = {.kind = EVENT_STREAM};
    occurrence->event = memory_copy(&event, sizeof(event));
    return occurrence;
}

static void give_up(struct sim_world *world, struct sim_node *node, uint64_t number);

static void on_ended(struct sim_world *world, struct occurrence *occurrence) {
    if (occurrence_is_stale(occurrence))
        return;
    give_up(world, occurrence->node, occurrence->event->stream.number);
    step_give(world, occurrence->node, occurrence->event);
}

static void tell_ended(struct sim_world *world, struct sim_node *node, uint64_t number) {
    if (!node || !number || !node->role)
        return;
    struct event_stream *news =
        &later(world, node, 1 + draw(world, comes_most_ms), on_ended)->event->stream;
    news->news = STREAM_ENDED;
    news->number = number;
}

static void way_end(struct sim_way *way) {
    list_remove(&way->node);
    memory_free(way);
}

/* Both ends that the node has of its stream go, and who is at their other ends hears of it. */
static void give_up(struct sim_world *world, struct sim_node *node, uint64_t number) {
    list_for(struct sim_way, way, &world->ways->all, node) {
        if (way->dialler == node && way->dialled == number)
            tell_ended(world, way->server, way->taken);
        else if (way->server == node && way->taken == number)
            tell_ended(world, way->dialler, way->dialled);
        else
            continue;
        way_end(way);
    }
    list_for(struct sim_opened, opened, &world->ways->opened, node) {
        if (opened->host != node || opened->number != number)
            continue;
        list_remove(&opened->node);
        memory_free(opened);
    }
}

void ways_crash(struct sim_world *world, struct sim_node *node) {
    if (!world->ways)
        return;
    list_for(struct sim_way, way, &world->ways->all, node) {
        if (way->dialler != node && way->server != node)
            continue;
        if (way->dialler == node)
            tell_ended(world, way->server, way->taken);
        else
            tell_ended(world, way->dialler, way->dialled);
        way_end(way);
    }
    list_for(struct sim_opened, opened, &world->ways->opened, node) {
        if (opened->host != node)
            continue;
        list_remove(&opened->node);
        memory_free(opened);
    }
}

/* Whoever serves is there, or who dialled hears that nobody is. */
static void on_came(struct sim_world *world, struct occurrence *occurrence) {
    struct event_stream *news = &occurrence->event->stream;
    list_for(struct sim_way, way, &world->ways->all, node) {
        if (way->claim != news->number)
            continue;
        bool is_lost = !world->healing && draw(world, 1000) < lost_per_mille;
        if (way->server->role && !is_lost) {
            step_give(world, way->server, occurrence->event);
        } else {
            tell_ended(world, way->dialler, way->dialled);
            way_end(way);
        }
        return;
    }
}

static struct sim_way *dial(struct sim_world *world, struct sim_node *server,
                            const char *ticket) {
    struct sim_way *way = memory_new(1, sizeof(*way));
    way->server = server;
    way->claim = ++world->ways->last_claim;
    way->since_ms = world->now_ms;
    server->settings.hash(ticket, strlen(ticket), way->ticket);
    list_add(&world->ways->all, &way->node);
    return way;
}

static void come(struct sim_world *world, const struct sim_way *way) {
    struct event_stream *news =
        &later(world, way->server, 1 + draw(world, comes_most_ms), on_came)->event->stream;
    news->news = STREAM_CAME;
    news->number = way->claim;
    text_set(news->ticket, way->ticket);
    text_set(news->token_hash, way->token);
}

static void dial_up(struct sim_world *world, struct sim_node *node, uint64_t number,
                    const struct open *to) {
    struct sim_node *server = node_named(world, to->url + strlen(scheme));
    struct sim_way *way = dial(world, server, to->ticket);
    way->dialler = node;
    way->dialled = number;
    way->end = ways_end(to);
    come(world, way);
}

static void on_open(struct sim_world *world, struct occurrence *occurrence) {
    struct event_stream *news = &occurrence->event->stream;
    struct sim_node *node = occurrence->node;
    const struct sim_domain *domain = domain_of(world, node, news->ticket);
    if (occurrence_is_stale(occurrence))
        return;
    bool runs = domain && !domain->is_shell && domain->state == VM_RUNNING;
    news->news = STREAM_IS_OPEN;
    news->code = runs ? CODE_OK : CODE_BAD_STATE;
    text_set(news->key, "key");
    if (runs) {
        struct open to = {.screen = occurrence->number == sim_screen};
        to.port = to.screen ? 0 : occurrence->number;
        struct sim_opened *opened = memory_new(1, sizeof(*opened));
        opened->host = node;
        opened->number = news->number;
        opened->end = occurrence->number;
        text_format(opened->vm, sizeof(opened->vm), "%s", news->ticket);
        list_add(&world->ways->opened, &opened->node);
        text_format(to.url, sizeof(to.url), "%s", occurrence->bytes);
        text_set(to.ticket, news->token_hash);
        dial_up(world, node, news->number, &to);
    }
    news->ticket[0] = news->token_hash[0] = 0;
    step_give(world, node, occurrence->event);
}

static void open_at(struct sim_world *world, struct sim_node *node,
                    const struct effect_stream *order) {
    struct occurrence *opens = later(world, node, 1 + draw(world, comes_most_ms), on_open);
    opens->event->stream.number = order->number;
    text_set(opens->event->stream.ticket, order->vm);
    text_set(opens->event->stream.token_hash, order->to.ticket);
    opens->number = ways_end(&order->to);
    opens->bytes = memory_text(order->to.url);
}

static void take_or_refuse(struct sim_world *world, struct sim_node *node,
                           const struct effect_stream *order) {
    list_for(struct sim_way, way, &world->ways->all, node) {
        if (way->server != node || way->claim != order->claim)
            continue;
        if (order->order == STREAM_TAKE) {
            way->taken = order->number;
            world_observe(world, &(struct fact){FACT_STREAM, node, .stream = {way, order}});
        } else {
            tell_ended(world, way->dialler, way->dialled);
            way_end(way);
        }
        return;
    }
    if (order->order == STREAM_TAKE) /* it has gone meanwhile */
        tell_ended(world, node, order->number);
}

void ways_obey(struct sim_world *world, struct sim_node *node,
               const struct effect_stream *order) {
    switch (order->order) {
    case STREAM_OPEN: open_at(world, node, order); return;
    case STREAM_DIAL: dial_up(world, node, order->number, &order->to); return;
    case STREAM_CUT: give_up(world, node, order->number); return;
    case STREAM_TAKE:
    case STREAM_REFUSE: take_or_refuse(world, node, order); return;
    }
}

static void on_use(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_way *way = dial(world, occurrence->node, occurrence->bytes);
    text_set(way->token, occurrence->event->stream.token_hash);
    come(world, way);
}

void ways_ask(struct sim_world *world, struct sim_node *cloud, const struct request *request) {
    if (!request_opens_stream(request->kind))
        return;
    struct sim_ticket *ticket = memory_new(1, sizeof(*ticket));
    ticket->cloud = cloud;
    ticket->handle = request->handle;
    ticket->end = request->kind == REQUEST_VM_SCREEN ? sim_screen : request->vm_forward.port;
    text_set(ticket->token, request->token_hash);
    list_add(&world->ways->tickets, &ticket->node);
}

static void use(struct sim_world *world, const struct sim_ticket *ticket, const char *shown) {
    uint64_t most_ms = draw(world, 4) ? 2000 : late_most_ms;
    struct occurrence *comes = later(world, ticket->cloud, 1 + draw(world, most_ms), on_use);
    comes->bytes = memory_text(shown);
    text_set(comes->event->stream.token_hash, ticket->token);
    if (!draw(world, 6)) /* somebody else's */
        text_format(comes->event->stream.token_hash, limit_digest_size, "%064u",
                    (unsigned)draw(world, world->settings.tenants));
}

void ways_answer(struct sim_world *world, const struct sim_node *cloud,
                 const struct reply *reply) {
    if (!world->ways || reply->record.table != &stream_ticket_table)
        return;
    const struct stream_ticket *given = reply->record.data;
    list_for(struct sim_ticket, ticket, &world->ways->tickets, node) {
        if (ticket->cloud != cloud || ticket->handle != reply->handle)
            continue;
        ticket->given_ms = world->now_ms;
        cloud->settings.hash(given->ticket, strlen(given->ticket), ticket->digest);
        use(world, ticket, given->ticket);
        if (!draw(world, 3))
            use(world, ticket, given->ticket);
    }
}

const struct sim_opened *ways_opened(const struct sim_world *world, const struct sim_node *node,
                                     uint64_t number) {
    list_for(const struct sim_opened, opened, &world->ways->opened, node) {
        if (opened->host == node && opened->number == number)
            return opened;
    }
    list_for(const struct sim_way, way, &world->ways->all, node) {
        if (way->server == node && way->taken == number && way->dialler)
            return ways_opened(world, way->dialler, way->dialled);
    }
    return NULL;
}
