/* What a warden does with a VM: the rule of the program isthmus-warden, a process of its own beside
 * the agent. It stops what has no lease any more, whatever became of the agent, and decides nothing
 * else.
 *
 *   OFF --a process is seen--> RUNS --the lease has ended--> FROZEN --renewed--> RUNS
 *                                |                              |
 *                                '--evicted, or of another boot-+--frozen too long--> ENDED
 *
 * A lease's end is a time of CLOCK_BOOTTIME, which counts what a host sleeps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum warden_state {
    WARDEN_OFF,    /* no process of the VM has been seen */
    WARDEN_RUNS,
    WARDEN_FROZEN, /* it stands still, memory and all, and can go on */
    WARDEN_ENDED,  /* killed; until it is registered anew */
    WARDEN_STATE_COUNT,
};

enum warden_act { WARDEN_LEAVE, WARDEN_FREEZE, WARDEN_THAW, WARDEN_END };

struct warden_lease {
    uint64_t until_ms; /* 0: there is none */
    bool is_over;      /* it was evicted, or its lease is of another boot: it never goes on */
};

struct warden_vm {
    enum warden_state state;
    uint64_t since_ms; /* in that state */
};

/* What is to be done now. Freezing again, and ending again, does no harm, and catches a process
 * that came since. */
enum warden_act warden_judge(const struct warden_vm *vm, const struct warden_lease *lease,
                             uint64_t freeze_most_ms, uint64_t now_ms);
