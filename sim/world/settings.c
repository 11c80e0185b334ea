/* The table of all settings with their words and least values; what a usual world is; which
 * settings are faults. */
#include "sim/world/settings.h"

#include <string.h>

#include "base/text.h"

const struct setting settings_table[] = {
    {"operations", offsetof(struct sim_settings, operations),
     "requests that change something"},
    {"spares", offsetof(struct sim_settings, spares),
     "further servers of each link, which take over"},
    {"mixed", offsetof(struct sim_settings, mixed),
     "servers that are relays, brokers, or tell nobody anything (with spares)"},
    {"upstreams", offsetof(struct sim_settings, upstreams),
     "upstream managers, each with all the clusters", .least = 1},
    {"levels", offsetof(struct sim_settings, levels), "levels of managers", .least = 2},
    {"clusters", offsetof(struct sim_settings, clusters),
     "downstream managers under the upstreams", .least = 1},
    {"fan", offsetof(struct sim_settings, fan),
     "downstream managers under another one", .least = 1},
    {"agents", offsetof(struct sim_settings, agents),
     "agents under each of the lowest managers", .least = 1},
    {"host_cpus", offsetof(struct sim_settings, host_cpus), "cpus of a host", .least = 1},
    {"shapes", offsetof(struct sim_settings, shapes),
     "shapes in the catalogue, 1 to 3", .least = 1},
    {"tenants", offsetof(struct sim_settings, tenants),
     "tenants of each upstream", .least = 1},
    {"names", offsetof(struct sim_settings, names),
     "names that a tenant chooses among", .least = 1},
    {"pause_ms", offsetof(struct sim_settings, pause_ms),
     "most milliseconds between two requests", .least = 1},
    {"beat_ms", offsetof(struct sim_settings, beat_ms), "rhythm of the agents", .least = 1000},
    {"vms", offsetof(struct sim_settings, vms), "on each host from the beginning"},
    {"limits", offsetof(struct sim_settings, limits),
     "chance that an owner limits an upstream", .fault = true},
    {"reshape", offsetof(struct sim_settings, reshape),
     "acts that resize, rebuild, revert, make or delete snapshots"},
    {"live", offsetof(struct sim_settings, live), "hosts that receive VMs that run"},
    {"leases", offsetof(struct sim_settings, leases),
     "chance that a VM is to be restarted when its host is lost"},
    {"from_copy", offsetof(struct sim_settings, from_copy),
     "of those in their cluster: that it is made from a copy then"},
    {"anywhere", offsetof(struct sim_settings, anywhere),
     "of those: that it may be in another cluster, too"},
    {"shares", offsetof(struct sim_settings, shares),
     "chance that an owner weighs upstreams, keeps room, rounds", .fault = true},
    {"at_once", offsetof(struct sim_settings, at_once),
     "operations under way at a host that several upstreams share", .least = 1},
    {"greedy", offsetof(struct sim_settings, greedy),
     "1: upstreams ask for more than they are shown"},
    {"placing", offsetof(struct sim_settings, placing),
     "creations that ask for labels, groups, strategies", .fault = true},
    {"logs", offsetof(struct sim_settings, logs), "requests for consoles' logs"},
    {"streams", offsetof(struct sim_settings, streams), "requests for consoles"},
    {"ips", offsetof(struct sim_settings, ips), "VMs whose IP addresses are seen"},
    {"evictions", offsetof(struct sim_settings, evictions),
     "images that make room where they may, each 5 s"},
    {"copies", offsetof(struct sim_settings, copies), "acts that copy VMs' disks"},
    {"intervals", offsetof(struct sim_settings, intervals),
     "VMs whose disks are copied at intervals"},
    {"rot", offsetof(struct sim_settings, rot),
     "copies that are damaged in their block store", .fault = true},
    {"usage", offsetof(struct sim_settings, usage), "1: it is told what VMs use"},
    {"holds", offsetof(struct sim_settings, holds),
     "1: managers prefer places that have a VM's image"},
    {"networks", offsetof(struct sim_settings, networks),
     "creations that ask for networks", .fault = true},
    {"allow", offsetof(struct sim_settings, allow),
     "of these, that say who may begin to speak to their VMs"},
    {"reallow", offsetof(struct sim_settings, reallow), "acts that change who may do that"},
    {"interfaces", offsetof(struct sim_settings, interfaces),
     "acts that add or remove VMs' interfaces"},
    {"lose", offsetof(struct sim_settings, lose), "frames lost", .fault = true},
    {"repeat", offsetof(struct sim_settings, repeat), "frames repeated", .fault = true},
    {"reorder", offsetof(struct sim_settings, reorder), "frames out of order", .fault = true},
    {"crash", offsetof(struct sim_settings, crash), "crashes per step", .fault = true},
    {"slow_disk", offsetof(struct sim_settings, slow_disk),
     "turns that take a while", .fault = true},
    {"disk_failure", offsetof(struct sim_settings, disk_failure),
     "commits that fail", .fault = true},
    {"slow_link", offsetof(struct sim_settings, slow_link),
     "connections stalling or slow, per minute", .fault = true},
    {"cut", offsetof(struct sim_settings, cut),
     "ways to one of several servers cut, per minute", .fault = true},
    {"server_death", offsetof(struct sim_settings, server_death),
     "servers dying per minute", .fault = true},
    {"disturb", offsetof(struct sim_settings, disturb),
     "relays that strangers and floods try, per minute", .fault = true},
    {"server_full", offsetof(struct sim_settings, server_full),
     "brokers taking nothing in, per minute", .fault = true},
    {"job_failure", offsetof(struct sim_settings, job_failure),
     "host jobs failing", .fault = true},
    {"job_hangs", offsetof(struct sim_settings, job_hangs),
     "host jobs taking minutes", .fault = true},
    {"guest_ignores", offsetof(struct sim_settings, guest_ignores),
     "guests deaf to shutdown and reboot", .fault = true},
    {"guest_dies", offsetof(struct sim_settings, guest_dies),
     "guests dying per minute", .fault = true},
    {"guest_falls", offsetof(struct sim_settings, guest_falls),
     "guests ending before their start is told", .fault = true},
    {"power_loss", offsetof(struct sim_settings, power_loss),
     "hosts losing power per minute", .fault = true},
    {"disk_full", offsetof(struct sim_settings, disk_full),
     "disks getting full per minute", .fault = true},
    {"clock_jump", offsetof(struct sim_settings, clock_jump),
     "wall clocks jumping per minute", .fault = true},
    {"drift", offsetof(struct sim_settings, drift),
     "monotonic clocks' drift at the most, ppm", .fault = true},
    {"owner_changes", offsetof(struct sim_settings, owner_changes),
     "owners changing limits at a restart", .fault = true},
    {"lies", offsetof(struct sim_settings, lies),
     "hosts that lie of what they have, until the world heals", .fault = true},
    {"permits", offsetof(struct sim_settings, permits),
     "operators bounding what a tenant may use, per minute", .fault = true},
    {"rules", offsetof(struct sim_settings, rules),
     "operators changing provisioning rules, per minute", .fault = true},
    {"owner_acts", offsetof(struct sim_settings, owner_acts),
     "owners setting limits or cordoning, per minute", .fault = true},
    {"drains", offsetof(struct sim_settings, drains),
     "owners emptying hosts besides, per minute", .fault = true},
    {"rekey", offsetof(struct sim_settings, rekey),
     "ends of links changing their keys, per minute", .fault = true},
    {"store_loss", offsetof(struct sim_settings, store_loss),
     "agents losing their stores, per minute", .fault = true},
    {"restores", offsetof(struct sim_settings, restores),
     "clusters whose store is an older one, per minute", .fault = true},
    {"twins", offsetof(struct sim_settings, twins),
     "others that speak by a place's key, per minute", .fault = true},
    {"stalls", offsetof(struct sim_settings, stalls),
     "agents, or their hosts, that stand still for a while, per minute", .fault = true},
    {"wardens", offsetof(struct sim_settings, wardens),
     "wardens of hosts that are away for a while, per minute", .fault = true},
    {"ways", offsetof(struct sim_settings, ways),
     "hosts whose own way to their manager is cut, per minute", .fault = true},
    {"successors", offsetof(struct sim_settings, successors),
     "upstreams that are followed by another and come back, per minute", .fault = true},
    {"window", offsetof(struct sim_settings, window),
     "messages that a session keeps; 0: as in production"},
    {"bare", offsetof(struct sim_settings, bare), "1: no checks, for large worlds"},
    {"even", offsetof(struct sim_settings, even),
     "1: hosts' times and outcomes depend on VM and job alone"},
};
const size_t settings_count = array_size(settings_table);

