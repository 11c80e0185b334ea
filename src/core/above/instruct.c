/* How an instruction stands against what is known of its VM, in which order that is looked at,
 * and what an end of a link says of VMs and operations: what finds the session full waits in the
 * books and goes on from there. */
#include "core/above/instruct.h"

#include "base/memory.h"
#include "core/above/speak.h"
#include "core/above/uplink.h"
#include "core/books/copies.h"
#include "core/books/ips.h"
#include "core/books/lifecycle.h"
#include "core/books/reshape.h"

static enum uplink_judgement refuse(enum code code, enum code *out_code) {
    *out_code = code;
    return UPLINK_REFUSED;
}

/* Is nothing of it here, so that it can be made? What has gone from here without a word, as where
 * sending it was cut, may come back: while it runs, or anew after it was elsewhere. */
static bool may_be_made(const struct book_vm *vm, const struct instruct *instruct) {
    return vm->record.state == VM_FAILED ||
           (vm->record.state == VM_LOST && instruct->epoch > vm->record.epoch);
}

enum uplink_judgement uplink_judge(const struct book *book, const char *asker,
                                   const struct instruct *instruct, enum code *out_code) {
    const struct book_vm *vm = book_vm(book, instruct->vm);
    const struct book_op *op = book_op(book, instruct->op);
    if (op && (!text_equal(op->record.vm, instruct->vm) || !text_equal(op->record.asker, asker)))
        return refuse(CODE_CONFLICT, out_code); /* an operation is of one VM */
    if (!vm) {
        if (verb_ends(instruct->verb))
            return refuse(CODE_OK, out_code); /* it is not there: that is what was wanted */
        if (!verb_makes(instruct->verb))
            return refuse(CODE_LOST, out_code);
        if (!*instruct->definition.name)
            return refuse(CODE_INVALID, out_code);
        return book->vms_count >= limit_vms ? refuse(CODE_FULL, out_code) : UPLINK_NEW;
    }
    if (!text_equal(vm->record.asker, asker))
        return refuse(CODE_CONFLICT, out_code);
    bool evicts = instruct->verb == VERB_EVICT; /* whatever was asked of it before */
    if (instruct->epoch < vm->record.epoch ||
        (!evicts && instruct->generation < vm->record.generation))
        return refuse(CODE_STALE, out_code);
    bool again = evicts ? text_equal(vm->record.op, instruct->op)
                        : instruct->generation == vm->record.generation;
    if (!again && verb_makes(instruct->verb) && !may_be_made(vm, instruct))
        return refuse(CODE_CONFLICT, out_code);
    if (again) {
        if (!text_equal(vm->record.op, instruct->op))
            return refuse(CODE_STALE, out_code);
        return vm->active ? UPLINK_UNDER_WAY : UPLINK_ANSWERED;
    }
    if (verb_reaches[instruct->verb] < VERB_BELOW)
        return refuse(CODE_UNSUPPORTED, out_code);
    const struct operation *active = vm->active ? &vm->active->record : NULL;
    bool is_taken = active && (!active->internal || vm->stored.move || active->verb == VERB_COPY);
    if (is_taken && !verb_ends(instruct->verb))
        return refuse(CODE_BUSY, out_code);
    return UPLINK_NEW;
}

static void describe(struct book *book, struct book_vm *described,
                     const struct definition *definition) {
    struct vm *vm = &described->record;
    text_set(vm->name, definition->name);
    text_set(vm->shape, definition->shape);
    text_set(vm->digest, definition->image);
    text_set(vm->group, definition->group);
    vm->size = definition->size;
    vm->on_loss = definition->on_loss;
    vm->restart_from = definition->restart_from;
    vm->copy_every_s = definition->copy_every_s;
    vm->copy_max_age_s = definition->copy_max_age_s;
    memory_free(vm->networks);
    vm->networks = memory_text(definition->networks);
    memory_free(vm->allow);
    vm->allow = memory_text(definition->allow);
    book_join(book, described);
}

