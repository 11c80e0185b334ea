/* The closed set of outcomes. What went wrong below travels upward as one of these and nothing
 * else (law 1, the wall): no free text from below exists above. The words for people are made
 * here, from the code alone, at the level where the person reads them. */
#pragma once

enum code {
    CODE_OK,
    /* refusals of a request, before anything was done */
    CODE_INVALID,          /* a field's value cannot be */
    CODE_UNAUTHENTICATED,  /* no token, or an unknown one */
    CODE_FORBIDDEN,        /* the token is not for this */
    CODE_NOT_FOUND,
    CODE_UNKNOWN_SHAPE,
    CODE_UNKNOWN_IMAGE,
    CODE_UNKNOWN_NETWORK,
    CODE_CONFLICT,         /* the name is taken, or the thing is in use */
    CODE_KEY_REUSED,       /* Idempotency-Key with another request */
    CODE_BUSY,             /* another operation on the VM is under way */
    CODE_BAD_STATE,        /* the verb is not legal in the VM's state */
    CODE_LOCKED,           /* the VM is locked: only unlock is taken */
    CODE_TOO_LARGE,        /* body or upload over the limit */
    CODE_FULL,             /* a table of this daemon is full */
    CODE_UNSUPPORTED,      /* the other side does not know this */
    /* outcomes of an operation */
    CODE_NO_CAPACITY,      /* no place has room for the shape */
    CODE_UNMET,            /* no cluster has the labels or networks, or fits the group's rule */
    CODE_QUOTA_EXCEEDED,   /* the tenant's quota has no room for it */
    CODE_NOT_ALLOWED,      /* the cluster's owner does not allow it */
    CODE_UNREACHABLE,      /* no cluster that could take it is connected */
    CODE_IMAGE_UNAVAILABLE,/* the image could not be fetched */
    CODE_IMAGE_BROKEN,     /* wrong digest, not an archive, bad manifest, no disk */
    CODE_IMAGE_TOO_LARGE,  /* the image's disk is larger than the shape's */
    CODE_HOST_FAILED,      /* the hypervisor refused or failed */
    CODE_GUEST_IGNORED,    /* the guest did not act on a shutdown or reboot in time */
    CODE_DEADLINE,         /* no confirmation before the deadline */
    CODE_SUPERSEDED,       /* a newer instruction (delete) took its place */
    CODE_STALE,            /* older than the VM's newest: an instruction, or what was read of it */
    CODE_INTERRUPTED,      /* a crash came between the act and its record; not repeated */
    CODE_LOST,             /* the VM is no longer on its host */
    CODE_SHUTTING_DOWN,    /* this daemon is stopping: ask again */
    CODE_INTERNAL,         /* a bug or a failing disk of this daemon */
    CODE_NO_LEASE,         /* the host has no lease by which the VM could run */
    CODE_NO_COPY,          /* there is none of the VM's disk to make it from */
    CODE_COUNT,
};

extern const char *const code_names[CODE_COUNT];

/* A short title, and what to do about it; both are one sentence without a full stop. */
const char *code_title(enum code code);
const char *code_remedy(enum code code);
