/* Which word of a place is about what is under way, which is late and still true, and which is
 * of something else. */
#include "core/below/reports.h"

#include "core/below/peer.h"
#include "core/books/lifecycle.h"

/* Is what is under way on it for this peer? */
static bool is_asked(const struct book_vm *vm, const struct peer *peer) {
    return text_equal(book_asked_place(vm), peer->setting.name);
}

static bool stands_at(const struct book_vm *vm, const struct peer *peer) {
    return text_equal(vm->record.place, peer->setting.name);
}

static bool place_is_gone(const struct downlink *downlink, const struct vm *vm) {
    return *vm->place && !downlink_by_name(downlink, vm->place);
}

/* What is under way there is instructed again at once. */
static void move_in(struct peer *peer, struct book_vm *vm) {
    text_set(vm->record.place, peer->setting.name);
    list_add(&peer->vms, &vm->by_place);
    book_save_vm(peer->downlink->book, vm);
    if (!vm->active)
        return;
    vm->active->resend_ms = 0;
    book_schedule(peer->downlink->book, vm->active);
}

struct book_vm *downlink_reported(struct peer *peer, const struct vm_report *report) {
    struct downlink *downlink = peer->downlink;
    struct book_vm *vm = book_vm(downlink->book, report->vm);
    uint32_t epoch = vm ? vm->record.place_epoch : 0;
    bool restored = report->epoch < epoch && !vm->active && !vm->stored.move;
    if (report->epoch != epoch && !restored)
        return NULL;
    if (place_is_gone(downlink, &vm->record) && !restored)
        move_in(peer, vm);
    if (!stands_at(vm, peer))
        return NULL;
    vm->sync_round = peer->sync_round;
    return vm;
}

bool downlink_is_outdated(const struct peer *peer, const struct book_vm *vm,
                          uint64_t generation) {
    return vm->asked_in == peer->session.number && generation < vm->asked;
}

void downlink_mark_heard(const struct peer *peer, struct book_vm *vm, const struct facts *facts) {
    vm->asked_in = 0;
    if (facts->size.cpus)
        vm->heard_in = peer->session.number;
}

bool downlink_never_came(const struct downlink *downlink, const struct book_vm *vm) {
    const struct peer *peer = downlink_by_name(downlink, book_asked_place(vm));
    if (!vm->active->attempts && !vm->active->loaded)
        return true;
    return peer && peer_is_up(peer) && vm->heard_in == peer->session.number;
}

bool downlink_is_unreported(const struct peer *peer, const struct book_vm *vm) {
    return vm->sync_round != peer->sync_round && !vm->active;
}

/* A level's own steps are its own to tell; those below tell of these. */
static bool is_step_below(enum step step) {
    return step >= STEP_TAKEN && step != STEP_ENDED && !step_is_aside(step);
}

static void tell(const struct peer *peer, struct book_op *op, enum step step) {
    (void)book_tell(op, &(struct timeline_entry){.at_ms = peer->downlink->moment->wall_ms,
                                                 .step = step,
                                                 .by = BY_PLACE});
}

struct book_op *downlink_progress(struct peer *peer, const struct progress *progress) {
    struct downlink *downlink = peer->downlink;
    struct book_op *op = book_op(downlink->book, progress->op);
    struct book_vm *vm = op ? book_vm(downlink->book, op->record.vm) : NULL;
    if (!vm || !vm->active || !is_asked(vm, peer) || !is_step_below(progress->step))
        return NULL;
    /* What superseded a definition has its reservation: the word of it that was on its way. */
    if (vm->active == op || op->record.code == CODE_SUPERSEDED)
        downlink_reflect(peer, vm->active);
    if (vm->active != op)
        return NULL;
    tell(peer, op, progress->step);
    return op;
}

enum downlink_outcome downlink_result(struct peer *peer, const struct result *result) {
    downlink_settle(peer, result->op);
    struct book_vm *vm = book_vm(peer->downlink->book, result->vm);
    if (!vm || !is_asked(vm, peer))
        return OUTCOME_FOREIGN;
    if (!vm->active)
        return OUTCOME_LATE; /* even of an older instruction: its state is the VM's, now */
    if (vm->record.place_generation != result->generation ||
        !text_equal(vm->active->record.id, result->op))
        return OUTCOME_FOREIGN;
    if (result->code != CODE_OK && is_step_below(result->step))
        tell(peer, vm->active, result->step);
    vm->active->decider = BY_PLACE;
    return OUTCOME_ENDS;
}

bool downlink_is_undone(const struct result *result) {
    return result->state == VM_FAILED || result->state == VM_DELETED || result->state == VM_LOST;
}

enum code downlink_code(enum verb verb, const struct result *result) {
    if (verb == VERB_DEFINE && result->code == CODE_OK && !lifecycle_is_made(result->state))
        return CODE_HOST_FAILED;
    return result->code;
}
