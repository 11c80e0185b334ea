/* Enrolment at a manager: tokens are issued for peers of the configuration, and whoever brings an
 * open one from the peer's address gets its key pinned there. Pure: secrets come in as digests.
 *
 * Token:  OPEN --join--> USED        OPEN --its time--> EXPIRED        any --revoke--> gone
 * A pinned key takes the place of the configuration's, and stands in the store. Both managers
 * use this. */
#pragma once

#include "core/below/downlink.h"
#include "core/manager/call.h"
#include "message/enrol.h"
#include "message/id.h"

struct enrol {
    struct map tokens;  /* by id */
    struct list by_age; /* struct token_entry */
    uint64_t asked;     /* how often somebody asked whose key was not pinned for it */
};

void enrol_init(struct enrol *enrol);
void enrol_deinit(struct enrol *enrol);

/* Stored records; others than its own are left alone. */
void enrol_load(struct enrol *enrol, const struct downlink *downlink, const struct record *record);

/* Somebody asks to be pinned: told what became of it. */
void enrol_on_join(struct enrol *enrol, struct downlink *downlink, const struct event *event);

/* REQUEST_TOKEN_… and REQUEST_KEY_REVOKE, of an operator or owner. */
struct enrol_call {
    const struct call *call;
    struct enrol *enrol;
    struct downlink *downlink;
    struct id_maker *ids;
};
void enrol_on_request(const struct enrol_call *call);
