/* How chance is drawn and noted, how what happens is hashed, so that equal runs show it, and what
 * becomes of an occurrence whose process is gone. */
#include "sim/world/world.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

bool world_fault(struct sim_world *world, struct prng *prng, uint32_t per_mille) {
    return per_mille && !world->healing && prng_below(prng, 1000) < per_mille;
}

bool world_has_spares(const struct sim_world *world) {
    return world->settings.spares && !world->settings.even;
}

void world_note(struct sim_world *world, enum sim_stream stream, uint64_t what) {
    struct sim_notes *notes = world->notes;
    if (!notes || world->healing || notes->count[stream] == sim_notes_most)
        return;
    const uint64_t words[] = {notes->hash[stream], what};
    notes->hash[stream] = map_hash(notes->count[stream]++, words, sizeof(words));
}

void world_observe(struct sim_world *world, const struct fact *fact) {
    if (world->observe)
        world->observe(world, fact);
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

void world_trace(const struct sim_world *world, const struct sim_node *node, const char *line) {
    if (world->settings.trace)
        printf("%10llu %-16s %s\n", (unsigned long long)world->now_ms, node->name, line);
}

bool occurrence_is_stale(const struct occurrence *occurrence) {
    return !occurrence->node->role ||
           occurrence->incarnation != occurrence->node->incarnation;
}

void occurrence_free(struct occurrence *occurrence) {
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
        record_clear(&vm_allow_table, &occurrence->request->vm_allow);
    }
    if (occurrence->event && occurrence->event->kind == EVENT_JOB && occurrence->event->job.found) {
        record_clear(&vm_table, occurrence->event->job.found);
        memory_free(occurrence->event->job.found);
    }
    memory_free(occurrence->event);
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

struct sim_world *world_new(const struct sim_settings *settings, struct text *uplinks) {
    struct sim_world *world = memory_new(1, sizeof(*world));
    world->settings = *settings;
    world->uplinks = uplinks;
    prng_init(&world->workload, settings->seed ^ 0x1111);
    prng_init(&world->network, settings->seed ^ 0x2222);
    prng_init(&world->fate, settings->seed ^ 0x3333);
    prng_init(&world->hosts, settings->seed ^ 0x4444);
    prng_init(&world->disk, settings->seed ^ 0x5555);
    prng_init(&world->owner, settings->seed ^ 0x6666);
    prng_init(&world->links, settings->seed ^ 0x7777);
    map_init(&world->names, 0);
    map_init(&world->addresses, 0);
    map_init(&world->vms, 0);
    world->now_ms = 1000;
    return world;
}

void world_free(struct sim_world *world) {
    while (heap_first(&world->occurrences)) {
        struct occurrence *left =
            container_of(heap_first(&world->occurrences), struct occurrence, timer);
        heap_remove(&world->occurrences, &left->timer);
        occurrence_free(left);
    }
    map_deinit(&world->vms);
    map_deinit(&world->names);
    map_deinit(&world->addresses);
    heap_deinit(&world->occurrences);
    heap_deinit(&world->ticks);
    heap_deinit(&world->carriers);
    effects_deinit(&world->spare);
    heap_deinit(&world->turns);
    memory_free(world);
}
