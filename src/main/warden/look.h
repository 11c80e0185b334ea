/* Looks for the processes of VMs, on a thread of its own: a process that hangs may hold up whoever
 * asks for its command line, and must not hold up the guard of the others. One question at a time,
 * asked and answered without waiting. */
#pragma once

#include "main/warden/process.h"

struct looker;

struct look {
    uint32_t index;  /* the asker's own */
    uint64_t number; /* and this one */
    char guest[warden_name_size], pid_file[warden_path_size];
    struct process found; /* the answer; fd -1: none */
};

/* Beside the thread, an eventfd that can be read from once an answer is there. NULL with `err`. */
struct looker *looker_new(struct error *err);
int looker_fd(const struct looker *looker);

/* False: it is still at an earlier one. */
bool looker_ask(struct looker *looker, const struct look *question);

/* False: there is no answer yet. */
bool looker_answer(struct looker *looker, struct look *out);
