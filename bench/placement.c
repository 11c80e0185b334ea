/* Placement decisions per second: the core's own choice among so many hosts that are up, each
 * decision taken at once from its host's room.
 *
 *     bench-placement HOSTS DECISIONS */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "core/below/peer.h"
#include "core/below/placement.h"
#include "measure.h"

static const struct shape shapes[] = {{"nano", {1, 32, 1}}, {"small", {1, 128, 1}},
                                      {"large", {4, 2048, 4}}};

static void tell_capacity(struct downlink *downlink, struct peer *peer, struct prng *prng) {
    struct fit fits[array_size(shapes)] = {0};
    struct message message = {.kind = MESSAGE_CAPACITY};
    struct capacity *capacity = &message.capacity;
    capacity->cpus_total = capacity->cpus_free = 64;
    capacity->memory_mib_total = capacity->memory_mib_free = 65536;
    capacity->disk_gib_total = capacity->disk_gib_free = 4096;
    for (size_t i = 0; i < array_size(shapes); i++) {
        text_set(fits[i].shape, shapes[i].name);
        fits[i].count = 64 + prng_below(prng, 64);
    }
    capacity->fits = fits;
    capacity->fits_count = array_size(fits);
    peer->state = PEER_UP;
    downlink->up_count++;
    downlink_on_message(peer, &message);
}

/* As its reservation and its end do: one VM of the shape more or less fits there. */
static void change(struct downlink *downlink, const struct peer *peer, size_t which, int by) {
    struct tournament *rooms = &downlink->rooms[which];
    size_t at = (size_t)(peer - downlink->peers);
    tournament_set(rooms, at, rooms->scores[at] + by);
}

static struct peer *decide(struct downlink *downlink, size_t which) {
    struct peer *peer = NULL;
    const struct placement_wish wish = {.size = &shapes[which].size,
                                        .placing = &(const struct placing){.cluster = ""}};
    if (placement_choose(downlink, &wish, &peer) != PLACEMENT_FOUND)
        measure_fail("place", "no host has room");
    change(downlink, peer, which, -1);
    return peer;
}

/* As many VMs as hosts are there at a time: each decision first takes the oldest one away. */
static void decide_all(struct downlink *downlink, size_t decisions, struct series *series) {
    struct peer **chosen = memory_new(downlink->count, sizeof(struct peer *));
    series_begin(series);
    for (size_t i = 0; i < decisions; i++) {
        struct peer **slot = &chosen[i % downlink->count];
        if (*slot)
            change(downlink, *slot, (i - downlink->count) % array_size(shapes), 1);
        double begin_us = measure_now_us();
        *slot = decide(downlink, i % array_size(shapes));
        series_add(series, measure_now_us() - begin_us);
    }
    series_end(series);
    memory_free(chosen);
}

int main(int count, char **arguments) {
    if (count != 3)
        measure_fail("run", "usage: bench-placement HOSTS DECISIONS");
    size_t hosts = measure_number(arguments[1]), decisions = measure_number(arguments[2]);
    struct peer_setting *agents = memory_new(hosts, sizeof(*agents));
    char(*addresses)[64] = memory_new(hosts, sizeof(*addresses));
    for (size_t i = 0; i < hosts; i++) {
        text_format(agents[i].name, sizeof(agents[i].name), "host-%zu", i);
        text_format(addresses[i], sizeof(*addresses), "host-%zu@site.test/agent", i);
        agents[i].address = addresses[i];
    }
    struct role_settings settings = {.shapes = shapes, .shapes_count = array_size(shapes),
                                     .agents = agents, .agents_count = hosts};
    struct prng prng;
    prng_init(&prng, 1);
    struct downlink downlink;
    unsigned long before_kib = measure_resident_kib();
    struct moment moment = {0};
    struct book book;
    book_init(&book, NULL, 1, &moment);
    downlink_init(&downlink, &settings, &book, &prng);
    for (size_t i = 0; i < hosts; i++)
        tell_capacity(&downlink, &downlink.peers[i], &prng);
    unsigned long after_kib = measure_resident_kib();
    struct series series = {0};
    decide_all(&downlink, decisions, &series);
    (void)fprintf(stderr, "%.0f bytes per host\n",
                  (double)(after_kib - before_kib) * 1024 / (double)hosts);
    series_print(&series);
    series_deinit(&series);
    downlink_deinit(&downlink);
    book_deinit(&book);
    memory_free(addresses);
    memory_free(agents);
    return 0;
}
