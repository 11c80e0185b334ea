/* One process, held by a pidfd: whatever is sent through it reaches that process or nobody, however
 * often its pid is given away again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/warden/files.h"

struct process {
    int fd; /* -1: none */
    pid_t pid;
    uint64_t start; /* ticks after the boot at which it began */
};

/* Has this kernel what is needed? */
int process_check(struct error *err);

/* The process of which libvirt's pid file speaks, if it is this guest's QEMU. Reads the process's
 * command line, for which the kernel may wait for ever where that process hangs: on a thread beside
 * (look.h). False: there is none, or it is another. */
bool process_find(const char *pid_file, const char *guest, struct process *out);

/* The process that this was once found as, if it is that one still. Waits for nothing. */
bool process_adopt(pid_t pid, uint64_t start, struct process *out);

bool process_is_over(const struct process *process);

/* Where it is over, nothing happens. */
void process_signal(const struct process *process, int number);

void process_close(struct process *process);
