/* Whether the session upward has room, and that what has to wait for some makes the uplink starved,
 * until it resumes. */
#include "core/above/speak.h"

#include "base/memory.h"
#include "core/books/digest.h"

bool uplink_is_open(const struct uplink *uplink) {
    return uplink->session.state == SESSION_OPEN;
}

bool uplink_has_room(const struct uplink *uplink) {
    return uplink_is_open(uplink) && !session_is_full(&uplink->session) &&
           list_is_empty(&uplink->refusals);
}

void uplink_await_room(struct uplink *uplink) {
    uplink->starved |= uplink_is_open(uplink) && !uplink_has_room(uplink);
}

void uplink_send(struct uplink *uplink, struct message *message) {
    if (uplink_has_room(uplink)) {
        session_send(&uplink->session, message);
    } else {
        uplink_await_room(uplink);
        message_clear(message);
    }
}

void uplink_send_reading(struct uplink *uplink, uint64_t number, const struct reading *reading) {
    struct message message = {.kind = MESSAGE_READING, .reading = *reading};
    message.reading.number = number;
    message.reading.base64 = memory_text(reading->base64);
    if (uplink_has_room(uplink))
        session_send(&uplink->session, &message);
    else
        message_clear(&message);
}

void uplink_send_opened(struct uplink *uplink, const struct opened *opened) {
    struct message message = {.kind = MESSAGE_OPENED, .opened = *opened};
    if (uplink_has_room(uplink))
        session_send(&uplink->session, &message);
}

void uplink_send_usages(struct uplink *uplink, const struct vm_usage *vms, uint32_t count) {
    struct message message = {.kind = MESSAGE_USAGES};
    if (!uplink_has_room(uplink))
        return;
    message.usages.vms = memory_copy(vms, count * sizeof(*vms));
    message.usages.vms_count = count;
    session_send(&uplink->session, &message);
}

void uplink_send_progress(struct uplink *uplink, struct book_op *op, enum step step) {
    uplink_await_room(uplink);
    bool full = uplink_is_open(uplink) && !uplink_has_room(uplink);
    if (full || step <= op->told || op->record.internal)
        return;
    op->told = step;
    struct message message = {.kind = MESSAGE_PROGRESS, .progress.step = step};
    text_set(message.progress.op, op->record.id);
    uplink_send(uplink, &message);
}

uint64_t uplink_digest(const struct uplink *uplink) {
    uint64_t digest = 0;
    struct list *node = NULL, *next = NULL;
    list_each(node, next, &uplink->book->vms) {
        const struct stored_vm *stored = &container_of(node, struct book_vm, by_age)->stored;
        struct vm vm = stored->vm; /* shares what that one has */
        vm.ips_count = uplink->hides_ips ? 0 : vm.ips_count;
        if (text_equal(vm.asker, uplink->setting.name))
            digest ^= uplink_vm_digest(&vm, vm.epoch, vm.generation, stored->told_unheard_ms);
    }
    return digest & INT64_MAX;
}
