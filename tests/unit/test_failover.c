/* The choice of an endpoint, in virtual time. A world of servers that live, die and hang stands
 * around the pure choice; what holds is asserted after each millisecond that something happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "core/link/failover.h"

enum {
    hold_down_ms = 10000,
    return_ms = 60000,
    login_ms = 40,
    handshake_ms = 15000, /* a server that hangs is cut after these */
    servers_most = 4,
};

enum health { ALIVE, DEAD, HANGING };

/* A connection that somebody wants, and how far it has come. */
struct attempt {
    enum failover_want purpose;
    bool is_up;
    uint64_t ends_ms; /* when the login succeeds or fails */
};

struct world {
    struct failover failover;
    size_t count;
    uint64_t now_ms;
    enum health servers[servers_most];
    uint64_t since_ms[servers_most]; /* that it is alive */
    struct attempt attempts[servers_most];
    unsigned logins; /* begun */
    uint64_t down_since_ms; /* of the link; UINT64_MAX: it works */
};

static void world_init(struct world *world, size_t count, uint64_t seed) {
    *world = (struct world){.count = count, .now_ms = 1000000, .down_since_ms = 1000000};
    failover_init(&world->failover, count, hold_down_ms, return_ms, seed);
}

static void lose(struct world *world, size_t i, enum failover_loss loss) {
    world->attempts[i] = (struct attempt){0};
    failover_on_lost(&world->failover, i, loss, world->now_ms);
}

static void set_health(struct world *world, size_t i, enum health health) {
    world->servers[i] = health;
    world->since_ms[i] = world->now_ms;
    if (health != ALIVE && world->attempts[i].is_up)
        lose(world, i, FAILOVER_BROKEN);
}

static void carry_out(struct world *world, size_t i) {
    static const uint64_t lasts_ms[] = {[ALIVE] = login_ms, [DEAD] = 1, [HANGING] = handshake_ms};
    struct attempt *attempt = &world->attempts[i];
    enum failover_want want = failover_wants(&world->failover, i);
    if (want != attempt->purpose && attempt->purpose != FAILOVER_NOTHING)
        *attempt = (struct attempt){0}; /* not wanted any more: its end is not told */
    if (want != attempt->purpose) {
        *attempt = (struct attempt){.purpose = want,
                                    .ends_ms = world->now_ms + lasts_ms[world->servers[i]]};
        world->logins++;
    }
}

static void advance_one(struct world *world, size_t i) {
    struct attempt *attempt = &world->attempts[i];
    if (attempt->purpose == FAILOVER_NOTHING || attempt->is_up ||
        world->now_ms < attempt->ends_ms)
        return;
    if (world->servers[i] != ALIVE) {
        lose(world, i, FAILOVER_BROKEN);
        return;
    }
    attempt->is_up = true;
    failover_on_up(&world->failover, i, world->now_ms);
}

/* The index of the endpoint in use, or -1. */
static int in_use(const struct world *world) {
    int found = -1;
    for (size_t i = 0; i < world->count; i++)
        if (world->attempts[i].is_up && world->attempts[i].purpose == FAILOVER_USE) {
            assert_int_equal(found, -1);
            found = (int)i;
        }
    return found;
}

static void run_ms(struct world *world, uint64_t span_ms) {
    for (uint64_t end_ms = world->now_ms + span_ms; world->now_ms < end_ms; world->now_ms++) {
        for (size_t i = 0; i < world->count; i++)
            advance_one(world, i);
        if (world->now_ms >= failover_deadline_ms(&world->failover))
            failover_on_tick(&world->failover, world->now_ms);
        for (size_t i = 0; i < world->count; i++)
            carry_out(world, i);
        if (in_use(world) >= 0)
            world->down_since_ms = UINT64_MAX;
        else if (world->down_since_ms == UINT64_MAX)
            world->down_since_ms = world->now_ms;
    }
}

static void the_first_server_that_answers_is_used(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 3, 1);
    set_health(&world, 0, DEAD);
    set_health(&world, 1, DEAD);
    run_ms(&world, 1000);
    assert_int_equal(in_use(&world), 2);
}

