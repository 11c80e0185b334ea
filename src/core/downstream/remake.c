/* A VM goes from one host to another, but not while it runs (that is migrate.c). What makes
 * it there is what made it here (its template): a new disk from its image. What its old disk held
 * is lost, so only a VM that was asked for so is moved.
 *
 *   NONE --leave--> LEAVING --its host confirms that it is gone--> ARRIVING --made--> NONE
 *                      ^-- made by half, or no word from the new host --'
 * LEAVING: it is shut down if it runs, then deleted, and that again until its host confirms; where
 * the host is silent, it stays so. ARRIVING: its image, a host and the definition there are waited
 * for. At each moment there is one operation of ours on it, on disk together with the phase: after
 * a crash it goes on from there, and what was told once is told again under the same numbers. Law 5
 * holds since a host is told to make it only when no other has anything left of it. */
#include "core/downstream/remake.h"

#include "base/memory.h"
#include "core/below/instruct.h"
#include "core/downstream/lending.h"
#include "core/downstream/operations.h"

void downstream_keep_template(struct downstream *downstream, struct book_vm *vm,
                              const struct definition *definition) {
    struct template template = {.definition = *definition}; /* borrowed */
    if (definition->on_drain != ON_DRAIN_STAY || definition->on_loss != ON_LOSS_STAY) {
        text_set(template.vm, vm->record.id);
        downstream_set_template(vm, &template);
        effects_save(downstream->manager.moment.out, &template_table, downstream_vm(vm)->template);
    } else if (downstream_vm(vm)->template) { /* of a definition that failed */
        effects_forget(downstream->manager.moment.out, &template_table, vm->record.id);
        downstream_set_template(vm, NULL);
    }
}

void downstream_renew_template(struct downstream *downstream, struct book_vm *vm,
                               const struct definition *rebuilt) {
    struct downstream_vm *hosted = downstream_vm(vm);
    if (!hosted->template)
        return;
    struct definition *definition = &hosted->template->definition;
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
    effects_save(downstream->manager.moment.out, &template_table, hosted->template);
}

void downstream_set_move(struct downstream *downstream, struct book_vm *vm,
                         enum move move) {
    vm->stored.move = move;
    list_remove(&downstream_vm(vm)->by_move);
    list_add(&downstream->moving, &downstream_vm(vm)->by_move);
}

void downstream_load_move(struct downstream *downstream, struct book_vm *vm) {
    if (vm->stored.move)
        list_add(&downstream->moving, &downstream_vm(vm)->by_move);
    else if (*book_destination(vm))
        list_add(&downstream->rests, &downstream_vm(vm)->by_move);
}

void downstream_end_move(struct downstream *downstream, struct book_vm *vm) {
    if (!vm->stored.move)
        return;
    vm->stored.move = MOVE_NONE;
    vm->stored.restores = false;
    list_remove(&downstream_vm(vm)->by_move);
    if (*book_destination(vm))
        list_add(&downstream->rests, &downstream_vm(vm)->by_move);
}

void downstream_describe(const struct book_vm *vm, struct definition *out) {
    record_clone(&definition_table, &downstream_vm(vm)->template->definition, out);
    out->size = vm->record.size;
    text_set(out->name, vm->record.name);
    text_set(out->shape, vm->record.shape);
    text_set(out->image, vm->record.digest);
    memory_free(out->networks);
    out->networks = memory_text(vm->record.networks); /* as they are by now */
    memory_free(out->allow);
    out->allow = memory_text(vm->record.allow);
}

void downstream_order(struct downstream *downstream, struct book_vm *vm, enum verb verb) {
    downstream_set_move(downstream, vm, verb == VERB_DEFINE ? MOVE_ARRIVING : MOVE_LEAVING);
    struct book_op *op = downstream_begin_internal(downstream, vm, verb);
    if (verb == VERB_DEFINE) {
        downstream_describe(vm, &op->record.definition);
    } else {
        downlink_instruct(&downstream->manager.downlink, vm);
    }
    book_save_vm(&downstream->manager.book, vm);
    book_save_op(&downstream->manager.book, op);
}

void downstream_leave(struct downstream *downstream, struct book_vm *vm) {
    bool runs = vm->record.state == VM_RUNNING || vm->record.state == VM_PAUSED;
    downstream_vm(vm)->template->definition.start = runs;
    effects_save(downstream->manager.moment.out, &template_table, downstream_vm(vm)->template);
    effects_note(downstream->manager.moment.out, NOTE_INFO, "",
                 "VM %s leaves host %s, to be made anew from its image "
                 "elsewhere",
                 vm->record.id, vm->record.place);
    downstream_order(downstream, vm, vm->record.state == VM_RUNNING ? VERB_SHUTDOWN : VERB_DELETE);
}
