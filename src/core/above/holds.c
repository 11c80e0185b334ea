/* Which of them are told, where there are more than can be: those that came last. */
#include "core/above/holds.h"

#include <string.h>

#include "base/memory.h"

static void remove_at(struct holds *holds, uint32_t at) {
    holds->images_count--;
    memmove(holds->images + at, holds->images + at + 1,
            (holds->images_count - at) * sizeof(*holds->images));
}

void holds_note(struct uplink *uplink, const char *digest, bool is_here) {
    struct holds *holds = &uplink->holds;
    uint32_t at = 0;
    while (at < holds->images_count && !text_equal(holds->images[at].digest, digest))
        at++;
    if ((at < holds->images_count) == is_here)
        return;
    if (!is_here) {
        remove_at(holds, at);
    } else {
        if (holds->images_count == limit_holds)
            remove_at(holds, 0);
        holds->images = memory_resize(holds->images,
                                      (holds->images_count + 1) * sizeof(*holds->images));
        text_set(holds->images[holds->images_count++].digest, digest);
    }
    uplink->told_holds = false;
}

bool holds_are_owed(const struct uplink *uplink) {
    return !uplink->told_holds && uplink->asked_images && uplink_has_room(uplink);
}

void holds_tell(struct uplink *uplink) {
    struct message message = {.kind = MESSAGE_HOLDS};
    record_clone(message_table(MESSAGE_HOLDS), &uplink->holds, &message.holds);
    uplink->told_holds = true;
    uplink_send(uplink, &message);
}