/* Whatever the dying server does to those who try it again. */
static void after_a_death_the_next_server_is_used_within_the_hold_down_and_a_second(void **state) {
    (void)state;
    uint64_t longest = 0, shortest = UINT64_MAX;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct world world;
        world_init(&world, 2, seed);
        run_ms(&world, 30000 + seed);
        assert_int_equal(in_use(&world), 0);
        set_health(&world, 0, seed % 2 ? DEAD : HANGING);
        uint64_t died_ms = world.now_ms;
        while (in_use(&world) != 1) {
            run_ms(&world, 1);
            assert_true(world.now_ms - died_ms <= hold_down_ms + 1000);
        }
        uint64_t took_ms = world.now_ms - died_ms;
        longest = took_ms > longest ? took_ms : longest;
        shortest = took_ms < shortest ? took_ms : shortest;
    }
    print_message("hold-down %d ms: works again after %lu to %lu ms\n", hold_down_ms,
                  (unsigned long)shortest, (unsigned long)longest);
    assert_true(shortest >= hold_down_ms * 3 / 4);
    assert_true(longest - shortest > hold_down_ms / 8); /* the jitter */
}

static void a_server_that_is_back_within_the_hold_down_is_kept(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 2, 5);
    run_ms(&world, 20000);
    set_health(&world, 0, DEAD);
    run_ms(&world, 2000);
    set_health(&world, 0, ALIVE);
    run_ms(&world, 5000);
    assert_int_equal(in_use(&world), 0);
    run_ms(&world, 60000);
    assert_int_equal(in_use(&world), 0);
}

static void the_better_server_is_used_again_when_it_has_been_stable(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 2, 6);
    set_health(&world, 0, DEAD);
    run_ms(&world, 60000);
    assert_int_equal(in_use(&world), 1);
    set_health(&world, 0, ALIVE);
    run_ms(&world, return_ms - 10000);
    set_health(&world, 0, DEAD); /* not stable: the count begins anew */
    run_ms(&world, 1000);
    set_health(&world, 0, ALIVE);
    run_ms(&world, return_ms - 1000);
    assert_int_equal(in_use(&world), 1);
    run_ms(&world, return_ms / 2 + 33000); /* its jitter, and the probe's pause */
    assert_int_equal(in_use(&world), 0);
}

static void a_server_that_lets_in_and_throws_out_is_left(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 2, 7);
    run_ms(&world, 20000);
    for (int i = 0; i < 200 && in_use(&world) != 1; i++) {
        run_ms(&world, 200);
        if (world.attempts[0].is_up)
            lose(&world, 0, FAILOVER_BROKEN);
    }
    assert_int_equal(in_use(&world), 1);
    assert_true(world.now_ms < 1000000 + 20000 + 2 * hold_down_ms + 10000);
}

static void short_logins_do_not_reset_the_pauses(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 1, 8);
    unsigned begun = 0;
    for (int minute = 0; minute < 10; minute++) {
        begun = world.logins;
        for (int i = 0; i < 600; i++) {
            run_ms(&world, 100);
            if (world.attempts[0].is_up)
                lose(&world, 0, FAILOVER_BROKEN);
        }
    }
    assert_in_range(world.logins - begun, 1, 15); /* pauses of up to 30 s by now */
    run_ms(&world, 60000);
    assert_int_equal(in_use(&world), 0);
    run_ms(&world, 20000); /* steady */
    lose(&world, 0, FAILOVER_BROKEN);
    run_ms(&world, 300);
    assert_int_equal(in_use(&world), 0);
}

static void a_conflict_is_not_carried_to_the_next_server(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 2, 9);
    run_ms(&world, 20000);
    lose(&world, 0, FAILOVER_CONFLICT);
    run_ms(&world, 29000);
    assert_int_equal(in_use(&world), -1);
    run_ms(&world, 5000);
    assert_int_equal(in_use(&world), 0);
}

/* An hour of servers that die, hang and come back. Whenever one has been there for long enough,
 * the link works. Enough: the hold-down, then each other may hang until it is cut, then a pause
 * that a long outage has made long. */