static struct book_vm *add_vm(struct book *book, const char *asker,
                              const struct instruct *instruct) {
    struct stored_vm record = {
        .vm = {.state = VM_PENDING, .created_ms = book->moment->wall_ms}};
    text_set(record.vm.id, instruct->vm);
    text_set(record.vm.asker, asker);
    return book_add_vm(book, &record);
}

static void supersede(struct book *book, struct book_op *op) {
    book_end(book, op, CODE_SUPERSEDED);
    op->attempts = 0;
    if (op->record.internal) {
        book_remove_op(book, op);
        return;
    }
    op->resend_ms = book->moment->now_ms; /* its result goes up with the next tick */
    book_schedule(book, op);
}

struct book_op *uplink_begin(struct book *book, const char *asker,
                             const struct instruct *instruct) {
    struct book_vm *vm = book_vm(book, instruct->vm);
    if (!vm)
        vm = add_vm(book, asker, instruct);
    if (vm->active)
        supersede(book, vm->active);
    vm->record.epoch = instruct->epoch;
    if (verb_makes(instruct->verb)) /* law 3: limits are held against what is made now */
        describe(book, vm, &instruct->definition);
    if (verb_ends(instruct->verb) && vm->record.state != VM_DELETED)
        lifecycle_set_state(&vm->record, VM_DELETING, book->moment->wall_ms);
    else if (verb_makes(instruct->verb) && vm->record.state != VM_PENDING)
        lifecycle_set_state(&vm->record, VM_PENDING, book->moment->wall_ms);
    struct book_op *old = book_op(book, instruct->op);
    if (old) /* refused here before, and asked again: that end has been heard */
        book_remove_op(book, old);
    struct operation operation = {.verb = instruct->verb,
                                  .generation = vm->record.generation > instruct->generation
                                                    ? vm->record.generation /* of an eviction */
                                                    : instruct->generation,
                                  .hard = instruct->hard,
                                  .copy = instruct->copy,
                                  .deadline_ms = book->moment->wall_ms + instruct->within_ms};
    text_set(operation.id, instruct->op);
    text_set(operation.snapshot, instruct->snapshot);
    record_clone(&definition_table, &instruct->definition, &operation.definition);
    record_clone(&landing_table, &instruct->landing, &operation.landing);
    struct book_op *op = book_begin(book, vm, &operation);
    record_clear(&definition_table, &operation.definition);
    record_clear(&landing_table, &operation.landing);
    uplink_mark_untold(book, op);
    return op;
}

static struct vm_report report_of(const struct uplink *uplink, const struct book_vm *it) {
    const struct vm *vm = &it->record;
    struct vm_report report = {
        .epoch = vm->epoch, .generation = vm->generation, .state = vm->state};
    uint64_t since_ms = it->stored.told_unheard_ms, wall_ms = uplink->moment->wall_ms;
    if (since_ms && lifecycle_is_made(vm->state)) /* of others it says nothing */
        report.unheard_ms = wall_ms > since_ms ? wall_ms - since_ms : 1; /* a clock that jumped */
    text_set(report.vm, vm->id);
    report.ips_count = uplink->hides_ips ? 0 : vm->ips_count;
    report.no_ips = !uplink->is_hosts && !report.ips_count && ips_may_be(vm->state);
    report.ips = memory_copy(vm->ips, report.ips_count * sizeof(*vm->ips));
    return report;
}

static void send_report(struct uplink *uplink, struct vm_report report) {
    struct message message = {.kind = MESSAGE_VM, .vm = report};
    uplink->missed |= uplink_is_open(uplink) && !uplink_has_room(uplink);
    uplink_send(uplink, &message);
}

void uplink_send_vm(struct uplink *uplink, const struct book_vm *vm) {
    send_report(uplink, report_of(uplink, vm));
}

