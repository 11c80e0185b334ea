#include "core/placement.h"

#include "base/text.h"

static bool was_tried(const struct downlink *downlink, const struct book_op *op,
                      const struct peer *peer) {
    for (uint32_t i = 0; op && i < op->tried_count; i++)
        if (&downlink->peers[op->tried[i]] == peer)
            return true;
    return false;
}

enum placement placement_choose(const struct downlink *downlink, const struct size *size,
                                const char *only, const struct book_op *op,
                                struct peer **out_peer) {
    int shape = downlink_shape(downlink, size);
    enum placement found = PLACEMENT_UNREACHABLE;
    uint64_t most = 0;
    *out_peer = NULL;
    for (size_t i = 0; i < downlink->count; i++) {
        struct peer *peer = &downlink->peers[i];
        if (!peer_is_up(peer) || (*only && !text_equal(only, peer->setting.name)))
            continue;
        if (found == PLACEMENT_UNREACHABLE)
            found = PLACEMENT_NO_ROOM;
        uint64_t room = shape < 0 ? 0 : room_left(peer->counted[shape]);
        if (room <= most || was_tried(downlink, op, peer))
            continue;
        most = room;
        *out_peer = peer;
        found = PLACEMENT_FOUND;
    }
    return found;
}

void placement_exclude(const struct downlink *downlink, struct book_op *op,
                       const struct peer *peer) {
    if (op->tried_count < array_size(op->tried))
        op->tried[op->tried_count++] = (uint16_t)(peer - downlink->peers);
}

void placement_put(struct peer *peer, struct book_vm *vm, struct book_op *op,
                   const struct event *event) {
    placement_take(vm);
    (void)text_copy(vm->record.place, sizeof(vm->record.place), peer->setting.name);
    list_add(&peer->vms, &vm->by_place);
    vm->record.place_epoch++;
    op->record.place_generation = ++vm->record.place_generation;
    op->attempts = 0;
    book_step(op, STEP_PLACED, event->wall_ms);
}

void placement_take(struct book_vm *vm) {
    list_remove(&vm->by_place);
    vm->record.place[0] = 0;
}
