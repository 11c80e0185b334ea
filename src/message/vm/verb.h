/* What can be asked for of a VM, and how far each verb goes. */
#pragma once

#include <stdbool.h>

enum verb {
    VERB_DEFINE,
    VERB_START,
    VERB_SHUTDOWN,
    VERB_STOP,
    VERB_REBOOT,
    VERB_PAUSE,
    VERB_RESUME,
    VERB_SUSPEND,  /* its memory to disk: a start goes on where it was */
    VERB_RESIZE,
    VERB_RENAME,
    VERB_EDIT,     /* its metadata, or its title */
    VERB_LOCK,     /* until it is unlocked, every other verb is refused */
    VERB_UNLOCK,
    VERB_SNAPSHOT,
    VERB_REVERT,
    VERB_REBUILD,
    VERB_SNAPSHOT_DELETE,
    VERB_RECEIVE, /* a host makes ready for a VM that comes to it while it runs */
    VERB_MIGRATE, /* the VM goes there; its guest stands still until it is adopted */
    VERB_ADOPT,   /* the host that a VM has come to lets its guest go on */
    VERB_DISCARD, /* in a manager's books only: a delete on the host that it was to go to */
    VERB_DELETE,
    VERB_EVICT, /* of managers: it runs elsewhere; what is left of it is put aside */
    VERB_COPY,  /* its disk, as it is at one moment, into its manager's block store */
    VERB_ALLOW, /* other rules of who may begin to speak to it */
    VERB_INTERFACE_ADD,    /* one in a network, also while it runs */
    VERB_INTERFACE_REMOVE, /* one of those that it has */
    VERB_COUNT,
};
extern const char *const verb_names[VERB_COUNT];

/* How far a verb goes. */
enum verb_reach {
    VERB_UNBUILT,  /* a name that is kept: whoever asks for it is told that it is unsupported */
    VERB_ABOVE,    /* the upstream manager's own matter: nothing of it goes down */
    VERB_BELOW,    /* instructed down to the host: an owner may forbid it */
    VERB_AMONG_HOSTS, /* a downstream manager's to its own hosts: nobody above can ask for it, but
                       * for an eviction */
};
extern const enum verb_reach verb_reaches[VERB_COUNT];

/* Does the verb begin what a host knows of a VM? */
static inline bool verb_makes(enum verb verb) {
    return verb == VERB_DEFINE || verb == VERB_RECEIVE;
}

/* Is nothing of the VM to be there afterwards? */
static inline bool verb_ends(enum verb verb) {
    return verb == VERB_DELETE || verb == VERB_EVICT;
}

/* Is the operation for the host that the VM is to go to, not for that where it is? */
static inline bool verb_is_ahead(enum verb verb) {
    return verb == VERB_RECEIVE || verb == VERB_DISCARD;
}

/* Does it change which network interfaces the VM has? */
static inline bool verb_connects(enum verb verb) {
    return verb == VERB_INTERFACE_ADD || verb == VERB_INTERFACE_REMOVE;
}
