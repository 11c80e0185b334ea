/* Access tokens of an upstream manager's tenants and operators: who is known by which, what may be
 * asked by it, and until when. A token that is revoked, or whose time is over, is known no more:
 * its row is forgotten, by which the face ends what is open with it. Pure: tokens come in as
 * digests.
 *
 *   made --its time, or a revocation--> forgotten
 *
 * That a token was used is written down once an hour at the most. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/manager/call.h"
#include "message/id.h"

struct access_book {
    struct id_maker ids;
    struct map by_hash, by_id, askers;
    struct list by_age;   /* of all askers */
    struct heap ends;     /* by when they expire */
    uint64_t look_ms;     /* when that is looked at next; monotonic */
};

/* Whose tokens: a tenant's, as it was made then, or the operators' (""). */
struct access_asker {
    const char *tenant;
    uint64_t tenant_ms;
};

void access_init(struct access_book *book, uint64_t seed);
void access_deinit(struct access_book *book);
void access_load(struct access_book *book, const struct record *record);

/* The token of this digest, whose time is not over; NULL: there is none. */
const struct access_token *access_find(const struct access_book *book, const char *hash,
                                       uint64_t wall_ms);

/* It is used now. */
void access_used(struct access_book *book, const struct moment *moment,
                 const struct access_token *token);

/* The first token of a tenant, which has all rights, unless it is known. */
void access_add_first(struct access_book *book, const struct moment *moment,
                      const struct access_asker *asker, const char *hash);

/* All of a tenant's are forgotten. */
void access_forget_all(struct access_book *book, const struct moment *moment, const char *tenant);

/* Forgets those that belong to nobody: `is_known` says whether there is such an asker. */
void access_sweep(struct access_book *book, const struct moment *moment,
                  bool (*is_known)(const void *context, const struct access_asker *asker),
                  const void *context);

/* Those whose time is over are forgotten. */
void access_on_tick(struct access_book *book, const struct moment *moment);
uint64_t access_deadline_ms(const struct access_book *book);

/* REQUEST_ACCESS_…: answers for this asker's tokens. `tenant` NULL: a list is of all. */
void access_create(const struct call *call, struct access_book *book,
                   const struct access_asker *asker);
void access_list(const struct call *call, struct access_book *book, const char *tenant);

/* By id, or by a name among the asker's; an operator's (`tenant` "") are all there are. True: it
 * is revoked, and copied. */
bool access_revoke(const struct call *call, struct access_book *book, const char *tenant,
                   struct access_token *out_gone);
