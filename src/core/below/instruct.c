/* Whether an instruction goes out now, waits for its turn, for room or for its place, and when
 * it is sent again. A reservation is made before the first sending, so that the room counts at
 * once. */
#include "core/below/instruct.h"

#include "core/below/downlink.h"
#include "core/below/leases.h"
#include "core/below/peer.h"
#include "core/below/turns.h"
#include "core/books/reshape.h"

static void send_instruct(struct peer *peer, struct book_vm *vm) {
    const struct book_op *op = vm->active;
    struct message message = {.kind = MESSAGE_INSTRUCT};
    struct instruct *instruct = &message.instruct;
    text_set(instruct->op, op->record.id);
    text_set(instruct->vm, vm->record.id);
    instruct->epoch = vm->record.place_epoch + verb_is_ahead(op->record.verb);
    instruct->generation = op->record.place_generation;
    instruct->verb = op->record.verb == VERB_DISCARD ? VERB_DELETE : op->record.verb;
    instruct->within_ms = op->deadline_ms - peer->downlink->moment->now_ms;
    record_clone(&definition_table, &op->record.definition, &instruct->definition);
    record_clone(&landing_table, &op->record.landing, &instruct->landing);
    text_set(instruct->snapshot, op->record.snapshot);
    instruct->hard = op->record.hard;
    instruct->copy = op->record.copy;
    if (downlink_leases(peer->downlink, vm->record.on_loss))
        peer_expect_leased(peer);
    if (reshape_tells(instruct->verb)) {
        vm->asked_in = peer->session.number;
        vm->asked = instruct->generation;
        vm->heard_in = 0;
    }
    downlink_send(peer, &message);
}

/* From when on the operation waits for its place to be connected. False: that is told already. */
static bool tell_away(struct book_op *op, struct peer *peer) {
    const struct operation *r = &op->record;
    uint64_t last_ms = r->timeline_count ? r->timeline[r->timeline_count - 1].at_ms : 0;
    return book_tell(op, &(struct timeline_entry){
                             .at_ms = peer->lost_ms > last_ms ? peer->lost_ms : last_ms,
                             .step = STEP_WAITING, .code = CODE_UNREACHABLE,
                             .place = peer->setting.name});
}

/* A definition was placed before, which said where. */
static void tell_instructed(struct book_op *op, struct peer *peer) {
    (void)book_tell(op, &(struct timeline_entry){
                            .at_ms = peer->downlink->moment->wall_ms,
                            .step = STEP_INSTRUCTED,
                            .place = op->record.verb == VERB_DEFINE ? NULL : peer->setting.name});
}

void downlink_instruct_again(struct downlink *downlink, struct book_vm *vm) {
    struct peer *peer = downlink_by_name(downlink, book_asked_place(vm));
    struct book_op *op = vm->active;
    uint32_t told = op->record.timeline_count;
    if (peer && peer->lost_ms)
        (void)tell_away(op, peer);
    downlink_instruct(downlink, vm);
    if (told != op->record.timeline_count)
        book_save_op(downlink->book, op);
}

static void begin(struct peer *peer, struct book_vm *vm) {
    const struct askers *askers = &peer->downlink->askers;
    struct book_op *op = vm->active;
    list_remove(&op->by_room);
    if (askers->count > 1) {
        size_t which = lanes_which(askers, op->record.asker);
        struct lane *lane = &peer->lanes[which];
        list_add(&lane->under_way, &op->by_room);
        list_remove(&lane->turn); /* the next one is another place's */
        if (!op->attempts)
            pace_begun(&peer->downlink->pace, which, lane, op, peer->downlink->moment->now_ms);
    }
    send_instruct(peer, vm);
    tell_instructed(op, peer);
    op->resend_ms = peer->downlink->moment->now_ms +
                    10 * book_backoff_ms(op->attempts++, &peer->downlink->prng);
    book_schedule(peer->downlink->book, op);
}

/* Without waiting: it is there already, and asked for once more, or it is its asker's turn. */
static bool may_begin(const struct peer *peer, const struct book_op *op, uint64_t now_ms) {
    const struct askers *askers = &peer->downlink->askers;
    const struct pace *pace = &peer->downlink->pace;
    size_t which = lanes_which(askers, op->record.asker);
    return peer_has_room(peer) &&
           (op->attempts ||
            (lanes_are_free(askers, peer->lanes, which, peer->setting.at_once) &&
             list_is_empty(&pace->askers[which].turns) &&
             pace_due_ms(pace, askers, which) <= now_ms));
}

void downlink_instruct(struct downlink *downlink, struct book_vm *vm) {
    struct book_op *op = vm->active;
    if (!op)
        return;
    op->resend_ms = book_never;
    if (!op->record.place_generation) { /* not to go out yet: it waits for its image */
        book_schedule(downlink->book, op);
        return;
    }
    list_remove(&op->by_room);
    struct peer *peer = downlink_by_name(downlink, book_asked_place(vm));
    if (peer && op->deadline_ms > downlink->moment->now_ms) {
        if (!op->attempts)
            peer_reserve(peer, vm);
        if (peer_is_up(peer) && may_begin(peer, op, downlink->moment->now_ms)) {
            begin(peer, vm);
        } else if (peer_is_up(peer)) {
            list_add(&peer->lanes[lanes_which(&downlink->askers, op->record.asker)].waiting,
                     &op->by_room);
            peer_arm(peer);
        } else if (tell_away(op, peer) && op->attempts) { /* or its caller saves what it began */
            book_save_op(downlink->book, op);
        }
    }
    book_schedule(downlink->book, op);
}

void peer_resume(struct peer *peer) {
    struct book_op *op = NULL;
    if (!session_has_drained(&peer->session))
        return;
    while (peer_has_room(peer) && (op = peer_next(peer)))
        begin(peer, book_vm(peer->downlink->book, op->record.vm));
}
