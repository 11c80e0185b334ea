/* Very many hosts and VMs under one upstream: everybody starts from the disk, as after a power cut;
 * then beats alone, then operations of all kinds through the API, and when all of them have ended
 * every law of rest is demanded. Tells what it took: seconds of this process, and memory by level
 * (what the allocator gets back when all of a level end). */
#include "sim/runs/scale.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/book.h"
#include "core/books/lifecycle.h"
#include "core/role.h"
#include "sim/actors/workload.h"
#include "sim/laws/law.h"
#include "sim/laws/laws.h"
#include "sim/laws/rest.h"
#include "sim/parts/disk.h"
#include "sim/parts/loop.h"
#include "sim/parts/process.h"
#include "sim/runs/run.h"

enum { settling_ms = 5000, steady_beats = 4, operations_ms = 60000, rest_most_ms = 600000 };

struct scale {
    struct sim_world *world;
    struct sim_node *cloud;
    struct prng prng;
    char (*ids)[limit_id_size]; /* of the VMs that are there */
    uint32_t count, capacity;   /* VMs at the beginning: there are never more */
    uint32_t asked, deleted, created;
    uint64_t begun_ms;
};

struct sim_settings scale_settings(void) {
    struct sim_settings settings = settings_default();
    settings_calm(&settings);
    settings.bare = 1;
    settings.clusters = settings.agents = settings.tenants = 1000;
    settings.vms = 1;
    settings.beat_ms = 15000;
    settings.operations = 100000;
    return settings;
}

static double core_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static size_t allocated(void) {
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

/* One line for each part: what it took and what happened in it. */
struct part {
    const struct sim_world *world;
    double seconds;
    uint64_t from_ms, steps, frames;
};

static struct part part_begin(const struct sim_world *world) {
    return (struct part){world, core_seconds(), world->now_ms, world->stats.steps,
                         world->stats.frames};
}

static double part_end(const struct part *part, const char *name) {
    double seconds = core_seconds() - part->seconds;
    printf("%-22s %8.1f core seconds %8.1f simulated %10llu steps %10llu frames %7.2f GiB\n", name,
           seconds, (double)(part->world->now_ms - part->from_ms) / 1000,
           (unsigned long long)(part->world->stats.steps - part->steps),
           (unsigned long long)(part->world->stats.frames - part->frames),
           (double)allocated() / (1 << 30));
    fflush(stdout);
    return seconds;
}

/* Managers at once, hosts one after the other within a beat: their beats then lie apart, too. */
static void start_hosts(struct sim_world *world, struct occurrence *occurrence) {
    uint64_t passed_ms = world->now_ms - occurrence->number;
    uint64_t until = world->nodes_count * passed_ms / world->settings.beat_ms;
    uint32_t next = occurrence->link;
    for (; next < world->nodes_count && next < until; next++)
        if (!world->nodes[next]->role)
            process_start(world, world->nodes[next]);
    if (next == world->nodes_count)
        return;
    struct occurrence *later = world_later(world, NULL, 1, start_hosts);
    later->number = occurrence->number;
    later->link = next;
}

static void start(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++)
        if (world->nodes[i]->settings.kind != ROLE_AGENT)
            process_start(world, world->nodes[i]);
    world_later(world, NULL, 1, start_hosts)->number = (uint32_t)world->now_ms;
    loop_run(world, world->now_ms + world->settings.beat_ms + settling_ms);
    if (world->stats.syncs)
        law_fail(world, "quiet", "%llu tables were asked for: what was on the disks differs",
                 (unsigned long long)world->stats.syncs);
}

static void gather_ids(struct scale *scale) {
    const struct book *book = role_book(scale->cloud->role);
    struct list *at = NULL, *next = NULL;
    scale->capacity = (uint32_t)book->vms_count;
    scale->ids = memory_new(scale->capacity, sizeof(*scale->ids));
    list_each(at, next, &book->vms)
        text_set(scale->ids[scale->count++], container_of(at, struct book_vm, by_age)->record.id);
}

