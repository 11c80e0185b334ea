/* What is made anew, with which first-boot data, and what its tenant is told; what a result or a
 * deadline means to a VM that is in no cluster. */
#include "core/upstream/elsewhere.h"

#include "base/memory.h"
#include "core/below/instruct.h"
#include "core/below/placement.h"
#include "core/below/reports.h"
#include "core/books/reshape.h"
#include "core/manager/operations.h"
#include "core/manager/recover.h"
#include "core/upstream/notify/happened.h"
#include "core/upstream/operations.h"
#include "core/upstream/place.h"
#include "core/upstream/rules.h"
#include "core/upstream/upstream.h"

static struct amounts *used_by(struct upstream *upstream, const struct book_vm *vm) {
    struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, vm->record.asker);
    return &tenant->used;
}

static void save_template(struct upstream *upstream, const struct book_vm *vm) {
    effects_save(upstream->manager.moment.out, &template_table, upstream_vm(vm)->template);
}

void upstream_keep_template(struct upstream *upstream, struct book_vm *vm,
                            const struct operation *define) {
    struct template template = {.definition = define->definition, .placing = define->placing};
    if (define->definition.on_loss != ON_LOSS_ANYWHERE)
        return;
    text_set(template.vm, vm->record.id);
    template.placing.cluster[0] = 0; /* where it is made first, and no more */
    upstream_set_template(vm, &template);
    save_template(upstream, vm);
}

void upstream_renew_template(struct upstream *upstream, struct book_vm *vm,
                             const struct definition *rebuilt) {
    if (!upstream_vm(vm)->template)
        return;
    struct definition *definition = &upstream_vm(vm)->template->definition;
    text_set(definition->image, rebuilt->image);
    text_set(definition->image_name, rebuilt->image_name);
    definition->machine = rebuilt->machine;
    if (rebuilt->user_data || rebuilt->user_data_base64) {
        memory_free(definition->user_data);
        memory_free(definition->user_data_base64);
        definition->user_data = memory_text(rebuilt->user_data);
        definition->user_data_base64 = memory_text(rebuilt->user_data_base64);
    }
    if (rebuilt->ssh_keys) {
        memory_free(definition->ssh_keys);
        definition->ssh_keys = memory_text(rebuilt->ssh_keys);
    }
    save_template(upstream, vm);
}

bool upstream_owes(const struct manager *manager, const struct book_vm *vm) {
    (void)manager;
    bool is_leased = vm->stored.leased && upstream_vm(vm)->template;
    bool is_busy = vm->active && (vm->active->record.verb == VERB_DEFINE ||
                                  vm->active->record.verb == VERB_DELETE);
    if (vm->stored.move)
        return is_leased;
    return is_leased && !is_busy &&
           (vm->record.state == VM_RUNNING || vm->record.state == VM_PAUSED);
}

/* The next operation of ours; the one before has ended. */
static void order(struct upstream *upstream, struct book_vm *vm, enum verb verb) {
    const struct template *template = upstream_vm(vm)->template;
    struct operation operation = {.verb = verb, .internal = true,
                                  .deadline_ms = upstream->settings.operation_ms};
    struct definition *definition = &operation.definition;
    vm->stored.move = verb == VERB_DEFINE ? MOVE_ARRIVING : MOVE_LEAVING;
    if (verb == VERB_DEFINE) {
        operation.definition = template->definition; /* copied by the book */
        operation.placing = template->placing;
        rules_apply(rules_first_of(upstream, vm), &operation); /* as they stand by now */
        definition->size = vm->record.size;
        text_set(definition->name, vm->record.name);
        text_set(definition->shape, vm->record.shape);
        text_set(definition->image, vm->record.digest);
        definition->networks = vm->record.networks;
        definition->allow = vm->record.allow;
    }
    struct book_op *op = upstream_begin(upstream, vm, &operation);
    if (verb == VERB_DELETE) {
        op->record.place_generation = ++vm->record.place_generation;
        downlink_instruct(&upstream->manager.downlink, vm);
    }
    book_save_vm(&upstream->manager.book, vm);
    book_save_op(&upstream->manager.book, op);
}

/* What is under way there ends so; whatever is there is to be gone. */
static void delete_there(struct upstream *upstream, struct book_vm *vm, enum code code) {
    upstream_end(upstream, vm->active, code);
    order(upstream, vm, VERB_DELETE);
}

/* Nothing is left of it where it was to be. */
static void arrive(struct upstream *upstream, struct book_vm *vm, enum code code) {
    upstream_end(upstream, vm->active, code);
    placement_take(vm);
    order(upstream, vm, VERB_DEFINE);
    vm->active->resend_ms = upstream->manager.moment.now_ms;
    book_schedule(&upstream->manager.book, vm->active);
}

/* Whoever asked for what is under way there hears that nobody knows what came of it. */
static void end_there(struct upstream *upstream, struct book_vm *vm) {
    struct peer *peer = downlink_by_name(&upstream->manager.downlink, vm->record.place);
    if (vm->active && peer)
        downlink_reflect(peer, vm->active);
    if (vm->active)
        reshape_settle(vm, CODE_INTERRUPTED, used_by(upstream, vm));
    if (vm->active)
        upstream_end(upstream, vm->active, CODE_INTERRUPTED);
    placement_take(vm);
    manager_set_state(&upstream->manager, vm, VM_STOPPED);
}

