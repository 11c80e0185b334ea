/* Whose a process is: by what /proc says of it while its pidfd holds it. */
#include "main/warden/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* Reads what fits, ends it with 0; the length, or -1. */
static ssize_t read_some(const char *path, char *bytes, size_t size) {
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat facts;
    if (fd < 0)
        return -1;
    ssize_t got = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)
                      ? read(fd, bytes, size - 1) : -1;
    (void)close(fd);
    if (got >= 0)
        bytes[got] = 0;
    return got;
}

static pid_t read_pid(const char *path) {
    char text[16], *end = NULL;
    if (read_some(path, text, sizeof(text)) <= 0 || *text < '1' || *text > '9')
        return 0;
    unsigned long pid = strtoul(text, &end, 10);
    bool is_good = (!*end || *end == '\n') && pid > 1 && pid <= INT32_MAX;
    return is_good ? (pid_t)pid : 0;
}

/* The 22nd field of /proc/PID/stat; those after the second, which is in parentheses and may hold
 * anything, are numbers and one letter. 0: it is not there. */
static uint64_t read_start(pid_t pid) {
    enum { fields_before = 20 };
    char path[32], text[1024];
    text_format(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (read_some(path, text, sizeof(text)) <= 0)
        return 0;
    char *rest = strrchr(text, ')');
    for (int i = 0; rest && i < fields_before; i++)
        rest = strchr(rest + 1, ' ');
    return rest ? strtoull(rest + 1, NULL, 10) : 0;
}

/* Among its first arguments stand -name and guest=NAME, with more after a comma. */
static bool is_guest(pid_t pid, const char *guest) {
    char path[32], line[4096], wanted[warden_name_size + 8];
    text_format(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    ssize_t length = read_some(path, line, sizeof(line));
    text_format(wanted, sizeof(wanted), "guest=%s", guest);
    bool is_name = false;
    for (const char *at = line; length > 0 && at < line + length; at += strlen(at) + 1) {
        size_t end = strlen(wanted);
        if (is_name && text_starts(at, wanted) && (!at[end] || at[end] == ','))
            return true;
        is_name = text_equal(at, "-name");
    }
    return false;
}

bool process_is_over(const struct process *process) {
    struct pollfd watched = {.fd = process->fd, .events = POLLIN};
    return process->fd < 0 || poll(&watched, 1, 0) != 0;
}

void process_close(struct process *process) {
    if (process->fd >= 0)
        (void)close(process->fd);
    *process = (struct process){.fd = -1};
}

/* What was read of the pid is true of the process if that lives still. */
static bool keep(struct process *process, bool is_right) {
    if (is_right && !process_is_over(process))
        return true;
    process_close(process);
    return false;
}

int process_check(struct error *err) {
    int fd = pidfd_open(getpid(), 0);
    if (fd < 0)
        return error_set(err, -errno, "hold a process by a pidfd: %s; it needs Linux 5.3 or later",
                         strerror(errno));
    (void)close(fd);
    return 0;
}

bool process_find(const char *pid_file, const char *guest, struct process *out) {
    *out = (struct process){.fd = -1, .pid = read_pid(pid_file)};
    if (!out->pid)
        return false;
    out->fd = pidfd_open(out->pid, 0);
    if (out->fd < 0)
        return false;
    out->start = read_start(out->pid);
    return keep(out, out->start && is_guest(out->pid, guest));
}

bool process_adopt(pid_t pid, uint64_t start, struct process *out) {
    *out = (struct process){.fd = pid > 1 ? pidfd_open(pid, 0) : -1, .pid = pid, .start = start};
    return keep(out, out->fd >= 0 && read_start(pid) == start);
}

void process_signal(const struct process *process, int number) {
    if (process->fd >= 0)
        (void)pidfd_send_signal(process->fd, number, NULL, 0);
}
