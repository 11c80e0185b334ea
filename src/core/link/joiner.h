/* The joining side: asks its manager, by a token, to pin its key, until the manager answers or the
 * time is over. It pins the manager's key in its store when that says yes.
 *
 *   WAITING --link up--> ASKING --joined--> ENDED      WAITING, ASKING --15 s--> ENDED */
#pragma once

#include "core/moment.h"
#include "core/settings.h"
#include "message/enrol.h"

struct joiner {
    struct moment moment;
    struct peer_setting manager;
    struct join_setting join;
    bool is_connected, has_ended, is_answered;
    enum join_verdict verdict;
    uint64_t ask_ms, end_ms;
};

void joiner_init(struct joiner *joiner, const struct role_settings *settings);
void joiner_step(struct joiner *joiner, const struct event *event, struct effects *out);
uint64_t joiner_deadline_ms(const struct joiner *joiner);
