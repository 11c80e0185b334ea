/* What an end changes besides the record: the room at the place, the sums, the capacity told, the
 * result that goes up. Operations of our own leave what is known above as it was. */
#include "core/downstream/operations.h"

#include "core/above/instruct.h"
#include "core/below/instruct.h"
#include "core/below/placement.h"
#include "core/below/turns.h"
#include "core/downstream/lending.h"
#include "core/downstream/share.h"
#include "core/manager/operations.h"

void downstream_end(struct downstream *downstream, struct book_op *op, enum code code) {
    struct book_vm *vm = book_vm(&downstream->manager.book, op->record.vm);
    struct lending *lending = downstream_lending(downstream, op->record.asker);
    struct peer *peer = downlink_by_name(&downstream->manager.downlink, book_asked_place(vm));
    if (peer)
        downlink_reflect(peer, op);
    bool makes = op->record.verb == VERB_DEFINE && !op->record.internal;
    if (makes && code != CODE_OK && !*vm->record.place) {
        placement_take(vm); /* waits for no image any more, which all upstreams may see */
        downstream->manager.downlink.changed = true;
        manager_set_state(&downstream->manager, vm, VM_FAILED);
    }
    book_end(&downstream->manager.book, op, code);
    downstream_count_op(downstream, op);
    if (peer)
        downlink_freed(peer);
    if (op->record.internal)
        book_remove_op(&downstream->manager.book, op);
    else if (lending)
        uplink_result_due(&lending->uplink, op);
}

void downstream_instruct(struct downstream *downstream, struct book_vm *vm) {
    vm->active->record.place_generation = ++vm->record.place_generation;
    downlink_instruct(&downstream->manager.downlink, vm);
    book_save_vm(&downstream->manager.book, vm);
    book_save_op(&downstream->manager.book, vm->active);
}

struct book_op *downstream_begin_internal(struct downstream *downstream, struct book_vm *vm,
                                          enum verb verb) {
    enum { allowed_ms = 600000, guest_ms = 60000, copy_ms = 3600000 };
    uint64_t within_ms = verb == VERB_SHUTDOWN ? guest_ms
                         : verb == VERB_COPY   ? copy_ms
                                               : allowed_ms;
    struct id id = id_make(&downstream->manager.ids, "op", downstream->manager.moment.wall_ms);
    struct operation operation = {.verb = verb,
                                  .internal = true,
                                  .generation = vm->record.generation,
                                  .deadline_ms =
                                      downstream->manager.moment.wall_ms + within_ms};
    text_set(operation.id, id.text);
    char newest[sizeof(vm->record.op)];
    text_set(newest, vm->record.op);
    enum code code = vm->record.last_code;
    enum step step = vm->record.last_step;
    struct book_op *op = book_begin(&downstream->manager.book, vm, &operation);
    /* What is known above stays as it is: this operation is nobody's but ours. */
    text_set(vm->record.op, newest);
    vm->record.last_code = code;
    vm->record.last_step = step;
    op->record.place_generation = ++vm->record.place_generation;
    return op;
}

void downstream_bury(struct downstream *downstream, struct book_vm *vm) {
    if (vm->record.state == VM_DELETED && !vm->active &&
        !book_op(&downstream->manager.book, vm->record.op))
        book_remove_vm(&downstream->manager.book, vm);
}
