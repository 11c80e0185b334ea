/* Which reads are under way at a manager, and when one has an end. */
#include "core/manager/reads.h"

#include "base/memory.h"
#include "core/below/downlink.h"

static enum code refusal(const struct manager *manager, const struct peer *peer,
                         const char *asker, bool is_manager) {
    uint32_t of_asker = 0, of_peer = 0, of_asker_there = 0;
    if (!peer || !peer_is_up(peer) || !peer_has_room(peer))
        return CODE_UNREACHABLE;
    if (peer_is_old(peer, protocol_version_read))
        return CODE_UNSUPPORTED;
    list_for(const struct read_op, op, &manager->reads, node) {
        of_asker += text_equal(op->asker, asker);
        of_peer += op->peer == peer;
        of_asker_there += text_equal(op->asker, asker) && op->peer == peer;
    }
    bool has_share = is_manager ? of_asker < reads_of_manager &&
                                      of_asker_there < reads_of_manager_at_host
                                : of_asker < reads_of_tenant;
    return has_share && of_peer < reads_of_peer ? CODE_OK : CODE_BUSY;
}

enum code reads_ask(struct manager *manager, const struct book_vm *vm, const struct read *what,
                    const struct reader *reader) {
    struct peer *peer = downlink_by_name(&manager->downlink, vm->record.place);
    enum code code = refusal(manager, peer, vm->record.asker, reader->uplink);
    if (code != CODE_OK)
        return code;
    struct read_op *op = memory_new(1, sizeof(*op));
    op->number = 1 + prng_below(&manager->prng, session_number_most); /* no other start's */
    op->peer = peer;
    op->session = peer->session.number;
    op->due_ms = manager->moment.now_ms + reads_within_ms;
    op->what = *what;
    op->what.epoch = vm->record.place_epoch;
    op->reader = *reader;
    text_set(op->reader.vm, what->vm);
    text_set(op->asker, vm->record.asker);
    list_add(&manager->reads, &op->node);
    struct message message = {.kind = MESSAGE_READ, .read = op->what};
    message.read.number = op->number;
    downlink_send(peer, &message);
    return CODE_OK;
}

static void end(struct manager *manager, struct read_op *op, const struct reading *reading) {
    list_remove(&op->node);
    manager->kind->on_reading(manager, &op->reader, reading);
    memory_free(op);
}

void reads_on_answer(struct manager *manager, const struct peer *peer,
                     const struct reading *reading) {
    list_for(struct read_op, op, &manager->reads, node) {
        if (op->number != reading->number || op->peer != peer)
            continue;
        end(manager, op, reading);
        return;
    }
}

void reads_go_on(struct manager *manager) {
    list_for(struct read_op, op, &manager->reads, node) {
        bool is_there = peer_is_up(op->peer) && op->peer->session.number == op->session;
        if (!is_there || op->due_ms <= manager->moment.now_ms || manager->stopping)
            end(manager, op, &(struct reading){.code = CODE_UNREACHABLE});
    }
}

uint64_t reads_deadline_ms(const struct manager *manager) {
    uint64_t due = book_never;
    list_for(const struct read_op, op, &manager->reads, node)
        due = op->due_ms < due ? op->due_ms : due;
    return due;
}

void reads_deinit(struct manager *manager) {
    list_for(struct read_op, op, &manager->reads, node) {
        list_remove(&op->node);
        memory_free(op);
    }
}
