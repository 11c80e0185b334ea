/* What happens next: the earliest of all that is due, and at one moment what comes in before
 * timers, timers before connections, and the turns last. Each step of a role is traced, hashed
 * and checked here; processes crash and start again here. */
#include "sim/world/world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/parts/carrier.h"
#include "sim/laws/check.h"
#include "sim/parts/shell.h"

bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille) {
    return per_mille && !world->healing && prng_below(prng, 1000) < per_mille;
}

void world_note(struct sim_world *world, enum sim_stream stream, uint64_t what) {
    struct sim_notes *notes = world->notes;
    if (!notes || world->healing || notes->count[stream] == sim_notes_most)
        return;
    const uint64_t words[] = {notes->hash[stream], what};
    notes->hash[stream] = map_hash(notes->count[stream]++, words, sizeof(words));
}

struct occurrence *world_later(struct sim_world *world, struct sim_node *node, uint64_t delay_ms,
                               void (*happen)(struct sim_world *, struct occurrence *)) {
    struct occurrence *occurrence = memory_new(1, sizeof(*occurrence));
    occurrence->happen = happen;
    list_init(&occurrence->by_node);
    occurrence->node = node;
    occurrence->incarnation = node ? node->incarnation : 0;
    heap_set(&world->occurrences, &occurrence->timer, world->now_ms + delay_ms);
    return occurrence;
}

bool occurrence_is_stale(const struct occurrence *occurrence) {
    return !occurrence->node->role ||
           occurrence->incarnation != occurrence->node->incarnation;
}

static void occurrence_free(struct occurrence *occurrence) {
    list_remove(&occurrence->by_node);
    memory_free(occurrence->bytes);
    frame_clear(&occurrence->frame);
    if (occurrence->job) {
        record_clear(&definition_table, &occurrence->job->definition);
        record_clear(&landing_table, &occurrence->job->landing);
    }
    if (occurrence->request) {
        record_clear(&vm_create_table, &occurrence->request->vm_create);
        record_clear(&vm_edit_table, &occurrence->request->vm_edit);
    }
    memory_free(occurrence->job);
    memory_free(occurrence->request);
    memory_free(occurrence);
}

/* FNV-1a, eight bytes at a time: only equality is wanted of it. */
void world_mix(struct sim_world *world, const char *bytes, size_t length) {
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        world_mix_number(world, word);
        bytes += sizeof(word);
    }
    while (length--)
        world_mix_number(world, (unsigned char)*bytes++);
}

void world_mix_number(struct sim_world *world, uint64_t number) {
    world->hash = (world->hash ^ number) * 0x100000001b3u;
    world->hash ^= world->hash >> 29;
}

static void trace(const struct sim_world *world, const struct sim_node *node, const char *line) {
    printf("%10llu %-16s %s\n", (unsigned long long)world->now_ms, node->name, line);
}

static void trace_event(const struct sim_world *world, const struct sim_node *node,
                        const struct event *event) {
    struct text line = {0};
    if (!world->settings.trace)
        return;
    event_print(event, &line);
    trace(world, node, text_data(&line));
    text_deinit(&line);
}

static void trace_effects(const struct sim_world *world, const struct sim_node *node,
                          const struct effects *effects) {
    struct text line = {0};
    for (size_t i = 0; world->settings.trace && i < effects->count; i++) {
        text_clear(&line);
        text_add(&line, "  => ");
        effect_print(&effects->items[i], &line);
        trace(world, node, text_data(&line));
    }
    text_deinit(&line);
}

void world_tell(struct sim_world *world, const struct sim_node *node,
                const struct effect *effect) {
    const struct message *message = &effect->send.message;
    const struct operation *op = effect->reply.record.data;
    bool sends = effect->kind == EFFECT_SEND;
    if (!world->story)
        return;
    if (sends && message->kind == MESSAGE_INSTRUCT)
        text_addf(world->story, "%s instructs %s\n", node->name,
                  verb_names[message->instruct.verb]);
    else if (sends && message->kind == MESSAGE_RESULT)
        text_addf(world->story, "%s results %s, %s\n", node->name,
                  code_names[message->result.code], vm_state_names[message->result.state]);
    else if (effect->kind == EFFECT_JOB && effect->job.kind != JOB_SCAN)
        text_addf(world->story, "%s works: %s\n", node->name, job_names[effect->job.kind]);
    else if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_OPERATION)
        text_addf(world->story, "%s replies %s %s, %s\n", node->name, verb_names[op->verb],
                  op_state_names[op->state], code_names[op->code]);
    else if (effect->kind == EFFECT_REPLY && effect->reply.kind == REPLY_PROBLEM)
        text_addf(world->story, "%s refuses %s\n", node->name, code_names[effect->reply.code]);
}

/* Does the step say or write anything beyond keep-alives? */
static bool is_busy(const struct event *event, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        bool beats = effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_BEAT;
        if (!beats && effect->kind != EFFECT_ACKNOWLEDGE)
            return true;
    }
    return event->kind != EVENT_TICK && event->kind != EVENT_FRAME;
}

