/* What a tenant wants of a VM whose host is lost. */
#pragma once

#include <stdbool.h>

/* What becomes of a VM when its host is lost. */
enum on_loss {
    ON_LOSS_STAY,    /* it waits there */
    ON_LOSS_RESTART, /* it is made anew on another host, once it surely runs no more where it was:
                      * it runs by a lease alone (core/link/lease.h) */
    ON_LOSS_ANYWHERE, /* and in another cluster, when its own is lost */
    ON_LOSS_COUNT,
};
extern const char *const on_loss_names[ON_LOSS_COUNT];

/* What is said of it, by a request or a rule. */
enum on_loss_wish {
    LOSS_WISH_NONE, /* as a rule says; where none does, it stays */
    LOSS_WISH_STAY,
    LOSS_WISH_RESTART,
    LOSS_WISH_ANYWHERE,
    LOSS_WISH_COUNT,
};
extern const char *const on_loss_wish_names[LOSS_WISH_COUNT];

/* What a VM is made from when it is restarted since its host was lost. */
enum restart_from {
    RESTART_FROM_IMAGE, /* what its disk held is lost */
    RESTART_FROM_COPY,  /* its newest copy; while there is none, it waits for its host */
    RESTART_FROM_COUNT,
};
extern const char *const restart_from_names[RESTART_FROM_COUNT];

/* What becomes of a VM of which the first wish says it, or else the second. */
static inline enum on_loss on_loss_wished(enum on_loss_wish first, enum on_loss_wish second) {
    enum on_loss_wish wish = first ? first : second;
    return wish ? (enum on_loss)(wish - LOSS_WISH_STAY) : ON_LOSS_STAY;
}

/* Does it run by a lease, and by which? */
static inline bool on_loss_is_leased(enum on_loss on_loss) { return on_loss != ON_LOSS_STAY; }
