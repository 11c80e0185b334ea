/* A VM goes from one host to another while it runs. Its disk and memory are copied; its guest
 * stands still from the end of that until its new host has been told to let it go on.
 *
 *   NONE --> RECEIVING --ready--> MIGRATING --it has gone--> ADOPTING --it runs--> NONE
 *               |                     |  ^                      |  ^
 *               |                     |  '- no word, or busy    |  '- no word, or it stands still
 *               '-- not ready         '-- it is still there     '-- it is lost, or is off
 *                       '---------> NONE, with a rest on the destination, which is discarded
 *
 * Law 5 holds since the guest runs in one place at any moment, whatever is lost or crashes: where
 * it came from, it may run as long as that host has its domain; where it goes to, it stands still
 * until that host has said, from its disk, that it is gone there (effect.h, JOB_MIGRATE). Nothing
 * is discarded at the destination before the old host has said that the VM is still there and that
 * nothing goes on: otherwise it might be all that there is of it.
 *
 * RECEIVING, MIGRATING: it is at its old host, in every respect. ADOPTING: at its new one. A delete
 * goes to the old host first, then to the destination. At each moment one operation of ours is on
 * it, on disk together with the phase; a discard gives way to what is asked for, and comes back. */
#include "core/downstream/migrate.h"

#include "base/memory.h"
#include "core/below/instruct.h"
#include "core/below/reports.h"
#include "core/downstream/lending.h"
#include "core/downstream/operations.h"
#include "core/downstream/remake.h"
#include "core/downstream/share.h"
#include "core/manager/operations.h"
#include "message/labels.h"

enum placement downstream_choose_live(const struct downstream *downstream,
                                      const struct book_vm *vm, struct peer **out_peer) {
    const struct definition *definition = &downstream_vm(vm)->template->definition;
    struct placing placing = {.rule = definition->apart ? GROUP_APART_CLUSTERS : GROUP_ANYHOW,
                              .must = definition->host_must, .prefer = definition->host_prefer};
    struct placement_wish wish = {
        .size = &vm->record.size,
        .placing = &placing,
        .version = slots_are_free(vm->record.networks) ? protocol_version_interfaces
                   : vm->record.allow                  ? protocol_version_allow
                                                       : machine_version(&definition->machine),
        .live = true,
        .leased = definition->on_loss,
        .networks = vm->record.networks,
        .group = book_group(&downstream->manager.book, vm->record.asker, vm->record.group)};
    *out_peer = NULL;
    if (downstream_is_kept(downstream, vm, &vm->record.size))
        return PLACEMENT_NO_ROOM;
    return placement_choose(&downstream->manager.downlink, &wish, out_peer);
}

enum sending { SEND_NOW, SEND_LATER };

/* The VM's active operation, which has just begun: written, and sent now or after a pause. */
static void send(struct downstream *downstream, struct book_vm *vm, enum sending when) {
    if (when == SEND_NOW) {
        downlink_instruct(&downstream->manager.downlink, vm);
    } else {
        vm->active->resend_ms = downstream->manager.moment.now_ms + manager_pause_ms;
        book_schedule(&downstream->manager.book, vm->active);
    }
    book_save_vm(&downstream->manager.book, vm);
    book_save_op(&downstream->manager.book, vm->active);
}

void downstream_migrate(struct downstream *downstream, struct book_vm *vm, const struct peer *to) {
    effects_note(downstream->manager.moment.out, NOTE_INFO, "",
                 "VM %s is to go from host %s to host %s while it runs", vm->record.id,
                 vm->record.place, to->setting.name);
    book_set_destination(vm, to->setting.name);
    downstream_set_move(downstream, vm, MOVE_RECEIVING);
    struct book_op *op = downstream_begin_internal(downstream, vm, VERB_RECEIVE);
    downstream_describe(vm, &op->record.definition);
    send(downstream, vm, SEND_NOW);
}

static void forget_rest(struct downstream *downstream, struct book_vm *vm) {
    book_set_destination(vm, NULL);
    list_remove(&downstream_vm(vm)->by_move);
    book_save_vm(&downstream->manager.book, vm);
}

/* It stays where it is. What its destination has of it is left there. */
static void stay(struct downstream *downstream, struct book_vm *vm, enum code code) {
    downstream_vm(vm)->failures++;
    effects_note(downstream->manager.moment.out, NOTE_WARNING, vm->active->record.id,
                 "VM %s stays on host %s: going to %s "
                 "while it runs failed, %s",
                 vm->record.id, vm->record.place, book_destination(vm), code_names[code]);
    downstream_vm(vm)->failed_ms = downstream->manager.moment.now_ms + 1;
    downstream_end(downstream, vm->active, code);
    downstream_end_move(downstream, vm);
    book_save_vm(&downstream->manager.book, vm);
}

