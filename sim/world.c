#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/check.h"

bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille) {
    return per_mille && !world->healing && prng_below(prng, 1000) < per_mille;
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
    if (occurrence->job)
        record_clear(&definition_table, &occurrence->job->definition);
    if (occurrence->request)
        record_clear(&vm_create_table, &occurrence->request->vm_create);
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

static void commit(struct sim_world *world, struct sim_node *node,
                   const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].kind == EFFECT_SAVE)
            disk_put(world, node, &effects->items[i].record);
        else if (effects->items[i].kind == EFFECT_FORGET)
            disk_delete(node, &effects->items[i].record);
    }
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

static void perform(struct sim_world *world, struct sim_node *node, struct effect *effects,
                    size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct effect *effect = &effects[i];
        world_tell(world, node, effect);
        if (effect->kind == EFFECT_JOB)
            host_begin(world, node, &effect->job);
        else if (effect->kind == EFFECT_IMAGE)
            host_fetch_image(world, node, effect->image.digest);
        else if (effect->kind == EFFECT_REPLY)
            check_answered(world, node, &effect->reply);
    }
    network_send(world, node, effects, count);
}

/* Does the step say or write anything beyond keep-alives? */
static bool is_busy(const struct event *event, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        bool idle = effect->kind == EFFECT_SEND && (effect->send.message.kind == MESSAGE_BEAT ||
                                                    effect->send.message.kind == MESSAGE_GRANT);
        if (!idle)
            return true;
    }
    return event->kind != EVENT_TICK && event->kind != EVENT_FRAME;
}

/* A crash comes before the commit, or after it at any point of what follows. */
void world_step(struct sim_world *world, struct sim_node *node, struct event *event) {
    struct effects effects = world->spare;
    world->spare = (struct effects){0}; /* a crash steps others meanwhile */
    event->now_ms = world->now_ms;
    event->wall_ms = node_wall_ms(world, node);
    trace_event(world, node, event);
    world_mix_number(world, world->now_ms << 8 | event->kind);
    world_mix_number(world, node->index);
    world->stats.steps++;
    role_step(node->role, event, &effects);
    trace_effects(world, node, &effects);
    if (!world->settings.bare) /* walks everything */
        role_check(node->role);
    if (is_busy(event, &effects))
        world->busy_ms = world->now_ms;
    bool crash =
        !world->settings.even && world_fault(world, &world->fate, world->settings.crash);
    uint64_t point = crash ? prng_below(&world->fate, effects.count + 2) : effects.count + 1;
    if (point) {
        check_step(world, node, &effects);
        commit(world, node, &effects);
    }
    heap_set(&world->ticks, &node->tick, role_deadline_ms(node->role));
    if (point)
        perform(world, node, effects.items, crash ? point - 1 : effects.count);
    if (crash && node->role)
        world_crash(world, node, 100 + prng_below(&world->fate, 20000));
    effects_deinit(&world->spare);
    effects_clear(&effects);
    world->spare = effects;
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
    role_free(node->role);
    node->role = NULL;
    node->incarnation++;
    heap_remove(&world->ticks, &node->tick);
    check_crashed(world, node);
    for (uint32_t i = 0; i < node->links_count; i++)
        network_link(world, node, i, PRESENCE_DOWN);
    world_later(world, node, after_ms, on_restart);
}

void world_restart(struct sim_world *world, struct sim_node *node) {
    if (world->settings.trace)
        trace(world, node, "START");
    node->settings.seed = map_hash(world->settings.seed, node->name, strlen(node->name)) +
                          node->incarnation;
    if (node->used)
        check_limits_changed(world, node);
    node->role = role_new(&node->settings);
    disk_load(world, node);
    check_restarted(world, node);
    struct event event = {.kind = EVENT_START};
    world_step(world, node, &event);
    for (uint32_t i = 0; node->role && i < node->links_count; i++)
        if (world->servers[node->links[i].server].up)
            network_link(world, node, i, PRESENCE_UP);
}

static void tick(struct sim_world *world) {
    struct sim_node *node = container_of(heap_first(&world->ticks), struct sim_node, tick);
    struct event event = {.kind = EVENT_TICK};
    world_step(world, node, &event);
}

void world_run(struct sim_world *world, uint64_t until_ms) {
    for (;;) {
        const struct timer *occurrence = heap_first(&world->occurrences);
        const struct timer *due = heap_first(&world->ticks);
        uint64_t next = occurrence ? occurrence->due_ms : UINT64_MAX;
        bool ticks = due && due->due_ms < next;
        next = ticks ? due->due_ms : next;
        if (next > until_ms)
            break;
        world->now_ms = next > world->now_ms ? next : world->now_ms;
        if (ticks) {
            tick(world);
            continue;
        }
        struct occurrence *now =
            container_of(heap_first(&world->occurrences), struct occurrence, timer);
        heap_remove(&world->occurrences, &now->timer);
        now->happen(world, now);
        occurrence_free(now);
    }
    world->now_ms = until_ms;
}

struct sim_world *world_new(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = memory_new(1, sizeof(*world));
    world->settings = *settings;
    world->uplinks = uplinks;
    prng_init(&world->workload, settings->seed ^ 0x1111);
    prng_init(&world->network, settings->seed ^ 0x2222);
    prng_init(&world->fate, settings->seed ^ 0x3333);
    prng_init(&world->hosts, settings->seed ^ 0x4444);
    map_init(&world->names, 0);
    map_init(&world->addresses, 0);
    map_init(&world->vms, 0);
    map_init(&world->promises, 0);
    list_init(&world->promised);
    world->now_ms = 1000;
    topology_build(world);
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
    effects_deinit(&world->spare);
    memory_free(world);
}