static void ask_create(struct scale *scale) {
    struct sim_world *world = scale->world;
    const struct book *book = role_book(scale->cloud->role);
    struct request request = {.kind = REQUEST_VM_CREATE};
    struct vm_create *wish = &request.vm_create;
    text_format(request.token_hash, sizeof(request.token_hash), "%064u",
                (unsigned)prng_below(&scale->prng, world->settings.tenants));
    text_format(wish->name, sizeof(wish->name), "new%u", scale->created++);
    text_format(wish->shape, sizeof(wish->shape), "shape%u",
                (unsigned)prng_below(&scale->prng, world->settings.shapes));
    text_format(wish->image, sizeof(wish->image), "tiny");
    wish->start = prng_below(&scale->prng, 4) != 0;
    uint64_t before = book->vms_count;
    workload_send(world, scale->cloud, &request);
    if (book->vms_count > before)
        text_set(scale->ids[scale->count++],
                 container_of(book->vms.previous, struct book_vm, by_age)->record.id);
}

/* A verb that is legal now; deletions as often as creations. */
static enum verb choose_verb(struct scale *scale, enum vm_state state) {
    static const enum verb verbs[] = {VERB_START, VERB_STOP, VERB_SHUTDOWN, VERB_REBOOT};
    enum verb verb = VERB_DELETE;
    if (prng_below(&scale->prng, 5) == 0)
        return verb;
    for (int i = 0; i < 16 && (verb == VERB_DELETE || !lifecycle_permits(verb, state)); i++)
        verb = verbs[prng_below(&scale->prng, array_size(verbs))];
    return lifecycle_permits(verb, state) ? verb : VERB_DELETE;
}

static void ask_act(struct scale *scale) {
    struct request request = {.kind = REQUEST_VM_ACT};
    uint64_t which = prng_below(&scale->prng, scale->count);
    const struct book_vm *vm = book_vm(role_book(scale->cloud->role), scale->ids[which]);
    if (!vm || vm->active)
        return; /* another one, the next time */
    request.verb = choose_verb(scale, vm->record.state);
    text_format(request.token_hash, sizeof(request.token_hash), "%064u",
                (unsigned)strtoul(vm->record.asker + strlen("people"), NULL, 10));
    text_set(request.key, vm->record.id);
    if (request.verb == VERB_DELETE) {
        text_set(scale->ids[which], scale->ids[--scale->count]);
        scale->deleted++;
    }
    workload_send(scale->world, scale->cloud, &request);
}

/* Evenly over the time; a creation wherever a deletion has ended and left room for it. */
static void ask(struct scale *scale) {
    const struct sim_world *world = scale->world;
    const struct book *book = role_book(scale->cloud->role);
    bool room = book->vms_count < scale->capacity && scale->count < scale->capacity;
    uint64_t before = world->stats.requests;
    if (room && scale->created < scale->deleted && prng_below(&scale->prng, 3) == 0)
        ask_create(scale);
    else if (scale->count)
        ask_act(scale);
    scale->asked += (uint32_t)(world->stats.requests - before);
}

static void run_operations(struct scale *scale) {
    struct sim_world *world = scale->world;
    uint32_t operations = world->settings.operations;
    scale->begun_ms = world->now_ms;
    for (uint64_t ms = 1; ms <= operations_ms; ms++) {
        loop_run(world, scale->begun_ms + ms);
        for (int tries = 0; tries < 1000 && scale->asked < operations * ms / operations_ms;
             tries++)
            ask(scale);
    }
}

static void run_to_rest(struct sim_world *world) {
    char what[256] = "";
    uint64_t begun_ms = world->now_ms;
    while (!rest_is_reached(world, what, sizeof(what))) {
        if (world->now_ms - begun_ms > rest_most_ms)
            law_fail(world, "never stuck", "%u minutes after the last operation %s",
                     rest_most_ms / 60000, what);
        loop_run(world, world->now_ms + settling_ms);
    }
}

