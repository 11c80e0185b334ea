/* By the manager's own books and clock: which copies begin beside which, and how old the newest is.
 * Who is a host is the world's to say. */
#include "sim/laws/kept/intervals.h"

#include "base/text.h"
#include "core/books/lifecycle.h"
#include "core/downstream/lending.h"
#include "core/role.h"
#include "message/labels.h"
#include "sim/laws/law.h"
#include "sim/world/node.h"

enum { cluster_most = 4, intervals_most = 2, clocks_apart_part = 20, late_ms = 5000 };

static const struct peer *host_of(const struct book *book, const struct vm *vm) {
    const struct manager *manager = container_of(book, struct manager, book);
    return downlink_by_name(&manager->downlink, vm->place);
}

static bool is_being_copied(const struct book_vm *vm) {
    return vm->active && vm->active->record.internal && vm->active->record.verb == VERB_COPY;
}

static void check_begun(struct sim_world *world, const struct sim_node *node, const char *vm_id) {
    const struct book *book = role_book(node->role);
    const struct book_vm *begun = book_vm(book, vm_id);
    uint32_t at_host = 0, in_all = 0;
    if (!begun || !is_being_copied(begun))
        return;
    list_for(const struct book_vm, vm, &book->vms, by_age) {
        const struct peer *host = host_of(book, &vm->record);
        if (!is_being_copied(vm))
            continue;
        at_host += text_equal(vm->record.place, begun->record.place);
        in_all += host && host->state == PEER_UP;
    }
    if (at_host > 1 || in_all > cluster_most)
        law_fail(world, "copies take turns", "%s copies %s beside %u at its host, %u in all",
                 node->name, vm_id, at_host - 1, in_all - 1);
}

void intervals_check(struct sim_world *world, const struct sim_node *node,
                     const struct effects *effects) {
    uint64_t wall_ms = node_wall_ms(world, node);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        const struct operation *op = effect->record.data;
        if (effect->kind != EFFECT_SAVE || effect->record.table != &operation_table ||
            op->verb != VERB_COPY || !op->internal)
            continue;
        world->stats.scheduled += *op->copied.root && !op->ended_ms;
        if (op->created_ms == wall_ms)
            check_begun(world, node, op->vm);
    }
}

/* Is it this manager that copies it, on a host that it has heard since its start? */
static bool is_own(const struct sim_world *world, const struct book *book, const struct vm *vm) {
    const struct sim_node *place = node_named(world, vm->place);
    const struct peer *host = host_of(book, vm);
    return place && host && host->has_spoken && place->settings.kind == ROLE_AGENT;
}

static const struct copy *newest_of(const struct vm *vm) {
    const struct copy *newest = vm->copies_count ? &vm->copies[vm->copies_count - 1] : NULL;
    return newest && text_equal(newest->image, vm->digest) ? newest : NULL;
}

/* Of one that was rebuilt nobody but its manager knows since when its disk is another. */
static void check_told(struct sim_world *world, const struct sim_node *node,
                       const struct vm *vm) {
    const struct copy *newest = newest_of(vm);
    uint64_t since_ms = newest ? newest->made_ms : vm->created_ms;
    uint64_t age_ms = node_wall_ms(world, node) - since_ms, most_ms = vm->copy_max_age_s * 1000ULL;
    uint64_t apart_ms = most_ms / clocks_apart_part + late_ms;
    bool is_certain = newest || !vm->rebuilt;
    if (vm->copy_late && age_ms + apart_ms < most_ms)
        law_fail(world, "late is told", "%s says that copies of %s are late, the newest is of "
                 "%llu ms ago", node->name, vm->id, (unsigned long long)age_ms);
    if (!vm->copy_late && is_certain && age_ms > most_ms + apart_ms)
        law_fail(world, "late is told", "%s does not say that copies of %s are late, the newest "
                 "is of %llu ms ago", node->name, vm->id, (unsigned long long)age_ms);
}

void intervals_check_minute(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct sim_node *node = world->nodes[i];
        if (node->settings.kind != ROLE_DOWNSTREAM || !node_serves(node) ||
            node->stands_until_ms > world->now_ms)
            continue;
        const struct book *book = role_book(node->role);
        list_for(const struct book_vm, vm, &book->vms, by_age) {
            const struct vm *record = &vm->record;
            world->stats.late += record->copy_late;
            if (record->copy_max_age_s && lifecycle_is_made(record->state) &&
                is_own(world, book, record))
                check_told(world, node, record);
        }
    }
}

/* Nothing but the schedule stands in the way. */
static bool may_be_copied(const struct sim_world *world, const struct book *book,
                          const struct book_vm *vm) {
    const struct manager *manager = container_of(book, struct manager, book);
    const struct downstream *downstream = container_of(manager, struct downstream, manager);
    const struct lending *lending = downstream_lending(downstream, vm->record.asker);
    return is_own(world, book, &vm->record) && lending && lending->phase == LENDING_LENT &&
           words_allow(lending->permissions.verbs, verb_names[VERB_COPY]) &&
           lifecycle_permits(VERB_COPY, vm->record.state) && !manager->disk_full;
}

bool intervals_are_kept(const struct sim_world *world, const struct sim_node *node, char *what,
                        size_t size) {
    if (node->settings.kind != ROLE_DOWNSTREAM || !world->settings.intervals)
        return true;
    const struct book *book = role_book(node->role);
    list_for(const struct book_vm, vm, &book->vms, by_age) {
        const struct copy *newest = newest_of(&vm->record);
        uint64_t age_ms = node_wall_ms(world, node) - (newest ? newest->made_ms : 0);
        uint64_t every_ms = vm->record.copy_every_s * 1000ULL;
        if (!every_ms || !may_be_copied(world, book, vm) || age_ms <= intervals_most * every_ms)
            continue;
        text_format(what, size, "%s: %s has no copy of the last %llu ms", node->name,
                    vm->record.id, (unsigned long long)(intervals_most * every_ms));
        return false;
    }
    return true;
}
