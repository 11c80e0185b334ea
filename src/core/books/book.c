/* How a VM and its operation begin and end together, what of a timeline is kept when it is full,
 * and when an operation is looked at next. */
#include "core/books/book.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { backoff_first_ms = 1000, backoff_most_ms = 60000, long_ms = 1000 };

void book_init(struct book *book, const struct book_kind *kind, uint64_t seed,
               struct moment *moment) {
    static const struct book_kind plain = {.vm_size = sizeof(struct book_vm),
                                           .op_size = sizeof(struct book_op)};
    *book = (struct book){.kind = kind ? kind : &plain, .moment = moment};
    map_init(&book->vms_by_id, seed);
    map_init(&book->ops_by_id, seed);
    map_init(&book->groups_by_key, seed);
    list_init(&book->vms);
    list_init(&book->ops);
    list_init(&book->untold);
    list_init(&book->cursors);
    map_init(&book->kept_by_id, seed);
    list_init(&book->kept);
}

static void free_vm(struct book *book, struct book_vm *vm) {
    if (book->kind->vm_free)
        book->kind->vm_free(vm);
    record_clear(&stored_vm_table, &vm->stored);
    memory_free(vm);
}

static void free_op(struct book_op *op) {
    record_clear(&operation_table, &op->record);
    memory_free(op);
}

static void make_key(char *key, const char *asker, const char *group) {
    text_format(key, sizeof(((struct book_group *)NULL)->key), "%s/%s", asker, group);
}

static void leave(struct book *book, struct book_vm *vm) {
    struct list *neighbour = vm->by_group.next;
    if (list_is_empty(&vm->by_group))
        return;
    list_remove(&vm->by_group);
    if (!list_is_empty(neighbour))
        return;
    struct book_group *group = container_of(neighbour, struct book_group, vms);
    map_remove(&book->groups_by_key, group->key);
    memory_free(group);
}

void book_join(struct book *book, struct book_vm *vm) {
    char key[sizeof(((struct book_group *)NULL)->key)];
    leave(book, vm);
    if (!*vm->record.group)
        return;
    make_key(key, vm->record.asker, vm->record.group);
    struct book_group *group = map_get(&book->groups_by_key, key);
    if (!group) {
        group = memory_new(1, sizeof(*group));
        text_set(group->key, key);
        list_init(&group->vms);
        map_put(&book->groups_by_key, group->key, group);
    }
    list_add(&group->vms, &vm->by_group);
}

const struct book_group *book_group(const struct book *book, const char *asker,
                                    const char *group) {
    char key[sizeof(((struct book_group *)NULL)->key)];
    make_key(key, asker, group);
    return *group ? map_get(&book->groups_by_key, key) : NULL;
}

void book_deinit(struct book *book) {
    struct list *node = NULL, *next = NULL;
    list_for(struct book_vm, vm, &book->vms, by_age) {
        leave(book, vm);
        free_vm(book, vm);
    }
    list_each(node, next, &book->ops)
        free_op(container_of(node, struct book_op, by_age));
    list_each(node, next, &book->kept)
        free_op(container_of(node, struct book_op, by_age));
    map_deinit(&book->kept_by_id);
    map_deinit(&book->vms_by_id);
    map_deinit(&book->ops_by_id);
    map_deinit(&book->groups_by_key);
    heap_deinit(&book->timers);
}

struct book_vm *book_vm(const struct book *book, const char *id) {
    return map_get(&book->vms_by_id, id);
}

struct book_op *book_op(const struct book *book, const char *id) {
    return map_get(&book->ops_by_id, id);
}

bool book_op_has_ended(const struct book_op *op) {
    return op->record.state == OP_SUCCEEDED || op->record.state == OP_FAILED;
}

const char *book_asked_place(const struct book_vm *vm) {
    bool ahead = vm->active && verb_is_ahead(vm->active->record.verb);
    return ahead ? book_destination(vm) : vm->record.place;
}

const char *book_destination(const struct book_vm *vm) {
    return vm->stored.destination ? vm->stored.destination : "";
}

