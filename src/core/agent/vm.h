/* The agent, and what becomes of one of its VMs: its state, the room that it takes on the host, the
 * end of its operation. Which jobs lead there is decided by agent/work, what is heard from the
 * manager by agent/agent. */
#pragma once

#include "core/above/speak.h"

enum { agent_reads = 8, agent_streams = 66 }; /* at a time */

struct agent_vm {
    struct book_vm base;
    struct list by_work; /* in agent.working while a job is under way */
    uint64_t job;        /* that job; 0: none */
    char job_image[limit_digest_size]; /* that it may make a disk from; "": none */
    bool is_found;       /* by the scan after the start */
    bool is_met;         /* by that, and not in the books until what it has is known */
    uint8_t looks;       /* jobs to find that out */
    bool is_cut;         /* it ran when its host lost power, and is to run again */
    bool is_guarded;     /* its host's warden knows of it */
    bool is_frozen;      /* by that: it stands still */
    bool ran;            /* the domain has come to run since that job was begun */
    uint8_t fell;        /* the state of a domain that ran and is off again; 0: none */
};

struct agent_op {
    struct book_op base;
    bool guest_acted; /* the guest did what it was asked before the asking ended */
};

static inline struct agent_vm *agent_vm(const struct book_vm *vm) {
    return container_of(vm, struct agent_vm, base);
}

static inline struct agent_op *agent_op(const struct book_op *op) {
    return container_of(op, struct agent_op, base);
}

extern const struct book_kind agent_books;

struct agent {
    struct moment moment;
    struct own_incarnation own;
    struct book book;
    struct uplink uplink;
    struct size host;        /* what the host offers */
    bool host_is_full;       /* its disk: no new VM begins */
    bool books_are_full;     /* the disk that they are on: no new VM begins */
    const char *networks;    /* that it has, by commas; NULL: none */
    const char *filtered;    /* of these, in which VMs' rules are kept */
    struct landing landing;  /* where it receives VMs that run; no URI: it does not */
    struct amounts used;      /* by the VMs here */
    uint64_t usage_due_ms;   /* when the host is asked what its VMs use */
    uint64_t last_job;
    uint64_t jobs;           /* under way */
    struct list working;     /* agent_vm.by_work of the VMs that they are for */
    struct agent_read {      /* a part of a log that the host is reading; 0: none */
        uint64_t number, session;
    } reads[agent_reads];
    struct agent_stream {    /* 0: none */
        uint64_t number;     /* for the host */
        uint64_t asked, session; /* by the manager, until it is answered */
    } streams[agent_streams];
    uint64_t last_stream;
    uint64_t met;            /* VMs that are is_met */
    uint64_t guarded;        /* VMs that are is_guarded */
    uint64_t renewed_ms[LEASE_REACH_COUNT]; /* until when the warden was told that they may run */
    bool scan_ended;         /* scanned: and all that it has met is known */
    bool scanned, stopping;
    struct prng prng;
};

/* Gives the VM another state: written, counted, told. */
void agent_set_state(struct agent *agent, struct book_vm *vm, enum vm_state state);

void agent_tell_capacity(struct agent *agent);

/* Does it run by a lease? */
bool agent_is_leased(const struct book_vm *vm);
enum lease_reach agent_reach(const struct book_vm *vm); /* then: by which */

/* Something for the host's warden; the rest is the caller's to fill in. */
struct effect_guard *agent_tell_guard(struct agent *agent, enum guard_order order);

/* The VM is guarded, by the lease that it runs by. */
void agent_tell_taken(struct agent *agent, const struct book_vm *vm);

/* The VM is here, or has gone: it is guarded or not, as it needs (agent/guard.h). */
void agent_guard(struct agent *agent, struct book_vm *vm);

/* The sum that the VM counts in; NULL: it does not count. */
struct amounts *agent_used(struct agent *agent, const struct book_vm *vm);
bool agent_is_full(const struct agent *agent);
bool agent_could_have(const struct agent *agent, const struct size *size); /* if it were empty */
bool agent_has_room(const struct agent *agent, const struct size *size);

/* A job of the VM; what it is about is for the caller to fill in. */
struct effect_job *agent_add_job(struct agent *agent, struct book_vm *vm, enum job_kind kind);

/* Ends the operation; its result is due, with the capacity before it. */
void agent_end(struct agent *agent, struct book_op *op, enum code code);

/* Call after a change of state: the VM's size counts in what is used on the host, or no longer. */
void agent_count(struct agent *agent, struct book_vm *vm);
