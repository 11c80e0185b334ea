/* Recovery: a place is not heard any more, and its lease has ended for certain. Its VMs that are to
 * be restarted run nowhere then, and are made to run elsewhere, with a later epoch. What the lost
 * place has of them is to go before that place is given another lease.
 *
 *   HERE --the lease has ended, and the fault is not one's own--> OWED: the role's to place anew
 *    ^                              |
 *    |                              '-- held for a person: more than half of the places are silent
 *    '-- the place is back before that: it gets a lease, and all goes on as it was
 *
 *   eviction:   on disk with OWED --the place is back: evict--> told --result--> forgotten
 *                                     its session has acknowledged all: it is given leases again
 *
 * Both managers use it; what they owe, and how they make it anew, is their own (manager_kind). */
#pragma once

#include "core/manager/call.h"
#include "core/manager/manager.h"

void recover_deinit(struct manager *manager);

/* A stored eviction; other records are left alone. */
void recover_load(struct manager *manager, const struct record *record);

/* At the end of a step: looks at places whose lease has ended, and at what is to be told again. */
void recover_go_on(struct manager *manager);

/* What that place may have of the VM, which is to run elsewhere, is to be gone from there. */
void recover_evict(struct manager *manager, struct book_vm *vm, const char *place,
                   uint32_t epoch);

/* A VM that comes to be here anew, of which places may still have something: it is counted on from
 * what they have. */
void recover_resume_numbers(const struct manager *manager, struct book_vm *vm);

/* Is what this place has of that VM about to be gone? */
bool recover_evicts(const struct manager *manager, const struct peer *peer, const char *vm);

/* The place is connected (again). */
void recover_on_opened(struct manager *manager, struct peer *peer);

/* False: the result is of no eviction. */
bool recover_on_result(struct manager *manager, struct peer *peer, const struct result *result);

/* Something that a VM of a lost place may have waited for is there. */
void recover_soon(struct manager *manager);

/* A person says that the place runs nothing any more, or that what is held is to go on. */
enum recover_word { RECOVER_HELD, RECOVER_OFF };
void recover_now(struct manager *manager, struct peer *peer, enum recover_word word);

/* How many VMs of a place are to be restarted elsewhere once its lease has ended; how many of what
 * it had run elsewhere by now. */
size_t recover_count_owed(const struct manager *manager, const struct peer *peer);
size_t recover_count_evictions(const struct manager *manager, const struct peer *peer);

/* Whether VMs that are to be restarted elsewhere may run at a place; of one that is not heard and
 * where they may, when (wall) none does any more, otherwise 0. */
enum lease_state recover_lease(const struct manager *manager, const struct peer *peer);
uint64_t recover_lease_ends_ms(const struct manager *manager, const struct peer *peer);

/* What lost places have, or have put aside, of VMs that run elsewhere by now; one that is done is
 * listed no more. */
void recover_list(const struct call *call, const struct manager *manager);
void recover_forget(const struct call *call, struct manager *manager);