/* Its disk was lost, and its snapshots. It has what it had, even if nobody knows what came of a
 * resize; but for what no cluster could count room for. */
static void count_loss(struct upstream *upstream, struct book_vm *vm) {
    bool is_counted = downlink_shape(&upstream->manager.downlink, &vm->record.size) >= 0;
    struct size is = is_counted ? vm->record.size : upstream_vm(vm)->template->definition.size;
    vm->record.restarts++;
    vm->record.restarted_ms = upstream->manager.moment.wall_ms;
    vm->record.restored_ms = 0;
    vm->stored.restarts_told = 0;
    reshape_make_anew(vm, &is, used_by(upstream, vm));
}

/* What was known when, and who decided. */
static void tell_loss(struct upstream *upstream, struct book_op *op, const struct peer *peer,
                      const char *cluster) {
    uint64_t now_ms = upstream->manager.moment.wall_ms;
    uint64_t lost_ms = !peer ? now_ms : peer->lost_ms ? peer->lost_ms : peer->seen_ms;
    bool is_said = peer && (peer->is_off || peer->is_approved);
    struct timeline_entry *first = op->record.timeline;
    first->step = STEP_LOST;
    first->at_ms = lost_ms && lost_ms < now_ms ? lost_ms : now_ms;
    first->by = BY_MANAGER;
    first->place = memory_text(cluster);
    (void)book_tell(op, &(struct timeline_entry){.at_ms = now_ms,
                                                 .step = STEP_ACCEPTED,
                                                 .by = is_said ? BY_OPERATOR : BY_MANAGER});
    op->record.state = OP_PENDING;
    book_save_op(&upstream->manager.book, op);
}

void upstream_recover(struct manager *manager, struct book_vm *vm) {
    struct upstream *upstream = container_of(manager, struct upstream, manager);
    struct peer *peer = downlink_by_name(&manager->downlink, vm->record.place);
    char cluster[limit_name_size];
    text_set(cluster, vm->record.place);
    effects_note(manager->moment.out, NOTE_WARNING, "",
                 "VM %s ran in cluster %s, which is lost: it is made anew from its image",
                 vm->record.id, cluster);
    if (!vm->stored.move) {
        upstream_vm(vm)->template->definition.start = true;
        save_template(upstream, vm);
    }
    recover_evict(manager, vm, cluster, vm->record.place_epoch);
    end_there(upstream, vm);
    count_loss(upstream, vm);
    order(upstream, vm, VERB_DEFINE);
    happened_restart(upstream, vm, vm->active->record.id);
    tell_loss(upstream, vm->active, peer, cluster);
    upstream_try_next(upstream, vm);
}

static void on_define_result(struct upstream *upstream, struct peer *peer, struct book_vm *vm,
                             const struct result *result) {
    enum code code = downlink_code(VERB_DEFINE, result);
    if (!downlink_is_undone(result) && code == CODE_OK) {
        vm->stored.move = MOVE_NONE;
        manager_set_state(&upstream->manager, vm, result->state);
        upstream_end(upstream, vm->active, code);
    } else if (!downlink_is_undone(result)) { /* something of it is there */
        delete_there(upstream, vm, code);
    } else if (placement_leads_on(vm, peer, code)) {
        upstream_try_next(upstream, vm);
    } else {
        arrive(upstream, vm, code);
        vm->active->resend_ms = upstream->manager.moment.now_ms + manager_pause_ms;
        book_schedule(&upstream->manager.book, vm->active);
    }
}

void upstream_on_elsewhere_result(struct upstream *upstream, struct peer *peer,
                                  const struct result *result) {
    struct book_vm *vm = book_vm(&upstream->manager.book, result->vm);
    downlink_reflect(peer, vm->active);
    if (vm->active->record.verb == VERB_DEFINE) {
        on_define_result(upstream, peer, vm, result);
    } else if (result->code == CODE_OK) {
        arrive(upstream, vm, CODE_INTERRUPTED);
    } else {
        delete_there(upstream, vm, result->code);
        vm->active->resend_ms = upstream->manager.moment.now_ms + manager_pause_ms;
        book_schedule(&upstream->manager.book, vm->active);
    }
}

void upstream_on_elsewhere_due(struct upstream *upstream, struct book_op *op) {
    struct book_vm *vm = book_vm(&upstream->manager.book, op->record.vm);
    bool in_time = op->deadline_ms > upstream->manager.moment.now_ms;
    if (in_time && *vm->record.place)
        downlink_instruct(&upstream->manager.downlink, vm);
    else if (in_time && !op->tried_count)
        upstream_try_next(upstream, vm);
    else if (*vm->record.place) /* no word of it */
        delete_there(upstream, vm, CODE_DEADLINE);
    else /* whoever refused may have room by now */
        arrive(upstream, vm, in_time ? CODE_NO_CAPACITY : CODE_DEADLINE);
}
