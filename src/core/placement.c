#include "core/placement.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"

static struct tournament_excluded tried(const struct book_op *op) {
    _Static_assert(array_size(op->tried) <= tournament_excluded_most, "all that were tried");
    return op ? (struct tournament_excluded){op->tried, op->tried_count}
              : (struct tournament_excluded){0};
}

static bool was_tried(const struct downlink *downlink, const struct book_op *op,
                      const struct peer *peer) {
    for (uint32_t i = 0; op && i < op->tried_count; i++)
        if (&downlink->peers[op->tried[i]] == peer)
            return true;
    return false;
}

/* The one that is asked for by its name, or nobody. */
static enum placement choose_only(const struct downlink *downlink, int shape,
                                  const struct book_op *op, struct peer **peer) {
    if (!*peer || !peer_is_up(*peer))
        return PLACEMENT_UNREACHABLE;
    size_t at = (size_t)(*peer - downlink->peers);
    bool fits = shape >= 0 && downlink->rooms[shape].scores[at] > 0;
    return fits && !was_tried(downlink, op, *peer) ? PLACEMENT_FOUND : PLACEMENT_NO_ROOM;
}

static enum placement choose_any(const struct downlink *downlink, int shape,
                                 const struct book_op *op, struct peer **out_peer) {
    if (!downlink->up_count)
        return PLACEMENT_UNREACHABLE;
    size_t at = shape < 0 ? downlink->count : tournament_best(&downlink->rooms[shape], tried(op));
    if (at == downlink->count)
        return PLACEMENT_NO_ROOM;
    *out_peer = &downlink->peers[at];
    return PLACEMENT_FOUND;
}

enum placement placement_choose(const struct downlink *downlink, const struct size *size,
                                const char *only, const struct book_op *op,
                                struct peer **out_peer) {
    int shape = downlink_shape(downlink, size);
    *out_peer = *only ? downlink_by_name(downlink, only) : NULL;
    if (op && op->tried_count >= limit_refusals) {
        *out_peer = NULL;
        return PLACEMENT_NO_ROOM;
    }
    enum placement found = *only ? choose_only(downlink, shape, op, out_peer)
                                 : choose_any(downlink, shape, op, out_peer);
    if (found != PLACEMENT_FOUND)
        *out_peer = NULL;
    return found;
}

/* Said before anything was done, of this place alone: another may take it. */
static bool is_refusal(enum code code) {
    return code == CODE_NO_CAPACITY || code == CODE_NOT_ALLOWED || code == CODE_FULL ||
           code == CODE_UNSUPPORTED || code == CODE_SHUTTING_DOWN;
}

bool placement_leads_on(const struct downlink *downlink, struct book_vm *vm,
                        const struct peer *peer, enum code code, const struct event *event) {
    struct book_op *op = vm->active;
    struct operation *record = &op->record;
    if (!is_refusal(code))
        return false;
    assert(op->tried_count < limit_refusals); /* or it would not have been placed */
    op->tried[op->tried_count++] = (uint16_t)(peer - downlink->peers);
    record->refusals = memory_resize(record->refusals, (record->refusals_count + 1) *
                                                           sizeof(*record->refusals));
    struct refusal *refusal = &record->refusals[record->refusals_count++];
    *refusal = (struct refusal){.code = code, .at_ms = event->wall_ms};
    (void)text_copy(refusal->place, sizeof(refusal->place), peer->setting.name);
    placement_take(vm);
    return true;
}

void placement_remember(const struct downlink *downlink, struct book_op *op) {
    for (uint32_t i = 0; i < op->record.refusals_count; i++) {
        const struct peer *peer = downlink_by_name(downlink, op->record.refusals[i].place);
        if (peer && op->tried_count < limit_refusals)
            op->tried[op->tried_count++] = (uint16_t)(peer - downlink->peers);
    }
}

enum code placement_verdict(const struct book_op *op) {
    const struct operation *record = &op->record;
    for (uint32_t i = 1; i < record->refusals_count; i++)
        if (record->refusals[i].code != record->refusals[0].code)
            return CODE_NO_CAPACITY;
    return record->refusals_count ? record->refusals[0].code : CODE_NO_CAPACITY;
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
