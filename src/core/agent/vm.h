/* The agent, and what becomes of one of its VMs: its state, the room that it takes on the host, the
 * end of its operation. Which jobs lead there is decided by agent/work, what is heard from the
 * manager by agent/agent. */
#pragma once

#include "core/above/speak.h"

struct agent_vm {
    struct book_vm base;
    struct list by_work; /* in agent.working while a job is under way */
    uint64_t job;        /* that job; 0: none */
    bool is_found;       /* by the scan after the start */
    bool is_cut;         /* it ran when its host lost power, and is to run again */
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
    struct book book;
    struct uplink uplink;
    struct size host;        /* what the host offers */
    const char *networks;    /* that it has, by commas; NULL: none */
    struct landing landing;  /* where it receives VMs that run; no URI: it does not */
    struct amounts used;      /* by the VMs here */
    uint64_t last_job;
    uint64_t jobs;           /* under way */
    struct list working;     /* agent_vm.by_work of the VMs that they are for */
    bool scanned, stopping;
    struct prng prng;
};

/* Gives the VM another state: written, counted, told. */
void agent_set_state(struct agent *agent, struct book_vm *vm, enum vm_state state);

void agent_tell_capacity(struct agent *agent);

/* The sum that the VM counts in; NULL: it does not count. */
struct amounts *agent_used(struct agent *agent, const struct book_vm *vm);
bool agent_has_room(const struct agent *agent, const struct size *size);

/* Ends the operation and sends its result, capacity before it. */
void agent_end(struct agent *agent, struct book_op *op, enum code code);

/* Call after a change of state: the VM's size counts in what is used on the host, or no longer. */
void agent_count(struct agent *agent, struct book_vm *vm);
