/* What is asked of the manager by REST, as any client asks, and what comes of it in words. Blocks,
 * for worker threads; each call has a deadline. */
#pragma once

#include <stdatomic.h>

#include "io/chat/show.h"

struct chat_asker {
    const char *url, *ca_file; /* of the manager; ca_file NULL: the system's authorities */
    const char *token;         /* by which it is asked */
    const atomic_bool *cancel;
};

enum chat_result {
    CHAT_DONE,
    CHAT_REFUSED, /* `out` says why */
    CHAT_UNKNOWN, /* the token is not known any more */
};

/* Carries out what `order` says of a VM, an operation or a list, all but its link. */
enum chat_result chat_ask(const struct chat_asker *asker, const struct chat_order *order,
                          struct text *out);

/* The VM that a deletion would be of; out->state and its names are good where it is CHAT_DONE. */
enum chat_result chat_ask_vm(const struct chat_asker *asker, const char *name,
                             struct vm *out_vm, struct text *why);

enum chat_result chat_ask_whoami(const struct chat_asker *asker, struct whoami *out_who,
                                 struct text *why);

/* What there is to be told; waits a while for it. */
enum chat_result chat_ask_deliveries(const struct chat_asker *asker, struct chat_deliveries *out,
                                     struct text *why);

/* Says what has become of one. False: the manager may not know. */
bool chat_ask_end(const struct chat_asker *asker, const char *delivery,
                  const struct delivery_end *end, struct text *why);

/* Names for the inputs of a command, in their order; what cannot be had is to be typed. */
void chat_ask_choices(const struct chat_asker *asker, const struct chat_command *command,
                      struct chat_choices *out);
