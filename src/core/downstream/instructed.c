/* In which order an instruction is held against permissions, the backlog and the owner's limits,
 * and who is said to have refused it. */
#include "core/downstream/instructed.h"

#include "base/memory.h"
#include "core/above/instruct.h"
#include "core/above/uplink.h"
#include "core/below/placement.h"
#include "core/below/turns.h"
#include "core/books/amounts.h"
#include "core/books/reshape.h"
#include "core/downstream/copy/copy.h"
#include "core/downstream/copy/schedule.h"
#include "core/downstream/lending.h"
#include "core/downstream/migrate.h"
#include "core/downstream/moves.h"
#include "core/downstream/operations.h"
#include "core/downstream/remake.h"
#include "core/downstream/revoke.h"
#include "core/downstream/share.h"
#include "core/manager/operations.h"
#include "core/manager/reads.h"
#include "core/manager/recover.h"
#include "core/manager/streams.h"

enum { progress_after_ms = 1000 }; /* short operations tell their result alone */

static void learn_shapes(struct downstream *downstream, struct lending *lending) {
    const struct shape *lacks = downstream_learn_shapes(downstream, lending);
    if (lacks && effects_worth_noting(++lending->uncounted))
        effects_note(downstream->manager.moment.out, NOTE_WARNING, "",
                     "upstream %s brings more shapes than its share of the %d that can be counted; "
                     "VMs of shape %s, and of more, find no room here",
                     lending->uplink.setting.name, limit_shapes, lacks->name);
}

static void begin_define(struct downstream *downstream, struct lending *lending,
                         struct book_vm *vm) {
    bool permitted =
        amounts_exceeded(&lending->limits, &lending->used, &vm->record.size) == AMOUNT_NONE;
    downstream_count(downstream, vm);
    vm->active->record.copy = (struct copy_order){0}; /* of a block store above: not ours */
    vm->active->decider = permitted ? BY_MANAGER : BY_OPERATOR; /* whose limits they are */
    downstream_keep_template(downstream, vm, &vm->active->record.definition);
    if (permitted && downstream->manager.disk_full)
        book_say_why(vm->active, "the disk of this manager is full");
    if (permitted && !downstream->manager.disk_full) {
        downstream_await_image(downstream, lending, vm);
        return;
    }
    if (!permitted)
        placement_hinder(&vm->active->record, HINDRANCE_LIMITS, NULL);
    downstream_end(downstream, vm->active, CODE_NO_CAPACITY);
}

/* Law 3: the owner's limits, and what is kept for others, are held against what the VM grows by. */
static bool permits(const struct downstream *downstream, const struct lending *lending,
                    const struct book_vm *vm, const struct size *growth) {
    return amounts_outgrown(&lending->limits, &lending->used, growth) == AMOUNT_NONE &&
           (size_is_zero(growth) || !downstream_is_kept(downstream, vm, growth));
}

/* An older host would not see such first-boot data, keys or machine, and keep what the VM was made
 * with; or that its guest is not to be asked, and ask it; or not know that rules can change. A
 * resize keeps the machine anyway. */
static bool is_beyond(const struct downstream *downstream, const struct book_vm *vm) {
    const struct peer *host = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    const struct operation *op = &vm->active->record;
    return host &&
           ((op->verb != VERB_RESIZE && peer_is_old(host, instruct_version(&op->definition))) ||
            (op->hard && peer_is_old(host, protocol_version_reset)) ||
            (op->verb == VERB_ALLOW && peer_is_old(host, protocol_version_reallow)) ||
            (verb_connects(op->verb) && peer_is_old(host, protocol_version_interfaces)));
}

