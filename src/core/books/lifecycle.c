/* The two tables, as bits: which states may follow each state, and in which states each verb is
 * legal. */
#include "core/books/lifecycle.h"

#include <assert.h>

#include "core/books/ips.h"

enum {
    moves_seen = 1u << VM_STOPPED | 1u << VM_RUNNING | 1u << VM_PAUSED | 1u << VM_SUSPENDED |
                 1u << VM_CRASHED | 1u << VM_LOST | 1u << VM_DELETING | 1u << VM_DELETED,
};

static const unsigned followers[VM_STATE_COUNT] = {
    [VM_PENDING] = moves_seen | 1u << VM_FAILED,
    [VM_STOPPED] = moves_seen | 1u << VM_FAILED, /* defined, but its first start failed */
    [VM_RUNNING] = moves_seen | 1u << VM_FAILED,
    [VM_PAUSED] = moves_seen,
    [VM_SUSPENDED] = moves_seen | 1u << VM_FAILED,
    [VM_CRASHED] = moves_seen | 1u << VM_FAILED,
    [VM_LOST] = moves_seen | 1u << VM_PENDING, /* its host has it again, or it comes there anew */
    [VM_DELETING] = 1u << VM_DELETED,
    [VM_FAILED] = 1u << VM_DELETING | 1u << VM_DELETED | 1u << VM_PENDING,
    [VM_DELETED] = 0,
};

enum {
    off = 1u << VM_STOPPED | 1u << VM_CRASHED,
    there = off | 1u << VM_RUNNING | 1u << VM_PAUSED | 1u << VM_SUSPENDED,
};

static const unsigned permitted[VERB_COUNT] = {
    [VERB_DEFINE] = 0,
    [VERB_START] = off | 1u << VM_SUSPENDED,
    [VERB_SHUTDOWN] = 1u << VM_RUNNING,
    [VERB_STOP] = 1u << VM_RUNNING | 1u << VM_PAUSED | 1u << VM_SUSPENDED | 1u << VM_CRASHED,
    [VERB_REBOOT] = 1u << VM_RUNNING,
    [VERB_PAUSE] = 1u << VM_RUNNING,
    [VERB_RESUME] = 1u << VM_PAUSED,
    [VERB_SUSPEND] = 1u << VM_RUNNING | 1u << VM_PAUSED,
    [VERB_RESIZE] = off | 1u << VM_RUNNING,
    [VERB_RENAME] = there | 1u << VM_LOST,
    [VERB_EDIT] = there | 1u << VM_LOST,
    [VERB_LOCK] = there | 1u << VM_LOST,
    [VERB_UNLOCK] = there | 1u << VM_LOST,
    [VERB_SNAPSHOT] = off | 1u << VM_RUNNING,
    [VERB_REVERT] = off | 1u << VM_RUNNING,
    [VERB_REBUILD] = off | 1u << VM_RUNNING,
    [VERB_SNAPSHOT_DELETE] = off | 1u << VM_RUNNING,
    [VERB_INTERFACE_ADD] = off | 1u << VM_RUNNING,
    [VERB_INTERFACE_REMOVE] = off | 1u << VM_RUNNING,
    [VERB_COPY] = off | 1u << VM_RUNNING | 1u << VM_PAUSED,
    [VERB_ALLOW] = off | 1u << VM_RUNNING | 1u << VM_PAUSED,
    [VERB_MIGRATE] = 1u << VM_RUNNING,
    [VERB_ADOPT] = there | 1u << VM_PENDING,
    [VERB_DELETE] = there | 1u << VM_PENDING | 1u << VM_LOST | 1u << VM_DELETING | 1u << VM_FAILED,
};

bool lifecycle_may_follow(enum vm_state from, enum vm_state to) {
    return from == to || (followers[from] & 1u << to);
}

void lifecycle_set_state(struct vm *vm, enum vm_state to, uint64_t wall_ms) {
    assert(lifecycle_may_follow(vm->state, to));
    vm->state = to;
    if (to != VM_RUNNING && to != VM_PAUSED)
        ips_drop(vm);
    vm->changed_ms = wall_ms;
}

bool lifecycle_permits(enum verb verb, enum vm_state state) {
    return permitted[verb] & 1u << state;
}

bool lifecycle_is_made(enum vm_state state) { return there & 1u << state; }

bool lifecycle_occupies(enum vm_state state) {
    return state != VM_FAILED && state != VM_DELETED && state != VM_LOST;
}
