/* By which endpoint a peer is heard, whatever the order in which two servers tell of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/prng.h"
#include "core/link/endpoints.h"

enum { servers = 3, moves = 20000 };

struct side {
    struct endpoints endpoints;
    bool is_link_up, is_peer_up; /* as it was told last */
    unsigned told;
};

static void tell(struct endpoints *endpoints, const char *address, enum presence presence) {
    struct side *side = container_of(endpoints, struct side, endpoints);
    if (address)
        assert_string_equal(address, "bob@0.test");
    *(address ? &side->is_peer_up : &side->is_link_up) = presence == PRESENCE_UP;
    if (!address && presence == PRESENCE_DOWN)
        side->is_peer_up = false; /* whoever is told this knows it of all */
    side->told++;
}

/* A manager's side: a connection to each server, all of them up. */
static void side_init(struct side *side) {
    const char *accounts[] = {"xmpp al@0.test", "xmpp al@1.test", "xmpp al@2.test"};
    const char *addresses[] = {"bob@0.test", "bob@1.test", "bob@2.test"};
    *side = (struct side){.endpoints.tell = tell};
    endpoints_init(&side->endpoints,
                   &(struct endpoints_settings){.use = ENDPOINTS_USE_EACH,
                                                .accounts = accounts,
                                                .count = servers,
                                                .hold_down_ms = 1000,
                                                .return_ms = 1000,
                                                .seed = 7},
                   1);
    endpoints_add_peer(&side->endpoints, 0, addresses);
    endpoints_on_tick(&side->endpoints, 1000);
    for (size_t k = 0; k < servers; k++) {
        assert_int_equal(endpoints_order(&side->endpoints, k), ENDPOINTS_OPEN);
        endpoints_on_up(&side->endpoints, k, 1000);
    }
}

static void say(struct side *side, size_t number, enum presence presence) {
    char address[16];
    snprintf(address, sizeof(address), "bob@%zu.test", number);
    endpoints_on_peer(&side->endpoints, number, address, presence);
}

static size_t way(const struct side *side) {
    const char *there = NULL;
    return endpoints_way(&side->endpoints, "bob@0.test", &there);
}

static void a_peer_that_came_elsewhere_before_it_went_is_up(void **state) {
    (void)state;
    struct side side;
    side_init(&side);
    say(&side, 1, PRESENCE_UP);
    say(&side, 0, PRESENCE_UP);
    assert_int_equal(way(&side), 1);
    say(&side, 1, PRESENCE_DOWN);
    assert_true(side.is_peer_up);
    assert_int_equal(way(&side), 0);
    endpoints_deinit(&side.endpoints);
}

static void a_peer_is_heard_elsewhere_where_its_server_is_lost(void **state) {
    (void)state;
    struct side side;
    side_init(&side);
    say(&side, 0, PRESENCE_UP);
    say(&side, 2, PRESENCE_UP);
    endpoints_on_down(&side.endpoints, 0, FAILOVER_BROKEN, 2000);
    assert_true(side.is_peer_up);
    assert_int_equal(way(&side), 2);
    endpoints_on_down(&side.endpoints, 2, FAILOVER_BROKEN, 2000);
    assert_true(side.is_link_up);
    assert_false(side.is_peer_up);
    endpoints_on_down(&side.endpoints, 1, FAILOVER_BROKEN, 2000);
    assert_false(side.is_link_up);
    endpoints_deinit(&side.endpoints);
}

/* What has no order between servers is drawn; the servers' last words decide what is told. */
static void a_peer_is_up_where_any_server_that_is_in_use_says_so(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 41);
    struct side side;
    side_init(&side);
    bool is_up[servers] = {true, true, true}, says[servers] = {0};
    for (unsigned move = 0; move < moves; move++) {
        size_t k = prng_below(&prng, servers);
        uint64_t now_ms = 2000 + 100000ul * move;
        if (!is_up[k]) {
            endpoints_on_tick(&side.endpoints, now_ms);
            assert_int_equal(endpoints_order(&side.endpoints, k), ENDPOINTS_OPEN);
            endpoints_on_up(&side.endpoints, k, now_ms);
            is_up[k] = true;
        } else if (prng_below(&prng, 4) == 0) {
            endpoints_on_down(&side.endpoints, k, FAILOVER_BROKEN, now_ms);
            is_up[k] = says[k] = false;
        } else {
            says[k] = prng_below(&prng, 2);
            say(&side, k, says[k] ? PRESENCE_UP : PRESENCE_DOWN);
        }
        assert_int_equal(side.is_peer_up, says[0] || says[1] || says[2]);
        assert_int_equal(side.is_link_up, is_up[0] || is_up[1] || is_up[2]);
        assert_true(!side.is_peer_up || says[way(&side)]);
    }
    assert_true(side.told > moves / 4);
    endpoints_deinit(&side.endpoints);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_came_elsewhere_before_it_went_is_up),
        cmocka_unit_test(a_peer_is_heard_elsewhere_where_its_server_is_lost),
        cmocka_unit_test(a_peer_is_up_where_any_server_that_is_in_use_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