/* What has a host goes on there. */
static void begin_there(struct downstream *downstream, struct lending *lending,
                        struct book_vm *vm) {
    struct book_op *op = vm->active;
    struct size growth = reshape_growth(&vm->record, &op->record);
    bool permitted = permits(downstream, lending, vm, &growth);
    if (!permitted || downstream_crowds_out(downstream, &growth)) {
        op->decider = permitted ? BY_MANAGER : BY_OPERATOR; /* whose limits they are */
        downstream_end(downstream, op, CODE_NO_CAPACITY);
    } else if (is_beyond(downstream, vm)) {
        downstream_end(downstream, op, CODE_UNSUPPORTED);
    } else if (op->record.verb == VERB_COPY) {
        downstream_copy(downstream, vm);
    } else if (op->record.verb == VERB_REBUILD) {
        downstream_await_image(downstream, lending, vm);
    } else {
        reshape_hold(vm, downstream_used(downstream, vm));
        downstream_instruct(downstream, vm);
    }
}

static void begin(struct downstream *downstream, struct lending *lending,
                  const struct instruct *instruct) {
    struct book_vm *old = book_vm(&downstream->manager.book, instruct->vm);
    struct size reserved = downstream_take_reserved(downstream, old);
    if (old && old->active &&
        downstream_op(old->active)->counted) { /* it is about to be superseded */
        downstream_op(old->active)->counted = false;
        lending->under_way--;
    }
    struct book_op *op =
        uplink_begin(&downstream->manager.book, lending->uplink.setting.name, instruct);
    op->reserved = reserved;
    downstream_count_op(downstream, op);
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    struct peer *ahead = downlink_by_name(&downstream->manager.downlink, book_destination(vm));
    if (ahead) /* what was superseded may have been under way there */
        downlink_freed(ahead);
    downstream_end_move(downstream, vm); /* a delete goes to where it is */
    if (!*vm->record.place && *book_destination(vm))
        downstream_follow(downstream, vm);
    if (instruct->verb != VERB_DEFINE) /* counted when it is permitted, not to be in its own way */
        downstream_count(downstream, vm);
    op->progress_ms = downstream->manager.moment.now_ms + progress_after_ms;
    book_schedule(&downstream->manager.book, op);
    if (instruct->verb == VERB_DEFINE) {
        recover_resume_numbers(&downstream->manager, vm);
        begin_define(downstream, lending, vm);
        return;
    }
    if (instruct->verb == VERB_EVICT) {
        downstream_put_aside(downstream, vm);
        return;
    }
    if (!*vm->record.place) { /* never reached a host */
        placement_take(vm);
        downstream->manager.downlink.changed = true;
        if (instruct->verb == VERB_DELETE)
            manager_set_state(&downstream->manager, vm, VM_DELETED);
        downstream_end(downstream, op, instruct->verb == VERB_DELETE ? CODE_OK : CODE_LOST);
        return;
    }
    begin_there(downstream, lending, vm);
}

/* Does what is passed on of the lease from above last, at a host, from one beat to the next, and
 * for a start? */
static bool passes_on(const struct downstream *downstream, const struct uplink *uplink,
                      const struct instruct *instruct) {
    uint64_t least_ms =
        uplink->beat_ms + 2 * downstream->manager.downlink.beat_ms + 2 * lease_stop_ms;
    return instruct->definition.on_loss != ON_LOSS_ANYWHERE ||
           (uplink->guarded && lease_rest_ms(uplink->lease_ms, 0, book_never) >= least_ms);
}

/* Nobody above knows of a copy that nobody has asked for: what is asked waits for its end, and what
 * was asked before it is asked no more. */
static void hold(struct downstream *downstream, struct book_vm *vm,
                 const struct instruct *instruct) {
    struct downstream_vm *hosted = downstream_vm(vm);
    downstream_unhold(vm);
    hosted->held = memory_new(1, sizeof(*hosted->held));
    record_clone(message_table(MESSAGE_INSTRUCT), instruct, hosted->held);
    hosted->held_ms = downstream->manager.moment.now_ms;
    list_add(&downstream->held, &hosted->by_held);
}

/* What is being deleted, perhaps by half, takes nothing else: that would supersede the delete, of
 * which whoever asks may not know, as where it is the owner's. */
