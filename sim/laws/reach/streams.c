/* What is seen of streams from outside: who was taken as an end of which, and what is there. */
#include "sim/laws/reach/streams.h"

#include "core/books/book.h"
#include "core/manager/streams.h"
#include "core/role.h"
#include "sim/actors/owners.h"
#include "sim/parts/reach/ways.h"
#include "sim/world/node.h"

/* Law 2: with somebody else's ticket, or a used or old one, nobody comes to a VM. */
static void check_viewer(struct sim_world *world, const struct sim_node *node,
                         const struct fact_stream *stream) {
    const struct sim_way *way = stream->way;
    const struct book_vm *vm = book_vm(role_book(node->role), stream->order->vm);
    list_for(struct sim_ticket, ticket, &world->ways->tickets, node) {
        if (ticket->cloud != node || !text_equal(ticket->digest, way->ticket))
            continue;
        if (!text_equal(ticket->token, way->token))
            law_fail(world, "each its own", "%s takes a ticket of somebody else's", node->name);
        if (ticket->taken++)
            law_fail(world, "each its own", "%s takes a ticket twice", node->name);
        if (world->now_ms > ticket->given_ms + streams_join_ms + law_slack_ms)
            law_fail(world, "each its own", "%s takes a ticket that is old", node->name);
        if (!vm)
            law_fail(world, "each its own", "%s joins a VM that is gone", node->name);
        world->stats.streams++;
        return;
    }
    law_fail(world, "each its own", "%s takes a ticket that nobody was given", node->name);
}

void streams_check_taken(struct sim_world *world, const struct sim_node *node,
                         const struct fact_stream *stream) {
    if (stream->order->side == STREAM_ABOVE) {
        check_viewer(world, node, stream);
        return;
    }
    const struct sim_opened *opened = ways_opened(world, node, stream->way->taken);
    if (!stream->way->dialler)
        law_fail(world, "each its own", "%s takes a viewer for a place", node->name);
    if (opened && !text_equal(opened->vm, stream->order->vm))
        law_fail(world, "each its own", "%s joins %s in place of %s", node->name, opened->vm,
                 stream->order->vm);
}

/* Law 2: a viewer has what its ticket is for, once both ends are there. */
static void check_joined(struct sim_world *world, const struct sim_way *way) {
    const struct sim_opened *opened = ways_opened(world, way->server, way->taken);
    list_for(const struct sim_ticket, ticket, &world->ways->tickets, node) {
        if (opened && ticket->cloud == way->server && text_equal(ticket->digest, way->ticket) &&
            ticket->end != opened->end)
            law_fail(world, "each its own", "%s joins end %u in place of %u", way->server->name,
                     opened->end, ticket->end);
    }
}

static const char *view_of(uint32_t end) {
    return end == sim_screen ? view_screen : end ? view_ports : view_console;
}

/* Law 1: what the owner forbids is cut. One that stands still, or just began, has not seen it. */
static void check_owner(struct sim_world *world, const struct sim_way *way) {
    const struct sim_node *node = way->dialler;
    uint64_t since = node->permitted_ms > node->stands_until_ms ? node->permitted_ms
                                                                : node->stands_until_ms;
    since = way->since_ms > since ? way->since_ms : since;
    if (!node->role || node->deferred || world->now_ms < since + streams_check_ms + law_slack_ms)
        return;
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (text_equal(node->settings.managers[i].name, way->server->name) &&
            !words_allow(owners_permit(node, i)->views, view_of(way->end)))
            law_fail(world, "sovereignty", "%s lets %s have end %u, and may not", node->name,
                     way->server->name, way->end);
}

/* Nobody is connected to what has ended. */
static void check_end(struct sim_world *world, struct sim_way *way) {
    const struct sim_node *node = way->server;
    const struct sim_opened *opened = ways_opened(world, node, way->taken);
    const struct book_vm *vm = opened ? book_vm(role_book(node->role), opened->vm) : NULL;
    bool is_dead = opened && (!vm || (vm->record.state != VM_RUNNING &&
                                      vm->record.state != VM_PAUSED));
    if (!is_dead)
        way->dead_ms = 0;
    else if (!way->dead_ms)
        way->dead_ms = world->now_ms;
    else if (world->now_ms > way->dead_ms + streams_check_ms + law_slack_ms &&
             world->now_ms > node->stands_until_ms + streams_check_ms + law_slack_ms)
        law_fail(world, "a stream ends with its VM", "%s keeps streams to %s, which has ended",
                 node->name, opened->vm);
}

void streams_check_step(struct sim_world *world, const struct sim_node *node) {
    list_for(struct sim_way, way, &world->ways->all, node) {
        if (way->dialler == node && node->settings.kind == ROLE_DOWNSTREAM && way->taken)
            check_owner(world, way);
        if (way->server == node && way->taken && node->role && !node->deferred)
            check_end(world, way);
        if (way->server == node && !way->dialler && way->taken)
            check_joined(world, way);
    }
}

/* Law 4: nobody who came waits for ever. */
void streams_check_minute(struct sim_world *world) {
    list_for(const struct sim_way, way, &world->ways->all, node) {
        bool waits = !way->taken && way->server->role && !way->server->deferred &&
                     way->server->stands_until_ms + law_slack_ms < world->now_ms;
        if (waits && world->now_ms > way->since_ms + 60000)
            law_fail(world, "nothing is stuck", "%s neither takes nor refuses who came",
                     way->server->name);
    }
}
