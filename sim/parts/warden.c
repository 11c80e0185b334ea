/* What a warden freezes, thaws and kills, how late; and what an agent hears of it. */
#include "sim/parts/warden.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/domain.h"
#include "sim/parts/step.h"
#include "sim/world/node.h"

enum { late_most_ms = 200 }; /* seen: 111 ms; two sweeps */

static struct sim_guarded *find(const struct sim_node *node, const char *vm) {
    return (struct sim_guarded *)(uintptr_t)domain_guarded(node, vm);
}

static uint64_t draw(struct sim_world *world, uint64_t bound) {
    return prng_below(&world->hosts, bound);
}

static void tell(struct sim_world *world, struct sim_node *node, enum guard_news news,
                 const char *vm) {
    struct event event = {.kind = EVENT_GUARD, .guard.news = news};
    text_set(event.guard.vm, vm);
    if (node->role)
        step_give(world, node, &event);
}

static void on_look(struct sim_world *world, struct occurrence *occurrence);

static void look_in(struct sim_world *world, struct sim_node *node, uint64_t delay_ms) {
    world_later(world, node, delay_ms, on_look)->is_of_host = true;
}

void warden_soon(struct sim_world *world, struct sim_node *node) {
    if (!list_is_empty(&node->guarded))
        look_in(world, node, 1 + draw(world, late_most_ms));
}

static void see_to(struct sim_world *world, struct sim_domain *domain,
                   const struct sim_guarded *guarded) {
    bool over = node_now_ms(world, domain->node) >= domain->node->until_ms[guarded->group];
    bool runs = domain->state == VM_RUNNING;
    if (guarded->is_ended && (runs || domain->state == VM_PAUSED)) {
        domain_set_state(world, domain, VM_CRASHED);
        domain_tell(world, domain, DOMAIN_CHANGED);
    } else if (runs) {
        domain_freeze(world, domain, over);
    }
    if (domain->is_frozen != domain->told_frozen) {
        domain->told_frozen = domain->is_frozen;
        tell(world, domain->node, domain->is_frozen ? GUARD_FROZEN : GUARD_THAWED,
             domain->vm->id);
    }
}

static void look(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, by_node);
        const struct sim_guarded *guarded = find(node, domain->vm->id);
        if (guarded && !domain->is_shell)
            see_to(world, domain, guarded);
        else if (domain->is_frozen)
            domain_freeze(world, domain, false);
    }
}

static void on_look(struct sim_world *world, struct occurrence *occurrence) {
    if (!occurrence->node->warden_is_away)
        look(world, occurrence->node);
}

static void drop(struct sim_guarded *guarded) {
    if (!guarded)
        return;
    list_remove(&guarded->node);
    memory_free(guarded);
}

static void renew(struct sim_world *world, struct sim_node *node, uint64_t *until_ms,
                  uint64_t to_ms) {
    if (to_ms > *until_ms)
        *until_ms = to_ms;
    if (node_now_ms(world, node) < *until_ms)
        look_in(world, node, node_world_ms(node, *until_ms) - world->now_ms +
                                 draw(world, late_most_ms));
}

void warden_obey(struct sim_world *world, struct sim_node *node,
                 const struct effect_guard *order) {
    struct sim_guarded *guarded = find(node, order->vm);
    switch (order->order) {
    case GUARD_TAKE:
        if (!guarded) {
            guarded = memory_new(1, sizeof(*guarded));
            text_set(guarded->vm, order->vm);
            list_add(&node->guarded, &guarded->node);
        }
        guarded->is_ended = false;
        guarded->group = order->group;
        break;
    case GUARD_DROP:
        drop(guarded);
        break;
    case GUARD_END:
        if (guarded)
            guarded->is_ended = true;
        break;
    case GUARD_RENEW:
        renew(world, node, &node->until_ms[order->group], order->until_ms);
        break;
    }
    warden_soon(world, node);
}

void warden_tell(struct sim_world *world, struct sim_node *node) {
    struct list *at = NULL, *next = NULL;
    tell(world, node, node->warden_is_away ? GUARD_AWAY : GUARD_THERE, "");
    list_each(at, next, &node->domains) {
        struct sim_domain *domain = container_of(at, struct sim_domain, by_node);
        domain->told_frozen = domain->is_frozen;
        if (domain->is_frozen)
            tell(world, node, GUARD_FROZEN, domain->vm->id);
    }
}

static void on_back(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    node->warden_is_away = false;
    look(world, node);
    tell(world, node, GUARD_THERE, "");
}

/* The agent sees it when its beat is 2 s old. */
static void on_missed(struct sim_world *world, struct occurrence *occurrence) {
    if (occurrence->node->warden_is_away)
        tell(world, occurrence->node, GUARD_AWAY, "");
}

void warden_fails(struct sim_world *world, struct sim_node *node, uint64_t away_ms) {
    enum { seen_ms = 2000 };
    if (node->warden_is_away || node->stands_until_ms > world->now_ms)
        return;
    world->stats.wardens_failed++;
    node->warden_is_away = true;
    world_later(world, node, away_ms, on_back)->is_of_host = true;
    world_later(world, node, seen_ms, on_missed);
}

void warden_stall_agent(struct sim_world *world, struct sim_node *node, uint64_t for_ms) {
    if (node->stands_until_ms > world->now_ms)
        return;
    world->stats.stalls++;
    world_trace(world, node, "STANDS STILL");
    node->stands_until_ms = world->now_ms + for_ms;
}

/* Timers that are due fire before anything else. */
static void on_wake(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *node = occurrence->node;
    world_trace(world, node, "WAKES");
    node->stands_until_ms = world->now_ms;
    look(world, node);
    domain_suspend_all(world, node, false);
}

void warden_suspend(struct sim_world *world, struct sim_node *node, uint64_t for_ms) {
    if (node->stands_until_ms > world->now_ms || node->warden_is_away)
        return;
    world->stats.suspensions++;
    world_trace(world, node, "IS SUSPENDED");
    world_later(world, node, for_ms, on_wake)->is_of_clock = true;
    node->stands_until_ms = world->now_ms + for_ms + 1; /* on_wake comes before all else */
    domain_suspend_all(world, node, true);
}

void warden_lose_power(struct sim_node *node) {
    memset(node->until_ms, 0, sizeof(node->until_ms));
    warden_free(node);
}

void warden_free(struct sim_node *node) {
    list_for(struct sim_guarded, guarded, &node->guarded, node)
        drop(guarded);
}