static bool is_going(const struct book_vm *vm, const struct instruct *instruct) {
    return vm->record.state == VM_DELETING && !verb_ends(instruct->verb) &&
           instruct->verb != VERB_DEFINE;
}

static void on_instruct(struct downstream *downstream, struct lending *lending,
                        const struct instruct *instruct) {
    struct uplink *uplink = &lending->uplink;
    const char *asker = uplink->setting.name;
    struct book_vm *vm = book_vm(&downstream->manager.book, instruct->vm);
    bool own = vm && text_equal(vm->record.asker, asker);
    enum code code = CODE_OK;
    uplink_forget_refusal(uplink, instruct->op);
    if (verb_reaches[instruct->verb] == VERB_AMONG_HOSTS && instruct->verb != VERB_EVICT) {
        uplink_refuse(uplink, instruct, vm && !own ? CODE_CONFLICT : CODE_UNSUPPORTED,
                      own ? vm : NULL);
        return;
    }
    switch (uplink_judge(&downstream->manager.book, asker, instruct, &code)) {
    case UPLINK_NEW:
        if (!downstream_allows(lending, instruct))
            uplink_forbid(uplink, instruct, downstream_obstacle(lending, instruct),
                          own ? vm : NULL);
        else if (!passes_on(downstream, uplink, instruct))
            uplink_refuse(uplink, instruct, CODE_UNSUPPORTED, own ? vm : NULL);
        else if (!vm && !amounts_admit(downstream->vms_most, downstream->manager.book.vms_count,
                                       lending->known, downstream->lendings_count))
            uplink_refuse(uplink, instruct, CODE_FULL, NULL);
        else if (lending->under_way >= downstream->backlog && !verb_ends(instruct->verb))
            uplink_refuse(uplink, instruct, CODE_BUSY, own ? vm : NULL);
        else if (own && is_going(vm, instruct))
            uplink_refuse(uplink, instruct, CODE_BAD_STATE, vm);
        else if (!downstream->manager.stopping)
            begin(downstream, lending, instruct);
        return;
    case UPLINK_UNDER_WAY:
        return;
    case UPLINK_ANSWERED: {
        struct book_op *op = book_op(&downstream->manager.book, instruct->op);
        if (op)
            uplink_send_result(uplink, op);
        else
            uplink_refuse(uplink, instruct, vm->record.last_code, vm);
        return;
    }
    case UPLINK_REFUSED:
        if (code == CODE_BUSY && own && downstream_is_being_copied(vm))
            hold(downstream, vm, instruct);
        else
            uplink_refuse(uplink, instruct, code, own ? vm : NULL);
        return;
    }
}

/* Where its time is over, whoever has asked has ended it, and yet takes no older facts for newer
 * ones before it hears that this came to nothing. */
static void release(struct downstream *downstream, struct book_vm *vm) {
    struct downstream_vm *hosted = downstream_vm(vm);
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    uint64_t waited_ms = downstream->manager.moment.now_ms - hosted->held_ms;
    struct instruct instruct;
    record_clone(message_table(MESSAGE_INSTRUCT), hosted->held, &instruct);
    downstream_unhold(vm);
    instruct.within_ms -= waited_ms < instruct.within_ms ? waited_ms : instruct.within_ms;
    if (lending && instruct.within_ms)
        on_instruct(downstream, lending, &instruct);
    else if (lending)
        uplink_refuse(&lending->uplink, &instruct, CODE_DEADLINE, vm);
    record_clear(message_table(MESSAGE_INSTRUCT), &instruct);
}

void downstream_go_on_instructed(struct downstream *downstream) {
    list_for(struct downstream_vm, hosted, &downstream->held, by_held)
        if (!downstream_is_being_copied(&hosted->base))
            release(downstream, &hosted->base);
}

