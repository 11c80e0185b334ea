#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille) {
    return per_mille && !world->healing && prng_below(prng, 1000) < per_mille;
}

struct occurrence *world_later(struct sim_world *world, struct sim_node *node, uint64_t delay_ms,
                               void (*happen)(struct sim_world *, struct occurrence *)) {
    struct occurrence *occurrence = memory_new(1, sizeof(*occurrence));
    occurrence->happen = happen;
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
    memory_free(occurrence->bytes);
    record_clear(&definition_table, &occurrence->job.definition);
    memory_free(occurrence);
}

static void row_key(const struct record *record, char *key, size_t size) {
    text_format(key, size, "%s/%s", record->table->name,
                (const char *)record->data + record->table->fields[0].offset);
}

static void disk_delete(struct sim_node *node, const struct record *record) {
    char key[256];
    row_key(record, key, sizeof(key));
    struct sim_row *row = map_remove(&node->disk, key);
    if (!row)
        return;
    list_remove(&row->node);
    record_deinit(&row->record);
    memory_free(row);
}

static void disk_put(struct sim_node *node, const struct record *record) {
    disk_delete(node, record);
    struct sim_row *row = memory_new(1, sizeof(*row));
    row_key(record, row->key, sizeof(row->key));
    /* Through the bytes of the store's face: what that loses is lost. */
    struct text text = {0};
    struct codec_fault fault;
    codec_encode(record->table, record->data, FIELD_STORE, &text);
    row->record = (struct record){record->table, memory_new(1, record->table->size)};
    int decoded = codec_decode(record->table,
                               &(struct codec_input){text_data(&text), text.length, FIELD_STORE,
                                                     CODEC_REFUSE_UNKNOWN},
                               row->record.data, &fault);
    if (decoded) {
        fprintf(stderr, "store: %s: %s %s\n", text_data(&text), fault.field, fault.text);
        __builtin_trap();
    }
    text_deinit(&text);
    map_put(&node->disk, row->key, row);
    list_add(&node->rows, &row->node);
}

static void trace(struct sim_world *world, const struct sim_node *node, const char *what,
                  const char *line) {
    world->hash = map_hash(world->hash, line, strlen(line));
    if (world->settings.trace)
        printf("%10llu %-10s %s %s\n", (unsigned long long)world->now_ms, node->name, what, line);
}

static void commit(struct sim_node *node, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].kind == EFFECT_SAVE)
            disk_put(node, &effects->items[i].record);
        else if (effects->items[i].kind == EFFECT_FORGET)
            disk_delete(node, &effects->items[i].record);
    }
}

static void on_image(struct sim_world *world, struct occurrence *occurrence) {
    struct event event = {.kind = EVENT_IMAGE, .image.code = occurrence->code};
    (void)text_copy(event.image.digest, sizeof(event.image.digest), occurrence->digest);
    if (!occurrence_is_stale(occurrence))
        world_step(world, occurrence->node, &event);
}

static void fetch_image(struct sim_world *world, struct sim_node *node, const char *digest) {
    struct occurrence *later =
        world_later(world, node, 1 + prng_below(&world->hosts, 50), on_image);
    later->code = world_fault(world, &world->hosts, world->settings.faults.job_failure)
                      ? CODE_IMAGE_UNAVAILABLE
                      : CODE_OK;
    (void)text_copy(later->digest, sizeof(later->digest), digest);
}

static void perform(struct sim_world *world, struct sim_node *node,
                    const struct effects *effects) {
    network_send(world, node, effects->items, effects->count);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_JOB)
            host_begin(world, node, &effect->job);
        else if (effect->kind == EFFECT_IMAGE)
            fetch_image(world, node, effect->image.digest);
        else if (effect->kind == EFFECT_REPLY)
            workload_on_reply(world, &effect->reply);
    }
}

static void print_effects(struct sim_world *world, const struct sim_node *node,
                          const struct effects *effects) {
    struct text line = {0};
    for (size_t i = 0; i < effects->count; i++) {
        text_clear(&line);
        effect_print(&effects->items[i], &line);
        trace(world, node, "  =>", text_data(&line));
    }
    text_deinit(&line);
}

