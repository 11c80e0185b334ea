/* Who may have what in the chat: strangers a sentence, who is linked what its token lets it do.
 * What has to be asked of the manager is asked on a few threads, one thing at a time for each
 * address, so that nobody has all of them.
 *
 * Knows no connection: what is heard comes in, stanzas go into an outbox. */
#pragma once

#include "base/log.h"
#include "io/carrier/outbox.h"
#include "io/chat/heard.h"
#include "message/records/access.h"

struct chat_face_settings {
    const char *url, *ca_file; /* of the manager; ca_file NULL: the system's */
    const char *state;         /* the folder of links */
    const char *domains;       /* by blanks: whose addresses may be linked; NULL: all */
    enum rights rights;        /* the most that a link has here */
    bool deletes;              /* VMs may be deleted from here */
    struct carrier_outbox *outbox;
    const struct log *log;
};

struct chat_face;

/* NULL with `err`. What `settings` points to outlives the face. */
struct chat_face *chat_face_new(const struct chat_face_settings *settings, struct error *err);
void chat_face_free(struct chat_face *face); /* what is under way is given up */

size_t chat_face_links(struct chat_face *face);

/* The connection is there: who is linked sees us. */
void chat_face_greet(struct chat_face *face);

/* `heard` is copied. Never waits for the manager. */
void chat_face_hear(struct chat_face *face, const struct chat_heard *heard);

/* Somebody wants to see whether we are there. */
void chat_face_admit(struct chat_face *face, const char *from);
