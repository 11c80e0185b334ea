/* At the end of a step the peers whose timers are due get what waits for them, once the events
 * of that step have all been looked at. */
#include "core/below/step.h"

#include "core/below/downlink.h"
#include "core/below/instruct.h"
#include "core/below/peer.h"
#include "core/below/turns.h"

void downlink_on_end_of_step(struct downlink *downlink) {
    struct timer *timer = NULL;
    while ((timer = heap_first(&downlink->timers)) && timer->due_ms <= downlink->moment->now_ms) {
        struct peer *peer = container_of(timer, struct peer, timer);
        if (peer->session.overflowed)
            peer_close(peer);
        peer_resume(peer);
        session_tick(&peer->session);
        peer_arm(peer);
    }
}
