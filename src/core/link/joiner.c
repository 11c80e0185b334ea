/* Asks every 3 s, for 15 s from the start or from the newest connection; whatever the verdict,
 * the first one is the end. */
#include "core/link/joiner.h"

#include "core/link/pins.h"

enum { again_ms = 3000, patience_ms = 15000 };

void joiner_init(struct joiner *joiner, const struct role_settings *settings) {
    *joiner = (struct joiner){.manager = settings->managers[0], .join = *settings->join,
                              .ask_ms = UINT64_MAX};
}

static void ask(struct joiner *joiner) {
    struct effect_join *join = &effects_add(joiner->moment.out, EFFECT_JOIN)->join;
    join->link = joiner->manager.link;
    text_set(join->address, joiner->manager.address);
    text_set(join->token, joiner->join.token);
    text_set(join->secret, joiner->join.secret);
    joiner->ask_ms = joiner->moment.now_ms + again_ms;
}

static void end(struct joiner *joiner) {
    if (!joiner->has_ended)
        effects_add(joiner->moment.out, EFFECT_DONE);
    joiner->has_ended = true;
    joiner->ask_ms = joiner->end_ms = UINT64_MAX;
}

static void on_joined(struct joiner *joiner, const struct event *event) {
    if (!text_equal(event->joined.from, joiner->manager.address) || joiner->has_ended)
        return;
    joiner->is_answered = true;
    joiner->verdict = event->joined.verdict;
    if (joiner->verdict == JOIN_DONE) {
        char *next_key = NULL; /* a join begins with one key */
        const struct pinned_peer manager = {PINS_ABOVE, &joiner->manager, &next_key,
                                            &joiner->moment};
        pins_set(manager, joiner->join.manager_key);
    }
    end(joiner);
}

static void on_event(struct joiner *joiner, const struct event *event) {
    if (event->kind == EVENT_START)
        joiner->end_ms = joiner->moment.now_ms + patience_ms;
    if (event->kind == EVENT_LINK) {
        joiner->is_connected = event->presence.presence == PRESENCE_UP;
        joiner->ask_ms =
            joiner->is_connected && !joiner->has_ended ? joiner->moment.now_ms : UINT64_MAX;
        if (joiner->is_connected && !joiner->has_ended)
            joiner->end_ms = joiner->moment.now_ms + patience_ms;
    }
    if (event->kind == EVENT_JOINED)
        on_joined(joiner, event);
    if (event->kind == EVENT_STOP ||
        (event->kind != EVENT_LOAD && joiner->moment.now_ms >= joiner->end_ms))
        end(joiner);
    else if (event->kind != EVENT_LOAD && joiner->moment.now_ms >= joiner->ask_ms)
        ask(joiner);
}

void joiner_step(struct joiner *joiner, const struct event *event, struct effects *out) {
    moment_begin(&joiner->moment, event, out);
    on_event(joiner, event);
    moment_end(&joiner->moment);
}

uint64_t joiner_deadline_ms(const struct joiner *joiner) {
    return joiner->ask_ms < joiner->end_ms ? joiner->ask_ms : joiner->end_ms;
}
