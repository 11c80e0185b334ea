/* What is written down of requests: who asked for what, from where, and what came of it; and of VMs
 * that were made anew since their place was lost, which nobody asks for. A row is saved with what
 * the request changes, in one transaction. Refused ones are gathered: the first of
 * a kind has a row at once, those like it within a minute one more between them, so that nobody
 * fills the audit by asking in vain.
 *
 * The rows of one asker are a chain (message/records/audit.h). There is room for a number of rows
 * and a time; where there are too many, whoever has most loses its oldest. In memory are the rows'
 * ids and times; a list reads the rest from the store. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/manager/call.h"
#include "core/settings.h"
#include "message/id.h"

enum { audit_groups = 32 };

/* Refused requests of a kind, while they are gathered. */
struct audit_group {
    struct audit row;  /* of the first */
    uint64_t until_ms; /* monotonic; 0: there is none */
};

struct audit_book {
    interface_hash hash; /* NULL: no rows are written */
    uint64_t most, keep_ms;
    struct id_maker ids;
    struct map chains;
    struct list rows;    /* of all chains, the oldest first */
    uint64_t count;
    struct heap holders; /* of the chains, by how many rows they have */
    struct audit_group groups[audit_groups];
    uint64_t sweep_ms;   /* when rows that are too old go next */
};

/* A request that has been answered, or is to be when its operation ends. */
struct audit_asked {
    const struct request *request;
    enum audit_who who;
    const char *tenant; /* AUDIT_TENANT; otherwise "" or NULL */
    uint64_t tenant_ms;
    const char *token_name; /* "" or NULL: the configured one, or the owner */
    size_t before; /* effects that were there before it was handled */
    enum code code; /* what came of it where no reply says so */
};

void audit_init(struct audit_book *book, const struct role_settings *settings);
void audit_deinit(struct audit_book *book);
void audit_load(struct audit_book *book, const struct record *record);

void audit_note(struct audit_book *book, const struct moment *moment,
                const struct audit_asked *asked);

/* The VM is made anew. `op`: which operation does it; "": one of a manager below. */
void audit_note_restart(struct audit_book *book, const struct moment *moment, const struct vm *vm,
                        const char *op);

/* What was gathered long enough is written, and what is too old goes. */
void audit_on_tick(struct audit_book *book, const struct moment *moment);
void audit_on_stop(struct audit_book *book, const struct moment *moment); /* all of it */
uint64_t audit_deadline_ms(const struct audit_book *book);

/* The newest first. `tenant`: only of this one, as it was made then; NULL: all. */
void audit_list(const struct call *call, struct audit_book *book, const char *tenant,
                uint64_t tenant_ms);
