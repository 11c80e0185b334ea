/* Tells in chats what happened: fetches from the manager what is due, sends it, and says what has
 * become of it once our server has answered a ping that was sent behind it, and so has had it. What
 * is not said so is there to be fetched again, with its id.
 *
 * A thread of its own. The connection says when it is there, and what comes back. */
#pragma once

#include "base/log.h"
#include "io/carrier/outbox.h"
#include "message/limits.h"

struct chat_teller_settings {
    const char *url, *ca_file; /* of the manager; ca_file NULL: the system's */
    const char *token;         /* that is good for this alone */
    const char *domains;       /* by blanks: whose addresses are told; NULL: all */
    const char *account;       /* our JID, whose server is asked whether it has had all */
    struct carrier_outbox *outbox;
    const struct log *log;
};

struct chat_teller;

/* NULL with `err`. What `settings` points to outlives it. */
struct chat_teller *chat_teller_start(const struct chat_teller_settings *settings,
                                      struct error *err);
void chat_teller_stop(struct chat_teller *teller); /* NULL: no harm, here and below */

/* The connection is there; or is not, any more. */
void chat_teller_on_up(struct chat_teller *teller);
void chat_teller_on_down(struct chat_teller *teller);

/* Our server has answered a ping of this id. */
void chat_teller_on_answer(struct chat_teller *teller, const char *id);

/* A message of this id came back from whom it was sent to, for such a reason (RFC 6120, 8.3.3). */
struct chat_refused {
    const char *from, *id, *condition;
};
void chat_teller_on_refusal(struct chat_teller *teller, const struct chat_refused *refused);
