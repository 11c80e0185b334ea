/* What a place's word of a VM is worth here, and which VMs of a place are lost. */
#include "core/manager/reports.h"

#include "core/below/instruct.h"
#include "core/below/reports.h"
#include "core/books/ips.h"
#include "core/manager/leftovers.h"
#include "core/manager/operations.h"
#include "core/manager/reads.h"
#include "core/manager/recover.h"
#include "core/manager/streams.h"

void manager_learn_state(struct manager *manager, struct book_vm *vm, enum vm_state state) {
    bool gone = state == VM_DELETED || state == VM_FAILED;
    bool deleting = vm->record.state == VM_DELETING;
    if (vm->stored.move && vm->stored.move != MOVE_RECEIVING) /* it is what it was until then */
        return;
    if (vm->active && vm->active->record.verb == VERB_DEFINE)
        return;
    if (deleting && (gone || state == VM_LOST) && !vm->active)
        manager->kind->on_gone(manager, vm);
    else if (!deleting && state != VM_DELETING && state != VM_PENDING)
        manager_set_state(manager, vm, gone ? VM_LOST : state);
}

static void learn_unheard(struct manager *manager, struct book_vm *vm, uint64_t for_ms) {
    uint64_t wall_ms = manager->moment.wall_ms;
    if (!for_ms == !vm->record.unheard_ms)
        return;
    vm->record.unheard_ms = !for_ms ? 0 : wall_ms > for_ms ? wall_ms - for_ms : 1;
    book_save_vm(&manager->book, vm);
}

/* A manager whose store was restored has asked for more than it knows: what it asks for next is to
 * be newer than that. */
static void catch_up(struct manager *manager, struct book_vm *vm, uint64_t generation) {
    if (generation <= vm->record.place_generation || generation >= session_number_most)
        return;
    vm->record.place_generation = generation;
    book_save_vm(&manager->book, vm);
}

static void learn_ips(struct manager *manager, struct book_vm *vm,
                      const struct vm_report *report) {
    bool forgets = report->no_ips && vm->record.ips_count;
    if (!forgets && !ips_learn(&vm->record, report->ips, report->ips_count))
        return;
    if (forgets)
        ips_drop(&vm->record);
    book_save_vm(&manager->book, vm);
    if (manager->kind->on_ips)
        manager->kind->on_ips(manager, vm);
}

/* False: no VM that is known to be there. */
static bool on_vm(struct manager *manager, struct peer *peer, const struct vm_report *report) {
    struct book_vm *vm = downlink_reported(peer, report);
    if (!vm)
        return false;
    catch_up(manager, vm, report->generation);
    if (!downlink_is_outdated(peer, vm, report->generation)) {
        downlink_mark_heard(peer, vm, &report->facts);
        manager->kind->on_facts(manager, vm, &report->facts);
    }
    learn_unheard(manager, vm, report->unheard_ms);
    manager_learn_state(manager, vm, report->state);
    vm = book_vm(&manager->book, report->vm); /* it may have gone with that */
    if (vm)
        learn_ips(manager, vm, report);
    return true;
}

/* Is the place that VM's destination, or has it a rest of it? */
static bool is_expected(const struct manager *manager, const struct peer *peer,
                        const struct vm_report *report) {
    const struct book_vm *vm = book_vm(&manager->book, report->vm);
    return (vm && text_equal(book_destination(vm), peer->setting.name)) ||
           recover_evicts(manager, peer, report->vm);
}

static void on_table(struct manager *manager, struct peer *peer, const struct vm_table *table) {
    if (table->first) {
        peer->sync_round++;
        peer->table_is_torn = false;
    }
    for (uint32_t i = 0; i < table->vms_count; i++)
        if (!on_vm(manager, peer, &table->vms[i]) && !is_expected(manager, peer, &table->vms[i]))
            leftovers_hear(manager, peer, &table->vms[i]);
    if (!table->last || peer->table_is_torn) /* what is missing may have been in the piece */
        return;
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        if (downlink_is_unreported(peer, vm))
            manager_learn_state(manager, vm, VM_LOST);
    }
    leftovers_sweep(peer);
}

static void on_progress(struct manager *manager, struct peer *peer,
                        const struct progress *progress) {
    struct book_op *op = downlink_progress(peer, progress);
    book_save_long(&manager->book, op);
    if (op && manager->kind->on_progress)
        manager->kind->on_progress(manager, op, progress->step);
}

