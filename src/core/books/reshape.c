/* What a resize sets aside until it has ended, what a place's word changes of that, and which
 * reshaping a VM's disk and snapshots do not allow. */
#include "core/books/reshape.h"

#include <string.h>

#include "base/memory.h"
#include "core/books/amounts.h"
#include "core/books/copies.h"
#include "message/labels.h"
#include "message/records/interface.h"

static uint32_t larger(uint32_t left, uint32_t right) { return left > right ? left : right; }
static uint32_t smaller(uint32_t left, uint32_t right) { return left < right ? left : right; }
static uint32_t growth(uint32_t from, uint32_t to) { return to > from ? to - from : 0; }

bool size_is_zero(const struct size *size) {
    return !size->cpus && !size->memory_mib && !size->disk_gib;
}

struct size size_larger(const struct size *left, const struct size *right) {
    return (struct size){larger(left->cpus, right->cpus),
                         larger(left->memory_mib, right->memory_mib),
                         larger(left->disk_gib, right->disk_gib)};
}

static struct size size_smaller(const struct size *left, const struct size *right) {
    return (struct size){smaller(left->cpus, right->cpus),
                         smaller(left->memory_mib, right->memory_mib),
                         smaller(left->disk_gib, right->disk_gib)};
}

struct size size_growth(const struct size *from, const struct size *to) {
    return (struct size){growth(from->cpus, to->cpus), growth(from->memory_mib, to->memory_mib),
                         growth(from->disk_gib, to->disk_gib)};
}

bool reshape_tells(enum verb verb) {
    return verb == VERB_RESIZE || verb == VERB_REBUILD || verb == VERB_SNAPSHOT ||
           verb == VERB_REVERT || verb == VERB_SNAPSHOT_DELETE || verb == VERB_ALLOW ||
           verb_connects(verb);
}

const struct snapshot *reshape_snapshot(const struct vm *vm, const char *name) {
    for (uint32_t i = 0; i < vm->snapshots_count; i++)
        if (text_equal(vm->snapshots[i].name, name))
            return &vm->snapshots[i];
    return NULL;
}

static enum code resize_refusal(const struct vm *vm, const struct size *to) {
    if (!to->cpus || to->disk_gib < vm->size.disk_gib)
        return CODE_INVALID; /* what is on the end of a disk cannot be taken away */
    return to->disk_gib > vm->size.disk_gib && vm->snapshots_count ? CODE_CONFLICT : CODE_OK;
}

static bool has_memory_kept(const struct vm *vm) {
    bool has = false;
    for (uint32_t i = 0; i < vm->snapshots_count; i++)
        has |= vm->snapshots[i].memory;
    return has;
}

/* A guest whose memory is kept would come back to devices that are not there, or not know others.
 * What is asked for otherwise is what a level above says of it, which may not be what it has. */
static enum code connect_refusal(const struct vm *vm, const struct operation *op) {
    const char *was = vm->networks, *now = op->definition.networks;
    bool adds = op->verb == VERB_INTERFACE_ADD;
    char changed[interfaces_size];
    return interfaces_added(adds ? now : was, adds ? was : now, changed) || has_memory_kept(vm)
               ? CODE_CONFLICT
               : CODE_OK;
}

enum code reshape_refusal(const struct vm *vm, const struct operation *op) {
    const struct snapshot *snapshot = reshape_snapshot(vm, op->snapshot);
    if (op->verb == VERB_RESIZE)
        return resize_refusal(vm, &op->definition.size);
    if (op->verb == VERB_REBUILD)
        return *op->definition.image ? CODE_OK : CODE_INVALID;
    if (verb_connects(op->verb))
        return connect_refusal(vm, op);
    if (!reshape_tells(op->verb) || op->verb == VERB_ALLOW)
        return CODE_OK;
    if (!*op->snapshot)
        return CODE_INVALID;
    if (op->verb == VERB_SNAPSHOT)
        return snapshot                                  ? CODE_CONFLICT
               : vm->snapshots_count >= limit_snapshots ? CODE_FULL
                                                         : CODE_OK;
    if (!snapshot)
        return CODE_NOT_FOUND;
    bool same = snapshot->size.cpus == vm->size.cpus &&
                snapshot->size.memory_mib == vm->size.memory_mib;
    return op->verb == VERB_REVERT && snapshot->memory && !same ? CODE_CONFLICT : CODE_OK;
}