/* What its old host is to compare with what it has: a disk of another image would be spoilt, and
 * rules and interfaces that changed meanwhile would be forgotten. An older one has the interfaces
 * that its VM was made with. */
static struct definition made_ready(const struct downstream *downstream, const struct book_vm *vm) {
    const struct definition *definition = &vm->active->record.definition;
    const struct peer *old =
        downlink_by_name(&downstream->manager.downlink, vm->record.place);
    struct definition ready = {.size = definition->size,
                               .machine = definition->machine,
                               .allow = memory_text(definition->allow)};
    if (old && !peer_is_old(old, protocol_version_interfaces))
        ready.networks = memory_text(definition->networks ? definition->networks : slot_free);
    text_set(ready.name, definition->name);
    text_set(ready.image, definition->image);
    return ready;
}

/* Where VMs come to at the host, by its owner's configuration. */
static struct landing configured(const struct peer *peer, uint32_t epoch) {
    return (struct landing){.epoch = epoch,
                            .uri = memory_text(peer->setting.migration_uri),
                            .folder = memory_text(peer->setting.migration_folder)};
}

/* Does the host say what its owner says? What a host says is never passed on: its words would be
 * another host's to obey. */
static bool is_as_configured(const struct peer *peer, const struct landing *told) {
    const struct peer_setting *setting = &peer->setting;
    return told->uri && told->folder && setting->migration_uri && setting->migration_folder &&
           text_equal(told->uri, setting->migration_uri) &&
           text_equal(told->folder, setting->migration_folder);
}

static void on_ready(struct downstream *downstream, struct book_vm *vm,
                     const struct peer *peer) {
    struct definition ready = made_ready(downstream, vm);
    downstream_end(downstream, vm->active, CODE_OK);
    downstream_set_move(downstream, vm, MOVE_MIGRATING);
    struct book_op *op = downstream_begin_internal(downstream, vm, VERB_MIGRATE);
    op->record.definition = ready;
    op->record.landing = configured(peer, vm->record.place_epoch + 1);
    send(downstream, vm, SEND_NOW);
}

static void on_receive_result(struct downstream *downstream, struct book_vm *vm,
                              const struct result *result) {
    const struct peer *peer =
        downlink_by_name(&downstream->manager.downlink, book_destination(vm));
    bool is_right = peer && is_as_configured(peer, &result->landing);
    if (result->code == CODE_OK && is_right) {
        on_ready(downstream, vm, peer);
        return;
    }
    if (result->code == CODE_OK)
        effects_note(downstream->manager.moment.out, NOTE_WARNING, vm->active->record.id,
                     "host %s says another migration_uri or folder than its [agent] section "
                     "here: nothing is sent there; make both the same, or look at that host",
                     book_destination(vm));
    stay(downstream, vm, result->code == CODE_OK ? CODE_INVALID : result->code);
    if (downlink_is_undone(result))
        forget_rest(downstream, vm);
}

void downstream_follow(struct downstream *downstream, struct book_vm *vm) {
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, book_destination(vm));
    placement_take(vm);
    text_set(vm->record.place, book_destination(vm));
    book_set_destination(vm, NULL);
    vm->record.place_epoch++;
    downstream_vm(vm)->stays = STAY_UNDECIDED;
    list_remove(&downstream_vm(vm)->by_move);
    if (peer)
        list_add(&peer->vms, &vm->by_place);
}

static void adopt(struct downstream *downstream, struct book_vm *vm) {
    downstream_end(downstream, vm->active, CODE_OK);
    downstream_follow(downstream, vm);
    downstream_set_move(downstream, vm, MOVE_ADOPTING);
    (void)downstream_begin_internal(downstream, vm, VERB_ADOPT);
    send(downstream, vm, SEND_NOW);
}

/* Its host does not know yet, or has not begun. */
static bool is_no_answer(enum code code) {
    return code == CODE_BUSY || code == CODE_STALE || code == CODE_SHUTTING_DOWN;
}

static void on_migrate_result(struct downstream *downstream, struct book_vm *vm,
                              const struct result *result) {
    if (result->code == CODE_OK || result->code == CODE_LOST || downlink_is_undone(result)) {
        adopt(downstream, vm); /* what is there says whether it has come */
    } else if (is_no_answer(result->code)) {
        send(downstream, vm, SEND_LATER);
    } else {
        stay(downstream, vm, result->code);
        manager_set_state(&downstream->manager, vm, result->state);
    }
}