/* What became of the operations, as the upstream's disk keeps them: most have left memory. */
static void count_ends(struct scale *scale) {
    struct sim_world *world = scale->world;
    uint64_t ended = 0, refused = 0;
    list_for(const struct sim_row, row, &scale->cloud->rows, node) {
        struct record record = {0};
        if (row->table != &operation_table)
            continue;
        disk_read(world, row, &record);
        const struct operation *op = record.data;
        world->stats.ended[op->verb][op->code]++;
        ended++;
        record_deinit(&record);
    }
    for (int i = 0; i < CODE_COUNT; i++)
        refused += world->stats.refused[i];
    if (scale->asked < world->settings.operations ||
        (ended + refused < scale->asked && ended < limit_operations_kept))
        law_fail(world, "never stuck", "of %u operations %u were asked for, %llu ended, %llu "
                 "were refused", world->settings.operations, scale->asked,
                 (unsigned long long)ended, (unsigned long long)refused);
}

/* Ends all roles of a kind. */
static void print_level(struct sim_world *world, enum role_kind kind, const char *name) {
    uint64_t nodes = 0, vms = 0;
    size_t before = allocated();
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        if (node->settings.kind != kind)
            continue;
        nodes++;
        vms += role_book(node->role)->vms_count;
        role_free(node->role);
        node->role = NULL;
    }
    double bytes = (double)(before - allocated());
    printf("%-12s %9llu nodes %9llu VMs %8.2f GiB %10.0f bytes per node %7.0f per VM\n", name,
           (unsigned long long)nodes, (unsigned long long)vms, bytes / (1 << 30),
           bytes / (double)nodes, vms ? bytes / (double)vms : 0);
}

static void print_memory(struct sim_world *world) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("memory, by what the allocator gets back (mallinfo2) when all of a level end:\n");
    print_level(world, ROLE_UPSTREAM, "upstream");
    print_level(world, ROLE_DOWNSTREAM, "downstream");
    print_level(world, ROLE_AGENT, "agent");
    printf("%-12s %9u nodes %9s     %8.2f GiB %10.0f bytes per node (disks, hosts, network)\n",
           "simulator", world->nodes_count, "", (double)allocated() / (1 << 30),
           (double)allocated() / world->nodes_count);
    printf("resident at the most %.2f GiB\n", (double)used.ru_maxrss / (1 << 20));
}

static void print_speed(const struct scale *scale, double steady, double busy) {
    const struct sim_settings *settings = &scale->world->settings;
    double beats = (double)steady_beats * (settings->clusters * (settings->agents + 1.0));
    double beating = steady * operations_ms / (steady_beats * (double)settings->beat_ms);
    printf("a beat and its grant: %.2f us; an operation: %.0f us, %.0f per second and core (%.0f "
           "with the beats meanwhile)\n",
           steady * 1e6 / beats, (busy - beating) * 1e6 / scale->asked,
           scale->asked / (busy - beating), scale->asked / busy);
}

int run_scale(const struct sim_settings *settings) {
    double begun = core_seconds();
    struct sim_world *world = run_build(settings, NULL);
    struct scale scale = {.world = world, .cloud = world->nodes[0]};
    struct part part = {.world = world, .seconds = begun, .from_ms = world->now_ms};
    prng_init(&scale.prng, settings->seed);
    part_end(&part, "disks and hosts");
    part = part_begin(world);
    start(world);
    part_end(&part, "start from the disks");
    part = part_begin(world);
    loop_run(world, world->now_ms + steady_beats * (uint64_t)settings->beat_ms);
    double steady = part_end(&part, "beats alone");
    gather_ids(&scale);
    part = part_begin(world);
    run_operations(&scale);
    double busy = part_end(&part, "operations");
    part = part_begin(world);
    run_to_rest(world);
    part_end(&part, "until all is at rest");
    part = part_begin(world);
    count_ends(&scale);
    laws_check_end(world);
    part_end(&part, "every law at the end");
    world->stats.runs++;
    world->stats.simulated_ms = world->now_ms;
    world->stats.hash = world->hash;
    stats_print(&world->stats, core_seconds() - begun);
    print_speed(&scale, steady, busy);
    memory_free(scale.ids);
    print_memory(world);
    run_free(world);
    return 0;
}