struct size reshape_growth(const struct vm *vm, const struct operation *op) {
    return op->verb == VERB_RESIZE ? size_growth(&vm->size, &op->definition.size)
                                   : (struct size){0};
}

static void put_size(struct book_vm *vm, const struct size *size, struct amounts *used) {
    if (used)
        amounts_remove(used, &vm->record.size);
    vm->record.size = *size;
    if (used)
        amounts_add(used, size);
}

static bool set_size(struct book_vm *vm, const struct size *size, struct amounts *used) {
    if (record_equal(&size_table, size, &vm->record.size))
        return false;
    put_size(vm, size, used);
    return true;
}

void reshape_hold(struct book_vm *vm, struct amounts *used) {
    struct operation *op = &vm->active->record;
    if (op->verb != VERB_RESIZE)
        return;
    op->was = vm->record.size;
    struct size held = size_larger(&op->was, &op->definition.size);
    put_size(vm, &held, used);
}

void reshape_settle(struct book_vm *vm, enum code code, struct amounts *used) {
    const struct operation *op = &vm->active->record;
    if (op->verb != VERB_RESIZE || size_is_zero(&op->was))
        return;
    put_size(vm, &op->was, used);
    if (code == CODE_OK && *op->definition.shape)
        text_set(vm->record.shape, op->definition.shape);
}

static bool is_resizing(const struct book_vm *vm) {
    return vm->active && vm->active->record.verb == VERB_RESIZE &&
           !size_is_zero(&vm->active->record.was);
}

struct facts reshape_facts(const struct book_vm *vm) {
    const struct vm *record = &vm->record;
    struct facts facts = {.size = record->size, .snapshots_count = record->snapshots_count};
    if (record->rebuilt)
        text_set(facts.image, record->digest);
    facts.reallowed = record->reallowed || record->allow;
    facts.allow = memory_text(record->allow);
    facts.snapshots =
        memory_copy(record->snapshots, record->snapshots_count * sizeof(*record->snapshots));
    if (!vm->stored.networks_untold)
        facts.networks = memory_text(record->networks ? record->networks : slot_free);
    return facts;
}

static bool learn_size(struct book_vm *vm, const struct size *told, struct amounts *used) {
    struct size size = size_smaller(told, &vm->record.size);
    if (is_resizing(vm)) {
        struct operation *op = &vm->active->record;
        op->was = size;
        size = size_larger(&size, &op->definition.size);
    }
    return set_size(vm, &size, used);
}

static bool learn_snapshots(struct vm *vm, const struct facts *facts, uint64_t wall_ms) {
    bool changed = vm->snapshots_count != facts->snapshots_count;
    size_t bytes = facts->snapshots_count * sizeof(*facts->snapshots);
    struct snapshot *now = memory_copy(facts->snapshots, bytes);
    for (uint32_t i = 0; i < facts->snapshots_count; i++) {
        const struct snapshot *known = reshape_snapshot(vm, now[i].name);
        now[i].created_ms = known ? known->created_ms : wall_ms;
        changed |= !known || !record_equal(&snapshot_table, known, &now[i]);
    }
    memory_free(vm->snapshots);
    vm->snapshots = now;
    vm->snapshots_count = facts->snapshots_count;
    return changed;
}

void reshape_connect(struct vm *vm, const char *networks) {
    char *now = memory_text(networks); /* it may be what it has */
    memory_free(vm->networks);
    vm->networks = now;
}

void reshape_take_in(struct stored_vm *record, const char *told) {
    record->networks_untold = !*told;
    record->vm.networks =
        *told && !text_equal(told, slot_free) ? (char *)(uintptr_t)told : NULL;
}

static bool learn_networks(struct book_vm *vm, const char *told) {
    struct vm *record = &vm->record;
    const char *now = told && text_equal(told, slot_free) ? NULL : told;
    bool same = now && record->networks ? text_equal(now, record->networks)
                                        : now == record->networks;
    if (!told || (same && !vm->stored.networks_untold))
        return false;
    vm->stored.networks_untold = false;
    reshape_connect(record, now);
    return true;
}

