/* Streams to VMs, as a manager knows them: for whom, by which ticket, and until when. The bytes
 * themselves never come in here; the shell has the ends of a stream and joins them.
 *
 *   ASKED --the place says opened--> OPEN --who is below and who is above have come--> JOINED
 *   within streams_within_ms         within streams_join_ms                 until streams_most_ms
 *
 * What a level shows or awaits as its ticket is the SHA-256 of what the level above showed it, so
 * no level can show what is awaited above it. A stream ends when its bytes do, when its time is
 * over, and within streams_check_ms of a change by which it is not to be any more: an owner's or
 * operator's, a move, the VM's end. Nothing of it is stored: who had one asks for another. */
#pragma once

#include "core/manager/question.h"
#include "message/owner.h"

struct uplink;

enum {
    streams_within_ms = 10000,
    streams_join_ms = 30000,
    streams_most_ms = 12 * 3600 * 1000,
    streams_check_ms = 500,
    /* At a time; more are refused as busy. */
    streams_of_vm = 16,
    streams_of_tenant = 32,
    streams_of_manager = 64, /* for all of its tenants */
    streams_of_peer = 64,
    streams_of_all = 256,
    streams_for_console = 2, /* more than those, so that others leave room for it */
};

/* For whom it is. */
struct viewer {
    uint64_t handle;       /* of the request, until that is answered */
    char token_hash[limit_digest_size]; /* that asked, and has to come with the ticket */
    char from[audit_from_size];
    struct uplink *uplink; /* NULL: a request */
    uint64_t session;      /* of the uplink */
    struct open open;      /* what the uplink said; of a request: its key */
    char secret[limit_digest_size]; /* of which the tickets are made */
};

struct stream {
    struct question asked; /* in stream_book.all; due by its state */
    uint64_t asked_ms;     /* wall */
    enum stream_state state;
    char below[limit_digest_size]; /* SHA-256 of the ticket that is awaited; "": it has come */
    char above[limit_digest_size];
    uint64_t claim;    /* of who came before it was said to be open; 0: nobody did */
    char key[limit_public_key_size]; /* of who seals it */
    struct viewer viewer;
};

/* Asks the VM's place. Not CODE_OK: it cannot be asked now, and nothing follows. Otherwise
 * kind->on_stream follows, once or twice. */
enum code streams_ask(struct manager *manager, const struct book_vm *vm,
                      const struct viewer *viewer);

void streams_on_opened(struct manager *manager, const struct peer *peer,
                       const struct opened *opened);

/* Somebody came with a ticket, who is taken or refused. The stream; NULL: refused. */
const struct stream *streams_on_event(struct manager *manager, const struct event_stream *event);

/* The ticket that the stream's viewer is to show. */
void streams_ticket(const struct manager *manager, const struct stream *stream,
                    char out_ticket[limit_digest_size]);

/* Somebody who may has it cut: as what is not allowed. */
void streams_cut(struct manager *manager, struct stream *stream);

/* What is not to be any more is cut. Call at the end of each step, before the uplinks speak. */
void streams_go_on(struct manager *manager);
uint64_t streams_deadline_ms(const struct manager *manager);
void streams_deinit(struct manager *manager);