void world_step(struct sim_world *world, struct sim_node *node, struct event *event) {
    if (!node->pending.items) {
        node->pending = world->spare;
        world->spare = (struct effects){0};
    }
    size_t before = node->pending.count;
    event->now_ms = node_now_ms(world, node);
    event->wall_ms = node_wall_ms(world, node);
    trace_event(world, node, event);
    world_mix_number(world, world->now_ms << 8 | event->kind);
    world_mix_number(world, node->index);
    world->stats.steps++;
    role_step(node->role, event, &node->pending);
    struct effects effects = {.items = node->pending.items ? node->pending.items + before : NULL,
                              .count = node->pending.count - before};
    trace_effects(world, node, &effects);
    check_role(world, node, &effects);
    if (is_busy(event, &effects))
        world->busy_ms = world->now_ms;
    check_step(world, node, &effects);
    heap_set(&world->ticks, &node->tick,
             node_world_ms(node, role_deadline_ms(node->role)));
    shell_take(world, node, before);
}

static void on_restart(struct sim_world *world, struct occurrence *occurrence) {
    if (!occurrence->node->role)
        world_restart(world, occurrence->node);
}

void world_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms) {
    if (world->settings.trace)
        trace(world, node, "CRASH");
    world->stats.crashes++;
    host_end_of_process(world, node);
    if (!world->settings.bare)
        role_check(node->role); /* the last time */
    shell_drop(world, node);
    role_free(node->role);
    node->role = NULL;
    node->incarnation++;
    heap_remove(&world->ticks, &node->tick);
    check_crashed(world, node);
    for (uint32_t i = 0; i < node->links_count; i++)
        if (node->links[i].carrier)
            carrier_stop(world, &node->links[i]);
        else
            network_link(world, node, i, PRESENCE_DOWN);
    world_later(world, node, after_ms, on_restart);
}

void world_restart(struct sim_world *world, struct sim_node *node) {
    if (world->settings.trace)
        trace(world, node, "START");
    node->settings.seed = map_hash(world->settings.seed, node->name, strlen(node->name)) +
                          node->incarnation;
    owners_reconfigure(world, node);
    node->role = role_new(&node->settings);
    keys_start(world, node);
    disk_load(world, node);
    check_restarted(world, node);
    struct event event = {.kind = EVENT_START};
    world_step(world, node, &event);
    keys_started(world, node);
    for (uint32_t i = 0; node->role && i < node->links_count; i++)
        if (world_has_spares(world))
            carrier_start(world, &node->links[i]);
        else if (world->servers[node->links[i].server].up)
            network_link(world, node, i, PRESENCE_UP);
}

static void tick(struct sim_world *world) {
    struct sim_node *node = container_of(heap_first(&world->ticks), struct sim_node, tick);
    struct event event = {.kind = EVENT_TICK};
    world_step(world, node, &event);
}

static void happen(struct sim_world *world) {
    struct occurrence *now =
        container_of(heap_first(&world->occurrences), struct occurrence, timer);
    heap_remove(&world->occurrences, &now->timer);
    now->happen(world, now);
    occurrence_free(now);
}

static void redial(struct sim_world *world) {
    carrier_on_time(container_of(heap_first(&world->carriers), struct sim_carrier, timer));
}

static void turn(struct sim_world *world) {
    shell_turn(world, container_of(heap_first(&world->turns), struct sim_node, turn_timer));
}

/* As in a process: what comes in at a moment counts before its timers, and then the turn ends. */
void world_run(struct sim_world *world, uint64_t until_ms) {
    const struct {
        struct heap *heap;
        void (*next)(struct sim_world *);
    } sources[] = {{&world->occurrences, happen}, {&world->ticks, tick}, {&world->carriers, redial},
                   {&world->turns, turn}};
    for (;;) {
        size_t which = 0;
        uint64_t next = UINT64_MAX;
        for (size_t i = 0; i < array_size(sources); i++) {
            const struct timer *first = heap_first(sources[i].heap);
            if (first && first->due_ms < next) {
                next = first->due_ms;
                which = i;
            }
        }
        if (next > until_ms)
            break;
        world->now_ms = next > world->now_ms ? next : world->now_ms;
        sources[which].next(world);
    }
    world->now_ms = until_ms;
}

struct sim_world *world_build(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = memory_new(1, sizeof(*world));
    world->settings = *settings;
    world->uplinks = uplinks;
    prng_init(&world->workload, settings->seed ^ 0x1111);
    prng_init(&world->network, settings->seed ^ 0x2222);
    prng_init(&world->fate, settings->seed ^ 0x3333);
    prng_init(&world->hosts, settings->seed ^ 0x4444);
    map_init(&world->names, 0);
    prng_init(&world->disk, settings->seed ^ 0x5555);
    prng_init(&world->owner, settings->seed ^ 0x6666);
    prng_init(&world->links, settings->seed ^ 0x7777);
    map_init(&world->addresses, 0);
    map_init(&world->vms, 0);
    map_init(&world->promises, 0);
    list_init(&world->promised);
    world->now_ms = 1000;
    topology_build(world);
    population_build(world);
    return world;
}

struct sim_world *world_new(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = world_build(settings, uplinks);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        world_restart(world, world->nodes[i]);
    return world;
}

void world_free(struct sim_world *world) {
    while (heap_first(&world->occurrences)) {
        struct occurrence *left =
            container_of(heap_first(&world->occurrences), struct occurrence, timer);
        heap_remove(&world->occurrences, &left->timer);
        occurrence_free(left);
    }
    host_forget_all(world);
    topology_free(world);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &world->promised)
        memory_free(container_of(at, struct promise, node));
    map_deinit(&world->promises);
    heap_deinit(&world->occurrences);
    heap_deinit(&world->ticks);
    heap_deinit(&world->carriers);
    effects_deinit(&world->spare);
    heap_deinit(&world->turns);
    memory_free(world);
}
