/* Parts of VMs' console logs that somebody above has asked for and a place has yet to send: passed
 * down and back up by numbers of each level's own. Nothing of it is stored, and nothing is lost by
 * that: who asked hears within reads_within_ms, and asks again. */
#pragma once

#include "core/manager/question.h"

struct uplink;

enum {
    reads_within_ms = 10000,
    /* Under way at a time; more are refused as busy. */
    reads_of_tenant = 2,
    reads_of_manager = 8, /* for all of its tenants */
    reads_of_manager_at_host = 4,
    reads_of_peer = 8,
};

/* Whom the answer is for. */
struct reader {
    uint64_t handle;       /* of a request, or 0 */
    struct uplink *uplink; /* NULL: a request */
    uint64_t session, number; /* of the uplink; and the number above */
    char vm[limit_id_size];   /* by reads_ask() */
};

struct read_op {
    struct question asked; /* in manager.reads */
    struct reader reader;
};

/* Asks the VM's place. Not CODE_OK: it cannot be asked now, and nobody else will answer. */
enum code reads_ask(struct manager *manager, const struct book_vm *vm, const struct read *what,
                    const struct reader *reader);

/* A place has sent one; of others, and of what is over, nothing is heard. */
void reads_on_answer(struct manager *manager, const struct peer *peer,
                     const struct reading *reading);

/* Those whose place is not connected any more, or has not answered in time, are refused. Call at
 * the end of each step, before the uplinks speak. */
void reads_go_on(struct manager *manager);
uint64_t reads_deadline_ms(const struct manager *manager);
void reads_deinit(struct manager *manager);