/* Clocks differ: how long ago, not when. */
static struct facts facts_of(const struct uplink *uplink, const struct book_vm *vm) {
    struct facts facts = reshape_facts(vm);
    uint64_t since_ms = vm->record.restarted_ms, wall_ms = uplink->moment->wall_ms;
    uint64_t late_ms = session_late_ms(uplink->beat_ms);
    facts.restarts = vm->record.restarts;
    copies_tell(&vm->record, wall_ms, late_ms, &facts);
    facts.lacks_copy = copies_are_lacking(vm);
    facts.restarted_ago_ms = since_ms && wall_ms > since_ms ? wall_ms - since_ms : 0;
    if (vm->record.restored_ms)
        facts.restored_ago_ms = copies_ago_ms(vm->record.restored_ms, wall_ms) + late_ms + 1;
    return facts;
}

static struct vm_report full_report_of(const struct uplink *uplink, const struct book_vm *vm) {
    struct vm_report report = report_of(uplink, vm);
    report.facts = facts_of(uplink, vm);
    return report;
}

void uplink_send_facts(struct uplink *uplink, const struct book_vm *vm) {
    send_report(uplink, full_report_of(uplink, vm));
}

/* Law 1: how far it had come before anything was done to the VM is an inside matter. */
static enum step step_shown(const struct operation *op) {
    if (op->code == CODE_OK)
        return STEP_NONE;
    return op->step < STEP_TAKEN ? STEP_TAKEN : op->step;
}

void uplink_send_result(struct uplink *uplink, struct book_op *op) {
    op->resend_ms = book_never;
    list_remove(&op->by_room);
    if (uplink_has_room(uplink)) {
        const struct book_vm *vm = book_vm(uplink->book, op->record.vm);
        struct message message = {.kind = MESSAGE_RESULT};
        struct result *result = &message.result;
        text_set(result->op, op->record.id);
        text_set(result->vm, op->record.vm);
        result->generation = op->record.generation;
        result->code = op->record.code;
        result->step = step_shown(&op->record);
        result->obstacle = op->record.obstacle;
        result->state = vm ? vm->record.state : VM_DELETED;
        if (vm && (reshape_tells(op->record.verb) || op->record.verb == VERB_COPY))
            result->facts = facts_of(uplink, vm);
        if (uplink->is_hosts)
            result->copied = op->record.copied;
        if (op->record.verb == VERB_RECEIVE)
            record_clone(&landing_table, &op->record.landing, &result->landing);
        if (uplink->says_why && uplink->asked_why && op->record.code != CODE_OK)
            result->why = memory_text(op->record.why);
        uplink_send(uplink, &message);
        bool arrives = verb_makes(op->record.verb) || op->record.verb == VERB_ADOPT;
        if (vm && arrives && vm->record.ips_count) /* told before, it was none of that place's */
            uplink_send_vm(uplink, vm);
        op->resend_ms =
            uplink->moment->now_ms + 10 * book_backoff_ms(op->attempts++, &uplink->prng);
    } else if (uplink_is_open(uplink)) {
        list_add(&uplink->waiting, &op->by_room);
        uplink_await_room(uplink);
    }
    book_schedule(uplink->book, op);
}

void uplink_result_due(struct uplink *uplink, struct book_op *op) {
    list_remove(&op->by_room);
    op->attempts = 0;
    op->resend_ms = uplink->moment->now_ms;
    book_schedule(uplink->book, op);
    if (uplink_is_open(uplink))
        uplink->capacity_due_ms = uplink->moment->now_ms;
}

/* `why`: its code and obstacle. */
static void answer(struct uplink *uplink, const struct instruct *instruct,
                   const struct result *why, const struct book_vm *vm) {
    enum vm_state absent = verb_makes(instruct->verb) ? VM_FAILED : VM_DELETED;
    struct message message = {.kind = MESSAGE_RESULT, .result = *why};
    struct result *result = &message.result;
    text_set(result->op, instruct->op);
    text_set(result->vm, instruct->vm);
    result->generation = instruct->generation;
    result->state = vm ? vm->record.state : absent;
    if (vm && reshape_tells(instruct->verb))
        result->facts = facts_of(uplink, vm);
    uplink_send_refusal(uplink, &message);
}

