/* How the numbers of runs are added up and put into words. */
#include "sim/world/stats.h"

#include <stdio.h>

#include "base/attributes.h"

void stats_add(struct stats *sum, const struct stats *more) {
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)more;
    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
        to[i] += from[i];
}

static unsigned long long wide(uint64_t number) { return number; }

static uint64_t sum_codes(const uint64_t *codes) {
    uint64_t sum = 0;
    for (int i = 0; i < CODE_COUNT; i++)
        sum += codes[i];
    return sum;
}

static void print_codes(const char *what, const uint64_t *codes) {
    printf("  %-9s %7llu:", what, wide(sum_codes(codes)));
    for (int i = 0; i < CODE_COUNT; i++)
        if (codes[i])
            printf(" %s %llu", i == CODE_OK ? "succeeded" : code_names[i], wide(codes[i]));
    printf("\n");
}

void stats_print(const struct stats *stats, double seconds) {
    uint64_t ops = 0;
    for (int i = 0; i < VERB_COUNT; i++)
        ops += sum_codes(stats->ended[i]);
    printf("%llu worlds, %llu simulated hours (%llu of them healing), %llu steps, %llu requests, "
           "%llu operations\n",
           wide(stats->runs), wide(stats->simulated_ms / 3600000), wide(stats->heal_ms / 3600000),
           wide(stats->steps), wide(stats->requests), wide(ops));
    for (int i = 0; i < VERB_COUNT; i++)
        if (verb_reaches[i] == VERB_BELOW || verb_reaches[i] == VERB_ABOVE)
            print_codes(verb_names[i], stats->ended[i]);
    print_codes("refused", stats->refused);
    printf("  refusals that led on to the next cluster %llu, to the next host %llu; steps after "
           "which somebody waits for a turn at a host %llu; placed by a rule %llu\n",
           wide(stats->led_on), wide(stats->led_on_below), wide(stats->waited),
           wide(stats->ruled));
    printf("  frames %llu: lost %llu, repeated %llu, out of order %llu; on uplinks %llu, "
           "%llu bytes; whole tables asked for %llu\n",
           wide(stats->frames), wide(stats->lost), wide(stats->repeated), wide(stats->reordered),
           wide(stats->uplink_frames), wide(stats->uplink_bytes), wide(stats->syncs));
    printf("  sessions opened %llu; frames up by which a VM is not heard of %llu; IP addresses "
           "seen %llu; marks of use kept %llu; logs read %llu, consoles joined %llu; images "
           "evicted %llu; copies %llu, at intervals %llu, minutes late %llu, restored %llu, found "
           "damaged then %llu\n",
           wide(stats->sessions), wide(stats->signs), wide(stats->ips), wide(stats->usages),
           wide(stats->logs), wide(stats->streams), wide(stats->evicted), wide(stats->copies),
           wide(stats->scheduled), wide(stats->late), wide(stats->from_copies),
           wide(stats->spoilt));
    printf("  turns %llu, saves %llu, lost before their commit %llu, commits failed %llu, slow "
           "links %llu\n",
           wide(stats->turns), wide(stats->saves), wide(stats->uncommitted),
           wide(stats->disk_failures), wide(stats->slow_links));
    printf("  crashes %llu, power losses %llu, disks full %llu, servers died %llu, clocks "
           "jumped %llu, limits changed %llu, owners decided %llu\n",
           wide(stats->crashes), wide(stats->power_losses), wide(stats->disks_full),
           wide(stats->server_deaths), wide(stats->clock_jumps), wide(stats->owner_changes),
           wide(stats->owner_acts));
    printf("  VMs that went to another host while they ran %llu, that went on there %llu; "
           "that had all of it there, and stayed %llu\n",
           wide(stats->migrations), wide(stats->adoptions), wide(stats->half_migrations));
    printf("  ways to a server cut %llu, links that took another server %llu, that returned %llu\n",
           wide(stats->cuts), wide(stats->failovers), wide(stats->returns));
    printf("  frames by relays %llu, dropped there as too many %llu, for nobody %llu; relays "
           "disturbed %llu, brokers full %llu\n",
           wide(stats->relayed), wide(stats->relay_full), wide(stats->relay_away),
           wide(stats->relays_disturbed), wide(stats->brokers_full));
    printf("  stores of agents lost %llu, of clusters restored %llu, accepted %llu; VMs taken in "
           "again %llu, discarded %llu\n",
           wide(stats->stores_lost), wide(stats->restored), wide(stats->accepted),
           wide(stats->adopted), wide(stats->discarded));
    printf("  hellos of twins %llu; managers followed, and back %llu, that gave way %llu\n",
           wide(stats->twins), wide(stats->predecessors), wide(stats->deposed));
    printf("  agents that stood still %llu, hosts suspended %llu, wardens away %llu, hosts' ways "
           "cut %llu; leases %llu, VMs frozen %llu, thawed %llu\n",
           wide(stats->stalls), wide(stats->suspensions), wide(stats->wardens_failed),
           wide(stats->ways_cut), wide(stats->leases), wide(stats->freezes),
           wide(stats->thaws));
    printf("  VMs of lost hosts that were made elsewhere %llu, that were put aside %llu; of lost "
           "clusters %llu\n",
           wide(stats->recovered), wide(stats->salvaged), wide(stats->elsewhere));
    printf("  keys changed %llu, frames that did not open %llu\n", wide(stats->rekeys),
           wide(stats->unsealed));
    printf("  host jobs %llu: failed %llu, hung %llu; guests died %llu; VMs moved %llu\n",
           wide(stats->jobs), wide(stats->jobs_failed), wide(stats->jobs_hung),
           wide(stats->guests_died), wide(stats->moves));
    printf("  hash of all that happened %016llx\n", wide(stats->hash));
    if (seconds > 0)
        printf("  %.1f core seconds: %.0f operations and %.0f steps per second and core\n",
               seconds, (double)ops / seconds, (double)stats->steps / seconds);
}
