/* Whether each kind of effect is stored, leaves or stays; and how long what is stored may wait for
 * its commit. */
#include "core/turn.h"

enum turn_way turn_way(const struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_SAVE:
    case EFFECT_FORGET:
        return TURN_STORES;
    case EFFECT_SEND:
    case EFFECT_ACKNOWLEDGE:
    case EFFECT_REPLY:
    case EFFECT_JOB:
    case EFFECT_READY:
    case EFFECT_DONE:
    case EFFECT_PIN:
    case EFFECT_PIN_NEXT:
    case EFFECT_JOIN:
    case EFFECT_JOINED:
    case EFFECT_READ:
    case EFFECT_USAGE:
    case EFFECT_ARCHIVE:
    case EFFECT_BUCKET:
    case EFFECT_DELIVER:
    case EFFECT_STREAM:
    case EFFECT_DEPOSED:
    case EFFECT_GUARD:
        return TURN_LEAVES;
    case EFFECT_IMAGE: /* is named by its content, and wanted again after a crash */
    case EFFECT_NOTE:
    case EFFECT_ROUTE:
    case EFFECT_KIND_COUNT:
        return TURN_STAYS;
    }
    return TURN_LEAVES;
}

void turn_init(struct turn *turn) { turn_close(turn); }

bool turn_must_commit(struct turn *turn, const struct effects *effects, uint64_t now_ms) {
    bool stores = false, leaves = false;
    for (size_t i = 0; i < effects->count; i++) {
        enum turn_way way = turn_way(&effects->items[i]);
        stores |= way == TURN_STORES;
        leaves |= way == TURN_LEAVES;
    }
    if (stores && !turn->is_open)
        *turn = (struct turn){.is_open = true, .due_ms = now_ms + turn_commit_ms};
    return turn->is_open && (leaves || now_ms >= turn->due_ms);
}

void turn_close(struct turn *turn) { *turn = (struct turn){.due_ms = UINT64_MAX}; }