static void on_adopt_result(struct downstream *downstream, struct book_vm *vm,
                            const struct result *result) {
    bool gone = downlink_is_undone(result);
    if (is_no_answer(result->code) || (result->code != CODE_OK && result->state == VM_PAUSED)) {
        downstream_end(downstream, vm->active, result->code);
        (void)downstream_begin_internal(downstream, vm, VERB_ADOPT);
        send(downstream, vm, SEND_LATER);
        return;
    }
    effects_note(downstream->manager.moment.out, result->code == CODE_OK ? NOTE_INFO : NOTE_WARNING,
                 vm->active->record.id, "VM %s has come to host %s: %s, %s", vm->record.id,
                 vm->record.place, code_names[result->code], vm_state_names[result->state]);
    downstream_end(downstream, vm->active, result->code);
    downstream_end_move(downstream, vm);
    manager_set_state(&downstream->manager, vm, gone ? VM_LOST : result->state);
    book_save_vm(&downstream->manager.book, vm);
}

void downstream_on_live_result(struct downstream *downstream, const struct result *result) {
    struct book_vm *vm = book_vm(&downstream->manager.book, result->vm);
    if (vm->stored.move == MOVE_RECEIVING)
        on_receive_result(downstream, vm, result);
    else if (vm->stored.move == MOVE_MIGRATING)
        on_migrate_result(downstream, vm, result);
    else
        on_adopt_result(downstream, vm, result);
}

void downstream_on_live_due(struct downstream *downstream, struct book_op *op) {
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    if (op->deadline_ms > downstream->manager.moment.now_ms) {
        downlink_instruct(&downstream->manager.downlink, vm);
    } else if (op->record.verb == VERB_RECEIVE) {
        stay(downstream, vm, CODE_DEADLINE);
        downstream_drain_soon(downstream);
    } else { /* whatever became of it, its host alone can say */
        enum verb verb = op->record.verb;
        struct definition ready = made_ready(downstream, vm);
        struct landing landing;
        record_clone(&landing_table, &op->record.landing, &landing);
        downstream_end(downstream, op, CODE_DEADLINE);
        op = downstream_begin_internal(downstream, vm, verb);
        op->record.landing = landing;
        op->record.definition = ready;
        send(downstream, vm, SEND_NOW);
    }
}

/* --- what is left on a destination --- */

static void discard(struct downstream *downstream, struct book_vm *vm, enum sending when) {
    (void)downstream_begin_internal(downstream, vm, VERB_DISCARD);
    send(downstream, vm, when);
}

void downstream_discard_rests(struct downstream *downstream) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &downstream->rests) {
        struct book_vm *vm = &container_of(node, struct downstream_vm, by_move)->base;
        if (!vm->active && vm->record.state != VM_DELETING) /* whose delete comes there itself */
            discard(downstream, vm, SEND_NOW);
    }
}

void downstream_on_discarded(struct downstream *downstream, const struct result *result) {
    struct book_vm *vm = book_vm(&downstream->manager.book, result->vm);
    downstream_end(downstream, vm->active, result->code);
    if (result->code == CODE_OK)
        forget_rest(downstream, vm);
    else
        discard(downstream, vm, SEND_LATER);
    downstream_drain_soon(downstream);
}

struct size downstream_take_reserved(struct downstream *downstream, struct book_vm *vm) {
    if (vm && vm->active && verb_is_ahead(vm->active->record.verb)) {
        struct peer *peer = downlink_by_name(&downstream->manager.downlink, book_destination(vm));
        if (peer)
            downlink_reflect(peer, vm->active);
    }
    return book_take_reserved(vm ? vm->active : NULL);
}

static void instruct_again(struct downstream *downstream, struct list *vms,
                           const struct peer *peer) {
    struct list *node = NULL, *next = NULL;
    list_each(node, next, vms) {
        struct book_vm *vm = &container_of(node, struct downstream_vm, by_move)->base;
        if (vm->active && verb_is_ahead(vm->active->record.verb) &&
            text_equal(book_destination(vm), peer->setting.name))
            downlink_instruct_again(&downstream->manager.downlink, vm);
    }
}

void downstream_on_destination_opened(struct downstream *downstream, const struct peer *peer) {
    instruct_again(downstream, &downstream->moving, peer);
    instruct_again(downstream, &downstream->rests, peer);
}

/* Nothing is left there, by the owner's word. What migrates there has its old host's answer still
 * to come. */
void downstream_write_off_destination(struct downstream *downstream, const struct peer *peer) {
    struct list *lists[] = {&downstream->moving, &downstream->rests};
    for (size_t i = 0; i < array_size(lists); i++) {
        struct list *node = NULL, *next = NULL;
        list_each(node, next, lists[i]) {
            struct book_vm *vm = &container_of(node, struct downstream_vm, by_move)->base;
            if (!text_equal(book_destination(vm), peer->setting.name) ||
                vm->stored.move == MOVE_MIGRATING)
                continue;
            if (vm->active && verb_is_ahead(vm->active->record.verb))
                downstream_end(downstream, vm->active, CODE_LOST);
            downstream_end_move(downstream, vm);
            forget_rest(downstream, vm);
        }
    }
}
