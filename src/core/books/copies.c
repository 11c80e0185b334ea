/* Which copies are listed, and that one which is known keeps the time that was said of it first. */
#include "core/books/copies.h"

#include "base/memory.h"

void copies_drop(struct vm *vm) {
    memory_free(vm->copies);
    vm->copies = NULL;
    vm->copies_count = 0;
}

void copies_put_aside(struct vm *vm, const char *root) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < vm->copies_count; i++)
        if (!text_equal(vm->copies[i].root, root))
            vm->copies[kept++] = vm->copies[i];
    vm->copies_count = kept;
    if (!kept)
        copies_drop(vm);
}

void copies_leave(struct vm *vm) { copies_put_aside(vm, ""); }

void copies_add(struct vm *vm, const struct copy *copy) {
    vm->copies = memory_resize(vm->copies, limit_copies * sizeof(*vm->copies));
    if (vm->copies_count == limit_copies) {
        for (uint32_t i = 1; i < limit_copies; i++)
            vm->copies[i - 1] = vm->copies[i];
        vm->copies_count--;
    }
    vm->copies[vm->copies_count++] = *copy;
}

uint64_t copies_ago_ms(uint64_t made_ms, uint64_t wall_ms) {
    return wall_ms > made_ms ? wall_ms - made_ms : 0;
}

const struct copy *copies_newest(const struct vm *vm) {
    const struct copy *newest = vm->copies_count ? &vm->copies[vm->copies_count - 1] : NULL;
    bool is_of_disk = newest && *newest->root && text_equal(newest->image, vm->digest);
    return is_of_disk ? newest : NULL;
}

bool copies_are_lacking(const struct book_vm *vm) {
    bool is_on_its_way = vm->active && *vm->active->record.copy.token; /* made of one by now */
    bool is_none_here = vm->stored.restores && !copies_newest(&vm->record) && !is_on_its_way;
    return vm->record.lacks_copy || is_none_here;
}

void copies_tell(const struct vm *vm, uint64_t wall_ms, uint64_t late_ms, struct facts *out) {
    out->copy_late = vm->copy_late;
    if (!vm->copies_count)
        return;
    out->copies = memory_new(vm->copies_count, sizeof(*out->copies));
    out->copies_count = vm->copies_count;
    for (uint32_t i = 0; i < vm->copies_count; i++) {
        const struct copy *copy = &vm->copies[i];
        out->copies[i] = (struct told_copy){copy->number, copy->bytes,
                                            copies_ago_ms(copy->made_ms, wall_ms) + late_ms,
                                            copy->frozen};
    }
}

static const struct copy *find(const struct vm *vm, uint64_t number) {
    for (uint32_t i = 0; i < vm->copies_count; i++)
        if (vm->copies[i].number == number)
            return &vm->copies[i];
    return NULL;
}

bool copies_learn(struct vm *vm, const struct facts *facts, uint64_t wall_ms) {
    bool changed = vm->copies_count != facts->copies_count ||
                   vm->copy_late != facts->copy_late || vm->lacks_copy != facts->lacks_copy;
    struct copy *now = NULL;
    if (facts->copies_count)
        now = memory_new(facts->copies_count, sizeof(*now));
    for (uint32_t i = 0; i < facts->copies_count; i++) {
        const struct told_copy *told = &facts->copies[i];
        const struct copy *known = find(vm, told->number);
        uint64_t made_ms = wall_ms > told->ago_ms ? wall_ms - told->ago_ms : 1;
        now[i] = known ? *known
                       : (struct copy){.number = told->number, .made_ms = made_ms,
                                       .bytes = told->bytes, .frozen = told->frozen};
        changed |= !known;
    }
    memory_free(vm->copies);
    vm->copies = now;
    vm->copies_count = facts->copies_count;
    vm->copy_late = facts->copy_late;
    vm->lacks_copy = facts->lacks_copy;
    return changed;
}