/* The copy that it was to be made from was not whole: it is made from an older one. */
static bool learn_older(struct vm *vm, uint64_t restored_ms) {
    bool is_older = restored_ms && restored_ms < vm->restored_ms;
    if (is_older)
        vm->restored_ms = restored_ms;
    return is_older;
}

/* Its host was lost once more. */
static bool learn_restarts(struct book_vm *of, const struct facts *facts, uint64_t wall_ms) {
    struct vm *vm = &of->record;
    uint64_t restored_ms = !facts->restored_ago_ms            ? 0
                           : wall_ms > facts->restored_ago_ms ? wall_ms - facts->restored_ago_ms
                                                              : 1;
    if (facts->restarts && facts->restarts == of->stored.restarts_told)
        return learn_older(vm, restored_ms);
    if (facts->restarts <= of->stored.restarts_told)
        return false;
    vm->restarts += facts->restarts - of->stored.restarts_told;
    of->stored.restarts_told = facts->restarts;
    vm->restarted_ms =
        wall_ms > facts->restarted_ago_ms ? wall_ms - facts->restarted_ago_ms : 1;
    vm->restored_ms = restored_ms;
    return true;
}

bool reshape_same_rules(const char *left, const char *right) {
    return text_equal(left ? left : "", right ? right : "");
}

bool reshape_learn(struct book_vm *vm, const struct facts *facts, struct amounts *used,
                   uint64_t wall_ms) {
    struct vm *record = &vm->record;
    if (size_is_zero(&facts->size) || (vm->active && vm->active->record.verb == VERB_DEFINE))
        return false;
    bool changed = learn_size(vm, &facts->size, used);
    changed |= learn_snapshots(record, facts, wall_ms);
    changed |= learn_restarts(vm, facts, wall_ms);
    changed |= learn_networks(vm, facts->networks);
    if (*facts->image) {
        changed |= !record->rebuilt || !text_equal(facts->image, record->digest);
        text_set(record->digest, facts->image);
        record->rebuilt = true;
    }
    if (facts->reallowed && !reshape_same_rules(facts->allow, record->allow)) {
        changed = true;
        reshape_allow(record, facts->allow);
    }
    return changed;
}

void reshape_conclude(struct book_vm *vm, const struct result *result,
                      struct amounts *used) {
    struct operation *op = &vm->active->record;
    if (result->code == CODE_OK && size_is_zero(&result->facts.size) && is_resizing(vm))
        op->was = size_smaller(&op->definition.size, &vm->record.size);
    if (result->code == CODE_OK && verb_connects(op->verb) && !result->facts.networks)
        reshape_connect(&vm->record, op->definition.networks);
    reshape_settle(vm, result->code, used);
}

static void drop_snapshots(struct vm *vm) {
    memory_free(vm->snapshots);
    vm->snapshots = NULL;
    vm->snapshots_count = 0;
}

void reshape_rebuilt(struct vm *vm, const char *digest) {
    text_set(vm->digest, digest);
    vm->rebuilt = true;
    drop_snapshots(vm);
}

void reshape_rename(struct vm *vm, const struct definition *rebuilt) {
    if (*rebuilt->name)
        text_set(vm->name, rebuilt->name);
}

void reshape_make_anew(struct book_vm *vm, const struct size *size, struct amounts *used) {
    put_size(vm, size, used);
    vm->record.rebuilt = true;
    drop_snapshots(&vm->record);
    copies_leave(&vm->record);
    vm->record.lacks_copy = false;
}

void reshape_allow(struct vm *vm, const char *allow) {
    char *now = memory_text(allow);
    memory_free(vm->allow);
    vm->allow = now;
    vm->reallowed = true;
}

void reshape_add_snapshot(struct vm *vm, const struct snapshot *snapshot) {
    if (reshape_snapshot(vm, snapshot->name) || vm->snapshots_count >= limit_snapshots)
        return;
    vm->snapshots = memory_resize(vm->snapshots,
                                  (vm->snapshots_count + 1) * sizeof(*vm->snapshots));
    vm->snapshots[vm->snapshots_count++] = *snapshot;
}

void reshape_drop_snapshot(struct vm *vm, const char *name) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < vm->snapshots_count; i++)
        if (!text_equal(vm->snapshots[i].name, name))
            vm->snapshots[kept++] = vm->snapshots[i];
    vm->snapshots_count = kept;
    if (!kept)
        drop_snapshots(vm);
}
