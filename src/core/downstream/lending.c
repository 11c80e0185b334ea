/* What counts in an upstream manager's sum, which shapes it may ask for, by which size the hosts
 * count them, and where a VM stands that waits for its image. */
#include "core/downstream/lending.h"

#include "base/memory.h"
#include "core/below/lend.h"
#include "core/books/amounts.h"
#include "core/books/lifecycle.h"

static void vm_begins(struct book_vm *vm) { list_init(&downstream_vm(vm)->by_move); }

static void vm_ends(struct book *book, struct book_vm *vm) {
    list_remove(&downstream_vm(vm)->by_move);
    if (downstream_vm(vm)->template)
        effects_forget(book->moment->out, &template_table, vm->record.id);
}

void downstream_set_template(struct book_vm *vm, const struct template *template) {
    struct template **kept = &downstream_vm(vm)->template;
    if (*kept) {
        record_clear(&template_table, *kept);
        memory_free(*kept);
    }
    *kept = NULL;
    if (!template)
        return;
    *kept = memory_new(1, sizeof(**kept));
    record_clone(&template_table, template, *kept);
}

static void vm_free(struct book_vm *vm) { downstream_set_template(vm, NULL); }

const struct book_kind downstream_books = {.vm_size = sizeof(struct downstream_vm),
                                           .op_size = sizeof(struct downstream_op),
                                           .vm_begins = vm_begins,
                                           .vm_ends = vm_ends,
                                           .vm_free = vm_free};

struct lending *downstream_lending(const struct downstream *downstream, const char *name) {
    for (size_t i = 0; i < downstream->lendings_count; i++)
        if (text_equal(downstream->lendings[i].uplink.setting.name, name))
            return &downstream->lendings[i];
    return NULL;
}

void downstream_count(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    bool occupies = lifecycle_occupies(vm->record.state);
    if (!lending || vm->counted == occupies)
        return;
    vm->counted = occupies;
    downstream->manager.downlink.changed |= downstream->lendings_count > 1; /* what is kept of it */
    if (occupies)
        amounts_add(&lending->used, &vm->record.size);
    else
        amounts_remove(&lending->used, &vm->record.size);
}

void downstream_await_image(struct downstream *downstream, struct lending *lending,
                            struct book_vm *vm) {
    if (*vm->record.place) {
        list_remove(&vm->active->by_room);
        list_add(&downstream->rebuilds, &vm->active->by_room);
    } else {
        list_remove(&vm->by_place);
        list_add(&downstream->waiting, &vm->by_place);
    }
    struct effect_image *image = &effects_add(downstream->manager.moment.out, EFFECT_IMAGE)->image;
    image->link = lending->uplink.setting.link;
    text_set(image->digest, vm->active->record.definition.image);
}

struct amounts *downstream_used(struct downstream *downstream, const struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return lending && vm->counted ? &lending->used : NULL;
}

void downstream_drain_soon(struct downstream *downstream) {
    uint64_t due = downstream->manager.moment.now_ms;
    for (size_t i = 0; i < downstream->manager.downlink.count; i++)
        if (peer_is_emptied(&downstream->manager.downlink.peers[i]) &&
            due < downstream->drain_due_ms)
            downstream->drain_due_ms = due;
}

/* For a new VM, or for one that there is. */
bool lending_has_shape(const struct lending *lending, const struct shape *shape) {
    const char *shapes = lending->permissions.shapes;
    struct shape sized;
    text_format(sized.name, sizeof(sized.name), "c%u-m%u-d%u", shape->size.cpus,
                shape->size.memory_mib, shape->size.disk_gib);
    return lending->phase == LENDING_LENT &&
           (words_allow(shapes, shape->name) || words_have(shapes, sized.name));
}

bool downstream_allows_shape(const struct lending *lending, const struct shape *shape) {
    return words_allow(lending->permissions.verbs, verb_names[VERB_DEFINE]) &&
           lending_has_shape(lending, shape);
}

/* The hosts count fits by size; the same size under two upstreams' names is one entry. */
bool downstream_learn_size(struct downstream *downstream, const struct size *size) {
    struct shape shape = {.size = *size};
    if (downlink_shape(&downstream->manager.downlink, size) >= 0)
        return true;
    text_format(shape.name, sizeof(shape.name), "c%u-m%u-d%u", size->cpus, size->memory_mib,
                size->disk_gib);
    return downlink_add_shape(&downstream->manager.downlink, &shape);
}

bool downstream_is_homeless(const struct book_vm *vm) {
    return vm->stored.move == MOVE_LEAVING ||
           (!*vm->record.place && list_is_empty(&vm->by_place));
}