void book_set_destination(struct book_vm *vm, const char *name) {
    memory_free(vm->stored.destination);
    vm->stored.destination = name ? memory_text(name) : NULL;
}

bool book_vm_needs_image(const struct book_vm *vm, const char *digest) {
    return text_equal(vm->record.digest, digest) ||
           (vm->active && text_equal(vm->active->record.definition.image, digest));
}

const struct book_op *book_op_told(const struct book *book, const char *id) {
    const struct book_op *op = book_op(book, id);
    return op ? op : map_get(&book->kept_by_id, id);
}

struct book_vm *book_add_vm(struct book *book, const struct stored_vm *record) {
    struct book_vm *vm = memory_new(1, book->kind->vm_size);
    record_clone(&stored_vm_table, record, &vm->stored);
    list_init(&vm->by_place);
    list_init(&vm->by_group);
    if (book->kind->vm_begins)
        book->kind->vm_begins(book, vm);
    list_add(&book->vms, &vm->by_age);
    book_join(book, vm);
    map_put(&book->vms_by_id, vm->record.id, vm);
    book->vms_count++;
    return vm;
}

struct book_op *book_add_op(struct book *book, const struct operation *record) {
    struct book_op *op = memory_new(1, book->kind->op_size);
    record_clone(&operation_table, record, &op->record);
    op->deadline_ms = op->resend_ms = op->progress_ms = book_never;
    list_init(&op->by_untold);
    list_init(&op->by_room);
    if (book->kind->op_begins)
        book->kind->op_begins(op);
    list_add(&book->ops, &op->by_age);
    map_put(&book->ops_by_id, op->record.id, op);
    book->ops_count++;
    return op;
}

void book_remove_vm(struct book *book, struct book_vm *vm) {
    assert(!vm->active);
    list_for(struct book_cursor, cursor, &book->cursors, node) {
        if (cursor->next == &vm->by_age)
            cursor->next = vm->by_age.next;
    }
    struct stored_vm *gone = effects_forget(book->moment->out, &stored_vm_table, vm->record.id);
    text_set(gone->vm.asker, vm->record.asker); /* for whoever tells of it */
    if (book->kind->vm_ends)
        book->kind->vm_ends(book, vm);
    map_remove(&book->vms_by_id, vm->record.id);
    list_remove(&vm->by_age);
    list_remove(&vm->by_place);
    leave(book, vm);
    book->vms_count--;
    free_vm(book, vm);
}

static void drop_kept(struct book *book, struct book_op *op) {
    map_remove(&book->kept_by_id, op->record.id);
    list_remove(&op->by_age);
    free_op(op);
}

static void keep_or_free(struct book *book, struct book_op *op) {
    struct book_op *earlier = map_get(&book->kept_by_id, op->record.id);
    if (!book->kept_most || !book_op_has_ended(op)) {
        free_op(op);
        return;
    }
    if (earlier) /* refused here, and asked again later */
        drop_kept(book, earlier);
    else if (book->kept_by_id.count >= book->kept_most)
        drop_kept(book, container_of(book->kept.next, struct book_op, by_age));
    list_add(&book->kept, &op->by_age);
    map_put(&book->kept_by_id, op->record.id, op);
}

static void take_out(struct book *book, struct book_op *op) {
    map_remove(&book->ops_by_id, op->record.id);
    list_remove(&op->by_age);
    list_remove(&op->by_untold);
    list_remove(&op->by_room);
    if (book->kind->op_ends)
        book->kind->op_ends(op);
    heap_remove(&book->timers, &op->timer);
    book->ops_count--;
}

void book_remove_op(struct book *book, struct book_op *op) {
    effects_forget(book->moment->out, &operation_table, op->record.id);
    take_out(book, op);
    keep_or_free(book, op);
}

void book_archive_op(struct book *book, struct book_op *op) {
    assert(book_op_has_ended(op));
    take_out(book, op);
    free_op(op);
}