void uplink_refuse(struct uplink *uplink, const struct instruct *instruct, enum code code,
                   const struct book_vm *vm) {
    answer(uplink, instruct, &(struct result){.code = code}, vm);
}

void uplink_forbid(struct uplink *uplink, const struct instruct *instruct, enum obstacle obstacle,
                   const struct book_vm *vm) {
    answer(uplink, instruct, &(struct result){.code = CODE_NOT_ALLOWED, .obstacle = obstacle}, vm);
}

void uplink_send_results(struct uplink *uplink) {
    list_for(struct book_op, op, &uplink->book->ops, by_age) {
        if (!text_equal(op->record.asker, uplink->setting.name))
            continue;
        uplink_mark_untold(uplink->book, op);
        if (book_op_has_ended(op)) {
            op->attempts = 0;
            uplink_send_result(uplink, op);
        }
    }
}

void uplink_send_missed(struct uplink *uplink) {
    if (uplink_digest(uplink) != uplink->said_digest)
        uplink_send_table(uplink);
}

/* The next piece; the cursor goes on behind it, or out where it was the last. */
static void send_piece(struct uplink *uplink) {
    struct message message = {.kind = MESSAGE_TABLE, .table.first = uplink->table_begins};
    struct vm_table *table = &message.table;
    struct list *node = uplink->table.next;
    for (; node != &uplink->book->vms && table->vms_count < limit_table_chunk; node = node->next) {
        const struct book_vm *vm = container_of(node, struct book_vm, by_age);
        if (!text_equal(vm->record.asker, uplink->setting.name))
            continue;
        if (!table->vms)
            table->vms = memory_new(limit_table_chunk, sizeof(*table->vms));
        table->vms[table->vms_count++] = full_report_of(uplink, vm);
    }
    table->last = node == &uplink->book->vms;
    uplink->table.next = node;
    uplink->table_begins = false;
    if (table->last)
        list_remove(&uplink->table.node);
    uplink_send(uplink, &message);
}

static void go_on_with_table(struct uplink *uplink) {
    while (!list_is_empty(&uplink->table.node) && uplink_has_room(uplink))
        send_piece(uplink);
    if (!list_is_empty(&uplink->table.node))
        uplink_await_room(uplink);
}

void uplink_send_table(struct uplink *uplink) {
    list_remove(&uplink->table.node); /* one that is under way begins again */
    list_add(&uplink->book->cursors, &uplink->table.node);
    uplink->table.next = uplink->book->vms.next;
    uplink->table_begins = true;
    uplink->missed = false;
    go_on_with_table(uplink);
}

void uplink_resume(struct uplink *uplink) {
    while (!list_is_empty(&uplink->waiting) && uplink_has_room(uplink))
        uplink_send_result(uplink, container_of(uplink->waiting.next, struct book_op, by_room));
    if (!list_is_empty(&uplink->waiting) || uplink->missed)
        uplink_await_room(uplink);
    if (uplink->missed && uplink_has_room(uplink))
        uplink_send_table(uplink);
    else
        go_on_with_table(uplink);
}

void uplink_on_settled(struct book *book, const char *asker, const char *op_id) {
    struct book_op *op = book_op(book, op_id);
    if (!op || !book_op_has_ended(op) || !text_equal(op->record.asker, asker))
        return;
    struct book_vm *vm = book_vm(book, op->record.vm);
    bool newest = vm && text_equal(vm->record.op, op_id);
    book_remove_op(book, op);
    if (newest && !vm->active &&
        (vm->record.state == VM_DELETED || vm->record.state == VM_FAILED))
        book_remove_vm(book, vm);
}
