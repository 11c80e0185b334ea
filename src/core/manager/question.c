/* Whose share is used up, and by which number an answer is known. */
#include "core/manager/question.h"

#include "core/below/downlink.h"

static bool is_within(uint32_t count, uint32_t most) { return !most || count < most; }

enum code question_refusal(const struct manager *manager, const struct book_vm *vm,
                           const struct question_kind *kind) {
    const struct peer *peer = downlink_by_name(&manager->downlink, vm->record.place);
    uint32_t all = 0, of_vm = 0, of_asker = 0, of_asker_at_peer = 0, of_peer = 0;
    if (!peer || !peer_is_up(peer) || !peer_has_room(peer))
        return CODE_UNREACHABLE;
    if (peer_is_old(peer, kind->version))
        return CODE_UNSUPPORTED;
    list_for(const struct question, other, kind->all, node) {
        bool is_askers = text_equal(other->asker, vm->record.asker);
        all++;
        of_vm += text_equal(other->vm, vm->record.id);
        of_asker += is_askers;
        of_asker_at_peer += is_askers && other->peer == peer;
        of_peer += other->peer == peer;
    }
    return is_within(of_asker, kind->of_asker) && is_within(of_vm, kind->of_vm) &&
                   is_within(of_asker_at_peer, kind->of_asker_at_peer) &&
                   is_within(of_peer, kind->of_peer) && is_within(all, kind->most)
               ? CODE_OK
               : CODE_BUSY;
}

void question_begin(struct manager *manager, const struct book_vm *vm,
                    const struct question_kind *kind, struct question *out) {
    out->number = 1 + prng_below(&manager->prng, session_number_most); /* no other start's */
    out->peer = downlink_by_name(&manager->downlink, vm->record.place);
    out->session = out->peer->session.number;
    out->due_ms = manager->moment.now_ms + kind->within_ms;
    out->epoch = vm->record.place_epoch;
    text_set(out->vm, vm->record.id);
    text_set(out->asker, vm->record.asker);
    list_add(kind->all, &out->node);
}

bool question_is_heard(const struct question *asked) {
    return peer_is_up(asked->peer) && asked->peer->session.number == asked->session;
}

uint64_t question_deadline_ms(const struct list *all) {
    uint64_t due = book_never;
    list_for(const struct question, asked, all, node)
        due = asked->due_ms < due ? asked->due_ms : due;
    return due;
}