static void on_result(struct manager *manager, struct peer *peer, const struct result *result) {
    struct book_vm *vm = book_vm(&manager->book, result->vm);
    if (recover_on_result(manager, peer, result))
        return;
    if (vm && text_equal(vm->record.place, peer->setting.name) && /* whichever operation it ends */
        !downlink_is_outdated(peer, vm, result->generation)) {
        downlink_mark_heard(peer, vm, &result->facts);
        manager->kind->on_facts(manager, vm, &result->facts);
    }
    if (leftovers_on_result(manager, peer, result))
        return;
    switch (downlink_result(peer, result)) {
    case OUTCOME_FOREIGN:
        return;
    case OUTCOME_LATE:
        manager_learn_state(manager, vm, result->state);
        return;
    case OUTCOME_ENDS:
        vm->active->record.obstacle = result->code == CODE_OK ? OBSTACLE_NONE : result->obstacle;
        manager->kind->on_result(manager, peer, result);
        return;
    }
}

static void on_opened(struct manager *manager, struct peer *peer) {
    recover_on_opened(manager, peer);
    list_for(struct book_vm, vm, &peer->vms, by_place) {
        if (vm->active && !verb_is_ahead(vm->active->record.verb))
            downlink_instruct_again(&manager->downlink, vm);
        else if (!vm->active && vm->record.state == VM_DELETING)
            manager_undo(manager, vm, UNDO_NOW);
    }
    manager->kind->on_opened(manager, peer);
}

/* It is not applied, and those beside it are: whoever runs the peer has to hear of it. */
static void on_unreadable(struct manager *manager, struct peer *peer,
                          const struct codec_fault *fault) {
    peer->table_is_torn = true;
    if (effects_worth_noting(++peer->unreadable))
        effects_note(manager->moment.out, NOTE_WARNING, "",
                     "%s %s has said %llu messages that cannot be read here, and are not applied; "
                     "the last: %s %s",
                     manager->kind->place, peer->setting.name,
                     (unsigned long long)peer->unreadable, fault->field, fault->text);
}

static void on_usages(struct manager *manager, const struct peer *peer,
                      const struct usages *usages) {
    for (uint32_t i = 0; i < usages->vms_count; i++) {
        struct book_vm *vm = book_vm(&manager->book, usages->vms[i].vm);
        if (vm && text_equal(vm->record.place, peer->setting.name) &&
            vm->record.place_epoch == usages->vms[i].epoch)
            manager->kind->on_usage(manager, vm, &usages->vms[i].usage);
    }
}

static void on_message(struct manager *manager, struct peer *peer, const struct message *message) {
    downlink_on_message(peer, message);
    if (message->kind == MESSAGE_UNREADABLE)
        on_unreadable(manager, peer, &message->unreadable);
    else if (message->kind == MESSAGE_VM)
        (void)on_vm(manager, peer, &message->vm);
    else if (message->kind == MESSAGE_TABLE)
        on_table(manager, peer, &message->table);
    else if (message->kind == MESSAGE_PROGRESS)
        on_progress(manager, peer, &message->progress);
    else if (message->kind == MESSAGE_RESULT)
        on_result(manager, peer, &message->result);
    else if (message->kind == MESSAGE_READING)
        reads_on_answer(manager, peer, &message->reading);
    else if (message->kind == MESSAGE_USAGES)
        on_usages(manager, peer, &message->usages);
    else if (message->kind == MESSAGE_OPENED)
        streams_on_opened(manager, peer, &message->opened);
    else if (message->kind == MESSAGE_CAPACITY && manager->kind->on_capacity)
        manager->kind->on_capacity(manager, peer);
}

void manager_on_frame(struct manager *manager, struct peer *peer, const struct event *event) {
    const struct frame *frame = event->frame.frame;
    switch (downlink_on_frame(peer, event)) {
    case DOWNLINK_NOTHING:
        return;
    case DOWNLINK_OPENED:
        on_opened(manager, peer);
        return;
    case DOWNLINK_MESSAGES:
        for (uint32_t i = peer->session.fresh; i < frame->messages_count; i++)
            on_message(manager, peer, &frame->messages[i]);
        return;
    }
}
