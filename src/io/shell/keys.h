/* Changes of our own keys while the daemon runs: a link's FILE.next (keys/key_file.h) is found,
 * told to the role, which tells the peers, and takes the place of FILE once all of them seal to
 * it, or when the time is over. All within the shell's turn. */
#pragma once

#include "base/log.h"
#include "core/event.h"
#include "io/shell/adapters.h"

struct shell_keys {
    const struct shell_ports *ports;
    const struct log *log;
    uint64_t complained_ms; /* wall */
};

/* Looks at the file of one link. True: *out_event is for the role. */
bool shell_keys_look(struct shell_keys *keys, uint32_t link, uint64_t wall_ms,
                     struct event *out_event);

/* Call after each frame of that link was opened, before anything is sealed. True: *out_event is
 * for the role. */
bool shell_keys_opened(struct shell_keys *keys, uint32_t link, struct event *out_event);
