/* What an upstream manager may ask for, and the end of a lending: its VMs are shut down and
 * deleted, then its link is closed. It learns that what it asks is not allowed, and what becomes of
 * its VMs. */
#include "core/downstream/revoke.h"

#include "core/above/uplink.h"
#include "core/below/instruct.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/operations.h"
#include "core/downstream/remake.h"
#include "core/manager/operations.h"
#include "message/labels.h"
#include "message/records/interface.h"

enum { sweep_ms = 1000 };

static bool has_image(const struct lending *lending, const struct definition *definition) {
    const char *images = lending->permissions.images;
    return words_allow(images, definition->image) ||
           (*definition->image_name && words_have(images, definition->image_name));
}

/* Those that it is to have, but for what is there already. */
static bool has_networks(const struct lending *lending, const struct instruct *instruct) {
    bool adds = instruct->verb == VERB_INTERFACE_ADD;
    const struct book_vm *vm = adds ? book_vm(lending->uplink.book, instruct->vm) : NULL;
    char added[interfaces_size], network[limit_name_size];
    const char *rest = interfaces_added(vm ? vm->record.networks : NULL,
                                        instruct->definition.networks, added);
    for (unsigned number = 0; (rest = slots_next(rest, &number, network)); number++)
        if (!words_allow(lending->permissions.networks, network))
            return false;
    return true;
}

/* How many others of its group there are. */
static uint32_t count_group(const struct book *book, const char *asker,
                            const struct instruct *instruct) {
    const struct book_group *group = book_group(book, asker, instruct->definition.group);
    uint32_t count = 0;
    if (!group)
        return 0;
    list_for(const struct book_vm, vm, &group->vms, by_group) {
        count += !text_equal(vm->record.id, instruct->vm);
    }
    return count;
}

/* Such a VM stops when its host is not heard for a while, and takes room twice: its owner says
 * whether there are any. */
static bool may_be_restarted(const struct lending *lending, const struct definition *definition) {
    const char *placing = lending->permissions.placing;
    return definition->on_loss == ON_LOSS_STAY ||
           (words_allow(placing, placing_restart) &&
            (definition->on_loss != ON_LOSS_ANYWHERE || words_allow(placing, placing_anywhere)));
}

/* A VM that finds no host apart from its group tells how many hosts there are, and one that finds
 * none of its labels tells what they are: the owner says how much of that. */
static bool may_be_so_placed(const struct lending *lending, const struct instruct *instruct) {
    const struct permissions *permissions = &lending->permissions;
    const struct definition *definition = &instruct->definition;
    if (definition->host_must && !words_allow(permissions->placing, placing_host_must))
        return false;
    if (!may_be_restarted(lending, definition))
        return false;
    if (!definition->apart)
        return true;
    return words_allow(permissions->placing, placing_apart) &&
           (!permissions->apart_most ||
            count_group(lending->uplink.book, lending->uplink.setting.name, instruct) <=
                permissions->apart_most);
}

bool downstream_allows(const struct lending *lending, const struct instruct *instruct) {
    const struct definition *definition = &instruct->definition;
    if (verb_ends(instruct->verb)) /* it gives back */
        return true;
    if (lending->phase >= LENDING_ENDING ||
        !words_allow(lending->permissions.verbs, verb_names[instruct->verb]))
        return false;
    struct shape shape = {.size = definition->size};
    text_set(shape.name, definition->shape);
    if (instruct->verb == VERB_RESIZE)
        return lending_has_shape(lending, &shape);
    if (instruct->verb == VERB_REBUILD)
        return has_image(lending, definition);
    if (instruct->verb == VERB_INTERFACE_ADD)
        return has_networks(lending, instruct);
    return instruct->verb != VERB_DEFINE ||
           (lending_has_shape(lending, &shape) && has_image(lending, definition) &&
            has_networks(lending, instruct) && may_be_so_placed(lending, instruct));
}

