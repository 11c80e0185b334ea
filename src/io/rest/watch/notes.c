/* Which records are what a list shows, and how many changes are kept. */
#include "io/rest/watch/notes.h"

#include "base/memory.h"
#include "base/text.h"

const struct watched_kind watched_kinds[WATCHED_COUNT] = {
    [WATCHED_VM] = {"vm", &stored_vm_table, REQUEST_VM_LIST, REQUEST_VM_SHOW,
                    offsetof(struct stored_vm, vm.asker)},
    [WATCHED_OPERATION] = {"operation", &operation_table, REQUEST_OP_LIST, REQUEST_OP_SHOW,
                           offsetof(struct operation, asker)},
    [WATCHED_IMAGE] = {"image", &image_table, REQUEST_IMAGE_LIST, REQUEST_IMAGE_SHOW, 0},
    [WATCHED_CLUSTER] = {"cluster", &node_table, REQUEST_CLUSTER_LIST, REQUEST_CLUSTER_SHOW, 0},
    [WATCHED_TENANT] = {"tenant", &tenant_table, REQUEST_TENANT_LIST, REQUEST_TENANT_SHOW, 0},
    [WATCHED_RULE] = {"rule", &rule_table, REQUEST_RULE_LIST, REQUEST_RULE_SHOW, 0},
};

void notes_init(struct notes *notes) {
    *notes = (struct notes){.ring = memory_new(notes_most, sizeof(*notes->ring))};
}

void notes_deinit(struct notes *notes) { memory_free(notes->ring); }

const struct note *notes_at(const struct notes *notes, uint64_t i) {
    return &notes->ring[i % notes_most];
}

uint64_t notes_first(const struct notes *notes) {
    return notes->count > notes_most ? notes->count - notes_most : 0;
}

static void add(struct notes *notes, const struct note *note) {
    struct note *place = &notes->ring[notes->count % notes_most];
    if (notes->count >= notes_most)
        notes->lost = place->number;
    notes->count++;
    *place = *note;
}

void notes_add(struct notes *notes, const struct effect *effect, uint64_t number) {
    const struct record *record = &effect->record;
    enum watched kind = 0;
    while (kind < WATCHED_COUNT && watched_kinds[kind].stored != record->table)
        kind++;
    if (kind == WATCHED_COUNT)
        return;
    const char *data = record->data;
    size_t asker = watched_kinds[kind].asker;
    struct note note = {.number = number, .kind = kind, .is_gone = effect->kind == EFFECT_FORGET};
    text_set_sized(note.key, sizeof(note.key), data + record->table->fields[0].offset);
    if (asker)
        text_set_sized(note.asker, sizeof(note.asker), data + asker);
    add(notes, &note);
    if (kind != WATCHED_VM || !note.asker[0])
        return;
    struct note used = {.number = number, .kind = WATCHED_TENANT, .is_counted = true};
    text_set(used.key, note.asker);
    add(notes, &used);
}

void notes_commit(struct notes *notes, uint64_t number) {
    notes->told = notes->count;
    notes->number = number;
}
