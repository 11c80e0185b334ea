/* What is told by chat: isthmus-xmpp asks for it by a token that is good for nothing else, waits
 * until there is something, and says what became of each delivery. */
#pragma once

#include "core/upstream/upstream.h"

void chats_list(const struct call *call);
void chats_end(const struct call *call);

/* Who waits and has something to fetch by now, or whose time is over, is answered. */
void chats_go_on(struct upstream *upstream);
void chats_release(struct upstream *upstream); /* all are answered, with what there is */
uint64_t chats_deadline_ms(const struct upstream *upstream);
