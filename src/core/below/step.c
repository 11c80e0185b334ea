#include "core/below/step.h"

#include "base/attributes.h"
#include "base/heap.h"
#include "core/below/downlink.h"
#include "core/below/instruct.h"
#include "core/below/peer.h"
#include "core/below/turns.h"
#include "core/books/book.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/link/session.h"

void downlink_on_end_of_step(struct downlink *downlink, struct book *book,
                             const struct event *event, struct effects *out) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&downlink->timers)) && timer->due_ms <= event->now_ms) {
        struct peer *peer = container_of(timer, struct peer, timer);
        if (peer->session.overflowed)
            peer_close(downlink, peer, event);
        peer_resume(peer, book, event, out);
        session_tick(&peer->session, &peer->setting, event->now_ms, out);
        peer_arm(peer);
    }
}