uint32_t *setting_value(struct sim_settings *settings, const struct setting *setting) {
    return (uint32_t *)(void *)((char *)settings + setting->offset);
}

struct sim_settings settings_default(void) {
    return (struct sim_settings){
        .seed = 1, .operations = 200, .upstreams = 1, .levels = 2, .clusters = 2, .fan = 2,
        .agents = 3, .host_cpus = 8, .shapes = 3, .reshape = 300, .live = 800, .tenants = 3,
        .names = 12, .pause_ms = 2000, .beat_ms = 5000,
        .limits = 300, .shares = 300, .at_once = 4,
        .lose = 20, .repeat = 20, .reorder = 20, .crash = 2,
        .slow_disk = 20, .disk_failure = 1, .slow_link = 50, .cut = 100, .drift = 300,
        .server_death = 200, .disturb = 500, .server_full = 100,
        .job_failure = 50, .job_hangs = 10, .guest_ignores = 200,
        .guest_dies = 20, .power_loss = 20, .disk_full = 30, .clock_jump = 20, .owner_changes = 200,
        .permits = 200, .owner_acts = 200,
        .store_loss = 5, .restores = 5, .twins = 20, .successors = 10,
    };
}

void settings_calm(struct sim_settings *settings) {
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].fault)
            *setting_value(settings, &settings_table[i]) = 0;
}

bool settings_are_calm(const struct sim_settings *settings) {
    struct sim_settings faults = *settings;
    uint32_t sum = 0;
    faults.limits = faults.shares = 0;
    for (size_t i = 0; i < settings_count; i++)
        sum |= settings_table[i].fault ? *setting_value(&faults, &settings_table[i]) : 0;
    return settings->upstreams == 1 && !sum;
}

void settings_print(const struct sim_settings *settings, char *words, size_t size) {
    struct sim_settings usual = settings_default(), these = *settings;
    text_format(words, size, "--seed %llu", (unsigned long long)settings->seed);
    for (size_t i = 0; i < settings_count; i++) {
        uint32_t value = *setting_value(&these, &settings_table[i]);
        size_t length = strlen(words);
        if (value != *setting_value(&usual, &settings_table[i]))
            text_format(words + length, size - length, " --%s %u", settings_table[i].name,
                        value);
    }
}