void book_save_vm(struct book *book, struct book_vm *vm) {
    effects_save(book->moment->out, &stored_vm_table, &vm->stored);
    if (book->kind->vm_saved)
        book->kind->vm_saved(book, vm);
}

void book_say_why(struct book_op *op, const char *why) {
    if (!why || !*why)
        return;
    memory_free(op->record.why);
    op->record.why = memory_text(why);
}

void book_save_op(struct book *book, struct book_op *op) {
    effects_save(book->moment->out, &operation_table, &op->record);
}

void book_save_long(struct book *book, struct book_op *op) {
    if (op && book->moment->wall_ms >= op->record.created_ms + long_ms)
        book_save_op(book, op);
}

struct book_op *book_begin(struct book *book, struct book_vm *vm, const struct operation *record) {
    assert(!vm->active);
    struct book_op *op = book_add_op(book, record);
    struct operation *r = &op->record;
    text_set(r->vm, vm->record.id);
    text_set(r->vm_name, vm->record.name);
    text_set(r->asker, vm->record.asker);
    r->created_ms = book->moment->wall_ms;
    op->deadline_ms = book->moment->now_ms + (r->deadline_ms - book->moment->wall_ms);
    (void)book_tell(op, &(struct timeline_entry){.at_ms = book->moment->wall_ms,
                                                 .step = STEP_ACCEPTED,
                                                 .by = r->internal ? BY_MANAGER : BY_ASKER});
    r->state = OP_PENDING;
    vm->active = op;
    vm->record.generation = r->generation;
    vm->record.last_code = CODE_OK;
    vm->record.last_step = STEP_NONE;
    text_set(vm->record.op, r->id);
    vm->record.changed_ms = book->moment->wall_ms;
    book_save_vm(book, vm);
    book_save_op(book, op);
    book_schedule(book, op);
    return op;
}

static bool is_told(const struct operation *r, const struct timeline_entry *entry) {
    for (uint32_t i = r->timeline_count; entry->step != STEP_REFUSED && i-- > 0;) {
        const struct timeline_entry *told = &r->timeline[i];
        if (told->step == entry->step && told->code == entry->code)
            return true;
        if (entry->step == STEP_WAITING || told->step == STEP_REFUSED ||
            told->step == STEP_WAITING)
            return false;
    }
    return false;
}

static uint32_t most_entries(enum step step) {
    if (step == STEP_ENDED)
        return limit_timeline;
    return step == STEP_REFUSED ? limit_timeline - 1 : limit_timeline - 1 - limit_refusals;
}

bool book_tell(struct book_op *op, const struct timeline_entry *entry) {
    struct operation *r = &op->record;
    if (is_told(r, entry))
        return false;
    if (!step_is_aside(entry->step))
        r->step = entry->step;
    if (!step_is_aside(entry->step) && entry->step != STEP_ENDED)
        r->state = OP_RUNNING;
    if (r->timeline_count >= most_entries(entry->step))
        return false;
    r->timeline = memory_resize(r->timeline, (r->timeline_count + 1) * sizeof(*r->timeline));
    struct timeline_entry *added = &r->timeline[r->timeline_count++];
    *added = *entry;
    added->place = entry->place ? memory_text(entry->place) : NULL;
    return true;
}

void book_step(struct book_op *op, enum step step, uint64_t wall_ms) {
    (void)book_tell(op, &(struct timeline_entry){.at_ms = wall_ms, .step = step});
}

