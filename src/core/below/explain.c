/* What an operation waits for, read off its timers and lists; since when, as its timeline tells;
 * and what of that a tenant is not told. */
#include "core/below/explain.h"

#include "base/memory.h"
#include "core/below/peer.h"
#include "core/books/copies.h"
#include "core/books/lifecycle.h"

static enum wait at_no_place(const struct book_vm *vm, const struct book_op *op) {
    if (vm->stored.restores && !copies_newest(&vm->record))
        return WAIT_COPY;
    if (vm->stored.restores && !*op->record.copy.token)
        return WAIT_BLOCKS;
    if (op->resend_ms != book_never)
        return WAIT_ROOM;
    return list_is_empty(&vm->by_place) ? WAIT_NOTHING : WAIT_IMAGE; /* downstream.waiting */
}

static enum wait at_place(const struct peer *peer, const struct book_op *op) {
    if (op->record.verb == VERB_COPY && (!op->record.place_generation || *op->record.copied.root))
        return WAIT_BLOCKS;
    if (!op->record.place_generation)
        return WAIT_IMAGE; /* downstream.rebuilds */
    if (!peer || !peer_is_up(peer))
        return WAIT_PLACE; /* or it is not even configured any more */
    bool waits = !list_is_empty(&op->by_room) && op->resend_ms == book_never;
    if (waits && !op->attempts && peer->downlink->askers.count > 1 &&
        !session_is_full(&peer->session))
        return WAIT_TURN;
    if (waits)
        return WAIT_LINK;
    if (op->resend_ms == book_never)
        return WAIT_NOTHING;
    if (!op->attempts)
        return WAIT_RETRY;
    return op->record.step >= STEP_TAKEN ? WAIT_RESULT : WAIT_TAKING;
}

/* Since when: of what is waited for now, the newest entry tells. */
static uint64_t since(const struct operation *record, const struct peer *peer, enum wait wait) {
    uint64_t last_ms = record->timeline_count
                           ? record->timeline[record->timeline_count - 1].at_ms
                           : record->created_ms;
    uint64_t lost_ms = peer && wait == WAIT_PLACE ? peer->lost_ms : 0;
    if (peer && wait == WAIT_PLACE && !lost_ms)
        lost_ms = peer->seen_ms; /* before this daemon's start */
    return lost_ms > last_ms ? lost_ms : last_ms;
}

void explain_wait(const struct downlink *downlink, const struct book_op *op, struct waiting *out) {
    const struct book_vm *vm = book_vm(downlink->book, op->record.vm);
    *out = (struct waiting){0};
    if (book_op_has_ended(op) || !vm)
        return;
    const char *place = book_asked_place(vm);
    const struct peer *peer = downlink_by_name(downlink, place);
    out->wait = *place ? at_place(peer, op) : at_no_place(vm, op);
    out->since_ms = since(&op->record, peer, out->wait);
    out->sent = op->attempts;
    if (*place)
        out->place = memory_text(place);
}

uint64_t explain_unheard_ms(const struct downlink *downlink, const struct vm *vm) {
    const struct peer *peer = downlink_by_name(downlink, vm->place);
    uint64_t away_ms = peer && peer->lost_ms ? peer->lost_ms : downlink->started_ms;
    if (!*vm->place || !lifecycle_is_made(vm->state))
        return 0;
    if (peer && peer_is_up(peer))
        return vm->unheard_ms;
    return vm->unheard_ms && vm->unheard_ms < away_ms ? vm->unheard_ms : away_ms;
}

struct operation explain_op(const struct downlink *downlink, const struct book_op *op,
                            enum explain_reader reader) {
    struct operation told;
    record_clone(&operation_table, &op->record, &told);
    explain_wait(downlink, op, &told.waits);
    if (reader == EXPLAIN_TO_OPERATOR)
        return told;
    operation_hide(&told);
    told.waits.sent = 0;
    if (told.waits.wait == WAIT_LINK)
        told.waits.wait = WAIT_TAKING;
    return told;
}