enum obstacle downstream_obstacle(const struct lending *lending, const struct instruct *instruct) {
    const struct definition *definition = &instruct->definition;
    bool makes = instruct->verb == VERB_DEFINE;
    struct shape shape = {.size = definition->size};
    text_set(shape.name, definition->shape);
    if (lending->phase != LENDING_LENT)
        return OBSTACLE_NONE;
    if (!words_allow(lending->permissions.verbs, verb_names[instruct->verb]))
        return OBSTACLE_VERB;
    if ((makes || instruct->verb == VERB_RESIZE) && !lending_has_shape(lending, &shape))
        return OBSTACLE_SHAPE;
    if ((makes || instruct->verb == VERB_REBUILD) && !has_image(lending, definition))
        return OBSTACLE_IMAGE;
    if ((makes || instruct->verb == VERB_INTERFACE_ADD) && !has_networks(lending, instruct))
        return OBSTACLE_NETWORKS;
    return makes && !may_be_restarted(lending, definition) ? OBSTACLE_ON_LOSS : OBSTACLE_NONE;
}

void downstream_revoke(struct lending *lending, uint64_t grace_ms) {
    if (lending->phase >= LENDING_ENDING)
        return;
    lending->phase = LENDING_REVOKED;
    lending->revoked_ms = lending->uplink.moment->wall_ms;
    lending->ends_ms = lending->uplink.moment->wall_ms + grace_ms;
    lending->phase_due_ms = lending->uplink.moment->now_ms + grace_ms;
}

bool downstream_restore(struct lending *lending) {
    if (lending->phase == LENDING_ENDING)
        return false;
    if (lending->phase == LENDING_ENDED)
        uplink_unshut(&lending->uplink);
    lending->phase = LENDING_LENT;
    lending->revoked_ms = lending->ends_ms = 0;
    lending->phase_due_ms = book_never;
    return true;
}

static void shut_down(struct downstream *downstream, struct book_vm *vm) {
    struct book_op *op = downstream_begin_internal(downstream, vm, VERB_SHUTDOWN);
    downlink_instruct(&downstream->manager.downlink, vm);
    book_save_vm(&downstream->manager.book, vm);
    book_save_op(&downstream->manager.book, op);
}

/* One step of a VM toward its end; what is under way for that is waited for. False: nothing is left
 * of it, and it may be out of the books. */
static bool evict(struct downstream *downstream, struct book_vm *vm, enum lending_phase was) {
    bool moves = vm->stored.move;
    struct size reserved = {0};
    downstream_end_move(downstream, vm);
    if (vm->active) {
        enum verb verb = vm->active->record.verb;
        bool ends = vm->active->record.internal || verb == VERB_DELETE;
        if (!moves && ends && verb != VERB_DISCARD) /* that one may wait for long */
            return true;
        reserved = downstream_take_reserved(downstream, vm);
        vm->active->decider = BY_OPERATOR;
        downstream_end(downstream, vm->active, CODE_NOT_ALLOWED);
    } else if (was == LENDING_REVOKED && vm->record.state == VM_RUNNING) {
        shut_down(downstream, vm);
        return true;
    }
    if (!*vm->record.place && *book_destination(vm))
        downstream_follow(downstream, vm);
    if (!*vm->record.place) {
        placement_take(vm); /* from those that wait for their image */
        if (moves) {
            manager_set_state(&downstream->manager, vm, VM_DELETED);
            downstream_bury(downstream, vm);
        }
        return false;
    }
    manager_undo(&downstream->manager, vm, UNDO_NOW);
    vm->active->reserved = reserved; /* until the host has told of it */
    return true;
}

/* Nothing of it is left on any host: out of the books, whether it was settled above or not. */
static void close_lending(struct downstream *downstream, struct lending *lending) {
    const char *name = lending->uplink.setting.name;
    uplink_shut(&lending->uplink);
    list_for(struct book_op, op, &downstream->manager.book.ops, by_age) {
        if (text_equal(op->record.asker, name))
            book_remove_op(&downstream->manager.book, op);
    }
    list_for(struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        if (text_equal(vm->record.asker, name))
            book_remove_vm(&downstream->manager.book, vm);
    }
    lending->phase = LENDING_ENDED;
    lending->phase_due_ms = book_never;
    effects_note(downstream->manager.moment.out, NOTE_INFO, "",
                 "upstream %s is revoked: none of its VMs is left, its link "
                 "is closed",
                 name);
}

void downstream_go_on_revoking(struct downstream *downstream, struct lending *lending) {
    enum lending_phase was = lending->phase;
    bool left = false;
    lending->phase = LENDING_ENDING;
    lending->phase_due_ms = downstream->manager.moment.now_ms + sweep_ms;
    list_for(struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        if (!text_equal(vm->record.asker, lending->uplink.setting.name))
            continue;
        left |= evict(downstream, vm, was);
    }
    if (!left)
        close_lending(downstream, lending);
}