void book_end(struct book *book, struct book_op *op, enum code code) {
    assert(!book_op_has_ended(op));
    struct operation *r = &op->record;
    enum step reached = r->step;
    (void)book_tell(
        op, &(struct timeline_entry){.at_ms = book->moment->wall_ms,
                                     .step = STEP_ENDED,
                                     .code = code,
                                     .obstacle = op->record.obstacle,
                                     .by = code == CODE_SUPERSEDED ? BY_ASKER : op->decider});
    r->state = code == CODE_OK ? OP_SUCCEEDED : OP_FAILED;
    r->code = code;
    r->step = code == CODE_OK ? STEP_ENDED : reached;
    r->ended_ms = book->moment->wall_ms;
    (code == CODE_OK ? book->ended.done : book->ended.failed)[r->verb]++;
    metric_count(&book->ended.lasted,
                 r->ended_ms > r->created_ms ? r->ended_ms - r->created_ms : 0);
    record_clear(&definition_table, &r->definition);
    record_clear(&placing_table, &r->placing);
    record_clear(&ruling_table, &r->ruling);
    record_clear(&copy_order_table, &r->copy);
    op->deadline_ms = op->resend_ms = op->progress_ms = book_never;
    list_remove(&op->by_room);
    book_schedule(book, op);
    struct book_vm *vm = book_vm(book, r->vm);
    if (vm && vm->active == op) {
        vm->active = NULL;
        vm->record.last_code = code;
        vm->record.last_step = code == CODE_OK ? STEP_NONE : reached;
        vm->record.changed_ms = book->moment->wall_ms;
        book_save_vm(book, vm);
    }
    book_save_op(book, op);
}

struct size book_take_reserved(struct book_op *op) {
    struct size reserved = op ? op->reserved : (struct size){0};
    if (op)
        op->reserved = (struct size){0};
    return reserved;
}

void book_schedule(struct book *book, struct book_op *op) {
    uint64_t due = op->deadline_ms;
    due = op->resend_ms < due ? op->resend_ms : due;
    due = op->progress_ms < due ? op->progress_ms : due;
    if (due == book_never)
        heap_remove(&book->timers, &op->timer);
    else
        heap_set(&book->timers, &op->timer, due);
}

uint64_t book_deadline_ms(const struct book *book, const struct operation *record) {
    uint64_t allowed = record->deadline_ms > record->created_ms
                           ? record->deadline_ms - record->created_ms
                           : 0;
    uint64_t left = record->deadline_ms > book->moment->wall_ms
                        ? record->deadline_ms - book->moment->wall_ms
                        : 0;
    return book->moment->now_ms + (left < allowed ? left : allowed);
}

uint64_t book_backoff_ms(uint32_t attempts, struct prng *prng) {
    uint64_t wait = backoff_most_ms;
    if (attempts < 6)
        wait = (uint64_t)backoff_first_ms << attempts;
    if (wait > backoff_most_ms)
        wait = backoff_most_ms;
    return wait - wait / 10 + prng_below(prng, wait / 5);
}

static void check_vm(const struct book *book, const struct book_vm *vm) {
    assert(book_vm(book, vm->record.id) == vm);
    assert(!vm->active || text_equal(vm->active->record.vm, vm->record.id));
    assert(!vm->active || !book_op_has_ended(vm->active));
}

static void check_op(const struct book *book, const struct book_op *op) {
    assert(book_op(book, op->record.id) == op);
    const struct book_vm *vm = book_vm(book, op->record.vm);
    assert(book_op_has_ended(op) || (vm && vm->active == op)); /* never stuck */
}

void book_check(const struct book *book) {
    struct list *node = NULL, *next = NULL;
    uint64_t vms = 0, ops = 0;
    list_each(node, next, &book->vms) {
        check_vm(book, container_of(node, struct book_vm, by_age));
        vms++;
    }
    list_each(node, next, &book->ops) {
        check_op(book, container_of(node, struct book_op, by_age));
        ops++;
    }
    assert(vms == book->vms_count && ops == book->ops_count);
}

void book_check_saved(const struct book *book, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct record *record = &effects->items[i].record;
        if (effects->items[i].kind != EFFECT_SAVE)
            continue;
        if (record->table == &stored_vm_table) {
            const struct book_vm *vm = book_vm(book, ((const struct vm *)record->data)->id);
            if (vm) /* otherwise removed in the same step */
                check_vm(book, vm);
        } else if (record->table == &operation_table) {
            const struct book_op *op = book_op(book, ((const struct operation *)record->data)->id);
            if (op)
                check_op(book, op);
        }
    }
    assert(book->vms_by_id.count == book->vms_count && book->ops_by_id.count == book->ops_count);
}
