/* The laws of links that have several servers. */
#include "sim/laws/lines.h"

#include "sim/laws/law.h"
#include "sim/parts/carrier.h"

enum {
    steady_ms = 10000, /* core/link/failover.c: what was lost before has no hold-down of its own */
    slack_ms = 50,     /* clocks drift, connections take a while to close */
    round_ms = carrier_handshake_ms + 300,
    pause_most_ms = 30000,
};

static uint64_t latest(uint64_t left, uint64_t right) { return left > right ? left : right; }

/* For how long a process could have used this server; 0: it cannot, or stands still. */
static uint64_t reached_for_ms(const struct sim_carrier *carrier, size_t line) {
    const struct sim_link *link = carrier->link;
    const struct sim_server *server = &carrier->world->servers[link->server + line];
    uint64_t since_ms = latest(latest(server->since_ms, link->mended_ms), carrier->since_ms);
    since_ms = latest(since_ms, link->node->stands_until_ms);
    bool is_reached = carrier_reaches(link, line) && since_ms < carrier->world->now_ms;
    return is_reached ? carrier->world->now_ms - since_ms : 0;
}

static bool chooses(const struct sim_carrier *carrier) {
    return carrier->endpoints.groups_count == 1;
}

static void fail(const struct sim_carrier *carrier, const char *law, const char *what,
                 size_t line) {
    law_fail(carrier->world, law, "%s, servers from %u: %s %zu", carrier->link->address,
             carrier->link->server, what, line);
}

static struct line_loss *loss_of(struct lines *lines, const struct sim_link *link) {
    return ledger_put(&lines->losses, link->node, link->address);
}

static void on_due(struct sim_world *world, struct occurrence *occurrence) {
    world_observe(world, &(struct fact){FACT_DUE, occurrence->node, .due = occurrence});
}

void lines_due(struct lines *lines, struct sim_world *world, const struct occurrence *due) {
    const struct sim_link *link = &due->node->links[due->link];
    const struct sim_carrier *carrier = link->carrier;
    const struct line_loss *loss = loss_of(lines, link);
    if (occurrence_is_stale(due) || !carrier || !loss->is_out || loss->count != due->attempt)
        return;
    size_t next = (loss->line + 1) % carrier->endpoints.count;
    if (reached_for_ms(carrier, next) >= world->now_ms - loss->at_ms)
        fail(carrier, "a link works again", "a hold-down and a second do not lead to server",
             next);
}

void lines_lost(struct lines *lines, struct sim_world *world, const struct fact_line *fact) {
    const struct sim_carrier *carrier = fact->carrier;
    if (!chooses(carrier))
        return;
    struct line_loss *loss = loss_of(lines, carrier->link);
    loss->is_out = true;
    loss->count++;
    loss->at_ms = world->now_ms;
    loss->line = fact->line;
    loss->was_steady =
        world->now_ms - carrier->lines[fact->line].since_ms >= steady_ms + slack_ms;
    struct occurrence *due =
        world_later(world, carrier->link->node,
                    carrier_hold_down_ms + 1000 + carrier_login_ms + slack_ms, on_due);
    due->link = carrier->link->index;
    due->attempt = loss->count;
}

void lines_up(struct lines *lines, struct sim_world *world, const struct fact_line *fact) {
    const struct sim_carrier *carrier = fact->carrier;
    uint64_t now_ms = world->now_ms;
    if (!chooses(carrier))
        return;
    struct line_loss *loss = loss_of(lines, carrier->link);
    bool is_another = loss->count && fact->line != loss->line;
    uint64_t drift_ms = (uint64_t)carrier_hold_down_ms * world->settings.drift / 1000000;
    if (loss->is_out && loss->was_steady && is_another &&
        now_ms - loss->at_ms + slack_ms + drift_ms < carrier_hold_down_ms * 3 / 4)
        fail(carrier, "hold-down", "too early at server", fact->line);
    world->stats.failovers += loss->is_out && is_another;
    world->stats.returns += !loss->is_out && fact->line == 0 && carrier->since_ms != now_ms &&
                            loss->count;
    loss->is_out = false;
}

void lines_crashed(struct lines *lines, const struct sim_node *node) {
    for (uint32_t i = 0; i < node->links_count; i++)
        ledger_drop(&lines->losses, ledger_get(&lines->losses, node, node->links[i].address));
}

/* Any server that is there for long enough is found, whatever the others do. */
static void check_works(const struct sim_carrier *carrier) {
    size_t count = carrier->endpoints.count;
    uint64_t enough_ms = carrier_hold_down_ms + count * round_ms + pause_most_ms + 1000;
    uint64_t out_ms = carrier->world->now_ms - carrier->changed_ms;
    for (size_t k = 0; k < count; k++) {
        if (reached_for_ms(carrier, k) <= enough_ms)
            continue;
        if (!carrier->link->up && out_ms > enough_ms)
            fail(carrier, "a link works", "it does not by server", k);
        if (!chooses(carrier) && carrier->endpoints.groups_count == count &&
            !endpoints_uses(&carrier->endpoints, k))
            fail(carrier, "a manager is everywhere", "it is not at server", k);
    }
}

static void check_returns(const struct sim_carrier *carrier, uint64_t enough_ms) {
    size_t best = 0, used = 0;
    while (best < carrier->endpoints.count && reached_for_ms(carrier, best) <= enough_ms)
        best++;
    while (used < carrier->endpoints.count && !endpoints_uses(&carrier->endpoints, used))
        used++;
    if (chooses(carrier) && best < used && used < carrier->endpoints.count &&
        carrier->world->now_ms - carrier->lines[used].since_ms > enough_ms)
        fail(carrier, "a link returns", "it stays away from server", best);
}

static void check_each(struct sim_world *world, uint64_t return_ms) {
    for (uint32_t i = 0; world_has_spares(world) && i < world->nodes_count; i++)
        for (uint32_t k = 0; k < world->nodes[i]->links_count; k++) {
            const struct sim_carrier *carrier = world->nodes[i]->links[k].carrier;
            if (!carrier)
                continue;
            check_works(carrier);
            check_returns(carrier, return_ms);
        }
}

void lines_check(struct sim_world *world) {
    uint64_t rounds_ms = (1 + world->settings.spares) * round_ms;
    check_each(world, 3 * carrier_return_ms + rounds_ms + 2 * pause_most_ms + 1000);
}

/* Nothing has happened for long enough. */
void lines_check_end(struct sim_world *world) { check_each(world, 2 * carrier_return_ms); }