/* Of a restart, or a copy, where nothing else has changed, no digest tells. */
static void tell_beside_digest(struct downstream *downstream, struct lending *lending) {
    list_for(const struct book_vm, vm, &downstream->manager.book.vms, by_age) {
        bool has_news = vm->record.restarts || vm->record.copies_count || vm->stored.has_bucket ||
                        vm->record.copy_max_age_s;
        if (has_news && text_equal(vm->record.asker, lending->uplink.setting.name))
            uplink_send_facts(&lending->uplink, vm);
    }
}

static void on_opened(struct downstream *downstream, struct lending *lending) {
    learn_shapes(downstream, lending);
    downstream_tell_capacity(downstream, lending);
    uplink_send_results(&lending->uplink);
    uplink_send_missed(&lending->uplink);
    tell_beside_digest(downstream, lending);
}

/* Its manager sees its own VMs alone, and of them what the owner lets it see. */
static void on_read(struct downstream *downstream, struct lending *lending,
                    const struct read *read) {
    struct uplink *uplink = &lending->uplink;
    const struct book_vm *vm = book_vm(&downstream->manager.book, read->vm);
    bool is_its = vm && text_equal(vm->record.asker, uplink->setting.name) &&
                  vm->record.epoch == read->epoch;
    const struct reader reader = {.uplink = uplink, .session = uplink->session.number,
                                  .number = read->number};
    enum code code = !is_its                  ? CODE_LOST
                     : !lending_shows_log(lending) ? CODE_NOT_ALLOWED
                                              : reads_ask(&downstream->manager, vm, read, &reader);
    if (code != CODE_OK)
        uplink_send_reading(uplink, read->number, &(struct reading){.code = code});
}

/* What it has to dial above with goes no further down; what it unseals with does. */
static void on_open(struct downstream *downstream, struct lending *lending,
                    const struct open *open) {
    struct uplink *uplink = &lending->uplink;
    const struct book_vm *vm = book_vm(&downstream->manager.book, open->vm);
    bool is_its = vm && text_equal(vm->record.asker, uplink->setting.name) &&
                  vm->record.epoch == open->epoch;
    struct viewer viewer = {.uplink = uplink, .session = uplink->session.number, .open = *open};
    text_set(viewer.secret, open->ticket);
    enum code code = !is_its                       ? CODE_LOST
                     : !lending_lets(lending, open) ? CODE_NOT_ALLOWED
                                                    : streams_ask(&downstream->manager, vm,
                                                                  &viewer);
    if (code != CODE_OK)
        uplink_send_opened(uplink, &(struct opened){.number = open->number, .code = code});
}

void downstream_on_uplink_frame(struct downstream *downstream, struct lending *lending,
                                const struct event *event) {
    struct uplink *uplink = &lending->uplink;
    bool is_accepted = uplink_on_frame(uplink, event);
    if (uplink->guarded)
        downstream->manager.downlink.anywhere_until_ms = uplink->lease.until_ms[LEASE_ANYWHERE];
    if (!is_accepted)
        return;
    for (uint32_t i = uplink->session.fresh; i < event->frame.frame->messages_count; i++) {
        const struct message *message = &event->frame.frame->messages[i];
        switch (uplink_on_message(uplink, message)) {
        case UPLINK_HANDLED:
            break;
        case UPLINK_OPENED:
            on_opened(downstream, lending);
            break;
        case UPLINK_CATALOGUE:
            learn_shapes(downstream, lending);
            break;
        case UPLINK_MESSAGE:
            if (message->kind == MESSAGE_INSTRUCT)
                on_instruct(downstream, lending, &message->instruct);
            else if (message->kind == MESSAGE_SYNC)
                uplink_send_table(uplink);
            else if (message->kind == MESSAGE_READ)
                on_read(downstream, lending, &message->read);
            else if (message->kind == MESSAGE_OPEN)
                on_open(downstream, lending, &message->open);
            else
                uplink_on_settled(&downstream->manager.book, uplink->setting.name,
                                  message->settled.op);
            break;
        }
    }
}