static void whenever_a_server_is_there_the_link_works_after_a_bounded_time(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world world;
        struct prng prng;
        prng_init(&prng, seed + 1000);
        world_init(&world, 2 + seed % 3, seed);
        uint64_t enough = hold_down_ms + (world.count - 1) * (handshake_ms + 200) + 30000 + 1000;
        for (int i = 0; i < 1800; i++) {
            if (prng_below(&prng, 20) == 0)
                set_health(&world, prng_below(&prng, world.count),
                           (enum health)prng_below(&prng, 3));
            run_ms(&world, 2000);
            for (size_t k = 0; k < world.count; k++)
                if (world.servers[k] == ALIVE && world.now_ms - world.since_ms[k] > enough &&
                    world.down_since_ms != UINT64_MAX)
                    assert_true(world.now_ms - world.down_since_ms <= enough);
        }
    }
}

/* Facts of real servers: 130 logins a second; who waits longer than the handshake is cut. */
static void ten_thousand_do_not_stampede_a_server_that_returns(void **state) {
    (void)state;
    enum { clients = 10000, outage_ms = 30000, per_second = 130, patience_ms = 15000 };
    auto_clean(memory_clean) struct failover *all = memory_new(clients, sizeof(*all));
    auto_clean(memory_clean) uint64_t *asked = memory_new(clients, sizeof(*asked));
    auto_clean(memory_clean) size_t *queue = memory_new(64 * clients, sizeof(*queue));
    size_t first = 0, last = 0, up = 0, worst = 0, begun = 0;
    uint64_t now_ms = 1000000, back_ms = now_ms + outage_ms, budget = 0;
    for (size_t i = 0; i < clients; i++) {
        failover_init(&all[i], 1, hold_down_ms, return_ms, i);
        failover_on_tick(&all[i], now_ms);
        failover_on_up(&all[i], 0, now_ms - 60000);
        failover_on_lost(&all[i], 0, FAILOVER_BROKEN, now_ms);
    }
    for (; up < clients && now_ms < back_ms + 600000; now_ms++) {
        if (now_ms % 1000 == 0)
            begun = 0;
        for (size_t i = 0; i < clients; i++) {
            if (now_ms >= failover_deadline_ms(&all[i])) {
                failover_on_tick(&all[i], now_ms);
                begun += now_ms >= back_ms;
                if (now_ms < back_ms)
                    failover_on_lost(&all[i], 0, FAILOVER_BROKEN, now_ms); /* refused */
                else if (last < 64 * clients)
                    queue[last++] = i, asked[i] = now_ms;
            } else if (asked[i] && now_ms - asked[i] > patience_ms) {
                asked[i] = 0; /* cut by its watchdog */
                failover_on_lost(&all[i], 0, FAILOVER_BROKEN, now_ms);
            }
        }
        worst = begun > worst ? begun : worst;
        for (budget += now_ms >= back_ms ? per_second : 0; budget >= 1000 && first < last;) {
            size_t i = queue[first++];
            if (!asked[i])
                continue; /* gone: costs the server nothing but the connection */
            budget -= 1000;
            asked[i] = 0;
            up++;
            failover_on_up(&all[i], 0, now_ms);
        }
        if (first == last && budget > 1000)
            budget = 1000;
    }
    print_message("10,000 clients are back %lu s after the server, at 130 logins/s; at the most "
                  "%zu of them began in one second\n",
                  (unsigned long)(now_ms - back_ms) / 1000, worst);
    assert_int_equal(up, clients);
    assert_true(now_ms - back_ms < 180000); /* at the very least 77 s */
    assert_true(worst < 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_server_that_answers_is_used),
        cmocka_unit_test(
            after_a_death_the_next_server_is_used_within_the_hold_down_and_a_second),
        cmocka_unit_test(a_server_that_is_back_within_the_hold_down_is_kept),
        cmocka_unit_test(the_better_server_is_used_again_when_it_has_been_stable),
        cmocka_unit_test(a_server_that_lets_in_and_throws_out_is_left),
        cmocka_unit_test(short_logins_do_not_reset_the_pauses),
        cmocka_unit_test(a_conflict_is_not_carried_to_the_next_server),
        cmocka_unit_test(whenever_a_server_is_there_the_link_works_after_a_bounded_time),
        cmocka_unit_test(ten_thousand_do_not_stampede_a_server_that_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
