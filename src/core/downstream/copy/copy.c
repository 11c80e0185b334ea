/* What is asked of the block store for a copy, in which order, and when the copy counts. */
#include "core/downstream/copy/copy.h"

#include "core/above/instruct.h"
#include "core/below/peer.h"
#include "core/books/copies.h"
#include "core/downstream/copy/bucket.h"
#include "core/downstream/copy/restore.h"
#include "core/downstream/operations.h"
#include "core/manager/recover.h"
#include "core/manager/reports.h"

/* Those that were kept so far and the new one: is all of it there? */
static void ask_whether_whole(struct downstream *downstream, const struct book_vm *vm) {
    struct effect_bucket bucket = bucket_order(BUCKET_KEEP, vm);
    text_set(bucket.op, vm->active->record.id);
    text_set(bucket.roots[bucket.roots_count++], vm->active->record.copied.root);
    bucket_ask(&downstream->manager.book, &bucket);
}

static void end_because(struct downstream *downstream, struct book_vm *vm, enum code code,
                        const char *why) {
    book_say_why(vm->active, why);
    downstream_end(downstream, vm->active, code);
}

void downstream_copy(struct downstream *downstream, struct book_vm *vm) {
    const struct peer *host = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    struct operation *op = &vm->active->record;
    op->copy = (struct copy_order){0}; /* it is the block store's to say */
    if (host && peer_is_old(host, protocol_version_copy)) {
        end_because(downstream, vm, CODE_UNSUPPORTED, "this host's version makes no copies");
    } else if (host && peer_is_manager(host)) {
        downstream_instruct(downstream, vm);
    } else if (downstream->manager.disk_full) {
        end_because(downstream, vm, CODE_NO_CAPACITY, "the disk of this manager is full");
    } else {
        op->place_generation = 0; /* not to go out yet */
        vm->stored.has_bucket = true;
        book_save_vm(&downstream->manager.book, vm);
        book_save_op(&downstream->manager.book, vm->active);
        bucket_open(&downstream->manager.book, vm);
    }
}

bool downstream_resume_copy(struct downstream *downstream, struct book_vm *vm) {
    const struct operation *op = vm->active ? &vm->active->record : NULL;
    if (!op || op->verb != VERB_COPY)
        return false;
    if (*op->copied.root)
        ask_whether_whole(downstream, vm);
    else if (!op->place_generation)
        bucket_open(&downstream->manager.book, vm);
    else
        return false;
    return true;
}

void downstream_on_copied(struct downstream *downstream, struct book_vm *vm,
                          const struct result *result) {
    const struct peer *place = downlink_by_name(&downstream->manager.downlink, vm->record.place);
    struct book_op *op = vm->active;
    uint64_t most_bytes = (uint64_t)vm->record.size.disk_gib << 30;
    manager_learn_state(&downstream->manager, vm,
                        result->code == CODE_LOST ? VM_LOST : result->state);
    if (*op->record.copied.root)
        return; /* told again: it is the block store's to say now */
    if (result->code != CODE_OK || (place && peer_is_manager(place))) {
        downstream_end(downstream, op, result->code);
    } else if (!*result->copied.root) {
        end_because(downstream, vm, CODE_HOST_FAILED, "the host has made no copy");
    } else {
        op->record.copied = result->copied;
        if (op->record.copied.bytes > most_bytes)
            op->record.copied.bytes = most_bytes;
        op->resend_ms = book_never;
        book_schedule(&downstream->manager.book, op);
        book_save_op(&downstream->manager.book, op);
        ask_whether_whole(downstream, vm);
    }
}

static void tell(struct downstream *downstream, struct book_vm *vm) {
    struct lending *lending = downstream_lending(downstream, vm->record.asker);
    book_save_vm(&downstream->manager.book, vm);
    if (lending)
        uplink_send_facts(&lending->uplink, vm);
}

/* All of it is there. It is as old as the wish for it, at the most. Its VM may have waited for it
 * to be restarted elsewhere. */
static void count(struct downstream *downstream, struct book_vm *vm, const char *image) {
    const struct operation *op = &vm->active->record;
    struct copy copy = {.number = op->place_generation, .made_ms = op->created_ms,
                        .bytes = op->copied.bytes, .frozen = op->copied.frozen};
    text_set(copy.root, op->copied.root);
    text_set(copy.image, image);
    copies_add(&vm->record, &copy);
    tell(downstream, vm);
    const struct effect_bucket no_others = bucket_order(BUCKET_KEEP, vm);
    bucket_ask(&downstream->manager.book, &no_others);
    downstream_end(downstream, vm->active, CODE_OK);
    if (vm->record.restart_from == RESTART_FROM_COPY)
        recover_soon(&downstream->manager);
}

void downstream_forget_copies(struct downstream *downstream, struct book_vm *vm) {
    copies_drop(&vm->record);
    vm->stored.uncopied_ms = downstream->manager.moment.wall_ms;
    const struct effect_bucket none = bucket_order(BUCKET_KEEP, vm);
    if (vm->stored.has_bucket)
        bucket_ask(&downstream->manager.book, &none);
}

void downstream_on_bucket(struct downstream *downstream, const struct event_bucket *event) {
    struct book_vm *vm = book_vm(&downstream->manager.book, event->vm);
    struct book_op *op = book_op(&downstream->manager.book, event->op);
    if (vm && event->order == BUCKET_PROVE)
        downstream_on_proof(downstream, vm, event);
    if (!vm || !op || vm->active != op)
        return; /* it has ended meanwhile */
    bool is_opened = event->order == BUCKET_OPEN;
    downstream_put_copies_aside(downstream, vm, event);
    if (op->record.verb == VERB_DEFINE) {
        downstream_on_source(downstream, vm, event);
        return;
    }
    if (is_opened != !op->record.place_generation)
        return; /* asked twice, before and after a start */
    if (event->code != CODE_OK) {
        end_because(downstream, vm, event->code == CODE_LOST ? CODE_HOST_FAILED : event->code,
                    event->code == CODE_LOST ? "not all of the copy is there" : event->why);
    } else if (is_opened) {
        op->record.copy = event->copy;
        downstream_instruct(downstream, vm);
    } else {
        count(downstream, vm, event->image);
    }
}