void world_step(struct sim_world *world, struct sim_node *node, struct event *event) {
    struct text line = {0};
    struct effects effects = {0};
    event->now_ms = world->now_ms;
    event->wall_ms = world->now_ms + sim_wall_start_ms;
    event_print(event, &line);
    trace(world, node, "", text_data(&line));
    text_deinit(&line);
    world->steps++;
    role_step(node->role, event, &effects);
    role_check(node->role);
    print_effects(world, node, &effects);
    bool before = world_fault(world, &world->fate, world->settings.faults.crash);
    bool after = world_fault(world, &world->fate, world->settings.faults.crash);
    if (!before) {
        check_step(world, node, &effects);
        commit(node, &effects);
    }
    if (before || after) {
        world_crash(world, node, 100 + prng_below(&world->fate, 20000));
    } else {
        heap_set(&world->ticks, &node->tick, role_deadline_ms(node->role));
        perform(world, node, &effects);
    }
    effects_deinit(&effects);
}

static void on_restart(struct sim_world *world, struct occurrence *occurrence) {
    if (!occurrence->node->role)
        world_restart(world, occurrence->node);
}

void world_crash(struct sim_world *world, struct sim_node *node, uint64_t after_ms) {
    trace(world, node, "", "CRASH");
    host_end_of_process(world, node);
    role_free(node->role);
    node->role = NULL;
    node->incarnation++;
    heap_remove(&world->ticks, &node->tick);
    for (uint32_t i = 0; i < node->links_count; i++)
        network_link(world, node, i, PRESENCE_DOWN);
    world_later(world, node, after_ms, on_restart);
}

/* Steps that a process goes through before it serves: they do not crash half-way here. */
static void load(struct sim_world *world, struct sim_node *node) {
    struct effects effects = {0};
    struct event event = {.kind = EVENT_LOAD, .now_ms = world->now_ms,
                          .wall_ms = world->now_ms + sim_wall_start_ms};
    struct list *row = NULL, *next = NULL;
    for (size_t table = 0; table < stored_tables_count; table++)
        list_each(row, next, &node->rows) {
            struct sim_row *stored = container_of(row, struct sim_row, node);
            if (stored->record.table != stored_tables[table])
                continue;
            event.load = stored->record;
            role_step(node->role, &event, &effects);
        }
    effects_deinit(&effects);
}

void world_restart(struct sim_world *world, struct sim_node *node) {
    trace(world, node, "", "START");
    node->settings.seed = prng_next(&world->fate);
    node->role = role_new(&node->settings);
    load(world, node);
    struct event event = {.kind = EVENT_START};
    world_step(world, node, &event);
    for (uint32_t i = 0; node->role && i < node->links_count; i++)
        if (world->servers[node->links[i].server].up)
            network_link(world, node, i, PRESENCE_UP);
}

void world_server(struct sim_world *world, uint32_t server, enum presence presence) {
    world->servers[server].up = presence == PRESENCE_UP;
    for (uint32_t n = 0; n < world->nodes_count; n++)
        for (uint32_t i = 0; i < world->nodes[n].links_count; i++)
            if (world->nodes[n].links[i].server == server && world->nodes[n].role)
                network_link(world, &world->nodes[n], i, presence);
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
    if (until_ms != UINT64_MAX)
        world->now_ms = until_ms;
}

void world_free(struct sim_world *world) {
    struct list *node = NULL, *next = NULL;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *at = &world->nodes[i];
        role_free(at->role);
        list_each(node, next, &at->rows) {
            struct sim_row *row = container_of(node, struct sim_row, node);
            record_deinit(&row->record);
            memory_free(row);
        }
        list_each(node, next, &at->domains)
            memory_free(container_of(node, struct sim_domain, node));
        map_deinit(&at->disk);
        memory_free((void *)(uintptr_t)at->settings.agents);
        memory_free((void *)(uintptr_t)at->settings.managers);
    }
    while (heap_first(&world->occurrences)) {
        struct occurrence *left =
            container_of(heap_first(&world->occurrences), struct occurrence, timer);
        heap_remove(&world->occurrences, &left->timer);
        occurrence_free(left);
    }
    list_each(node, next, &world->accepted)
        memory_free(container_of(node, struct sim_accepted, node));
    heap_deinit(&world->occurrences);
    heap_deinit(&world->ticks);
    map_deinit(&world->addresses);
    memory_free(world);
}
