/* What a program says comes by a pipe, what it says of errors into a file in memory; with what it
 * has started itself it is one group, which ends together. */
#include "io/image/import/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/os/folder.h"

enum { tick_ms = 250, most_line = 4096, most_words = 400 };

extern char **environ;

struct ends {
    int out, said; /* where it writes */
};

static int start(const struct child *child, const struct ends *ends, pid_t *process,
                 struct error *err) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends->out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends->said, STDERR_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawnp(process, child->arguments[0], &actions, &attributes,
                              (char *const *)child->arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? error_set(err, -failed, "run %s: %s; install it", child->arguments[0],
                              strerror(failed))
                  : 0;
}

static void take_lines(const struct child *child, struct text *line, const char *bytes,
                       size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            text_add_bytes(line, bytes + i, 1);
            continue;
        }
        if (child->on_line)
            child->on_line(child->context, text_data(line));
        text_clear(line);
        line->full = false;
    }
}

/* Until it says no more. */
static int listen_to(const struct child *child, int from, struct error *err) {
    auto_clean(text_deinit) struct text line = {.limit = most_line};
    char bytes[4096];
    for (;;) {
        struct pollfd pollfd = {.fd = from, .events = POLLIN};
        int ready = poll(&pollfd, 1, tick_ms);
        int fault = child->on_tick ? child->on_tick(child->context, err) : 0;
        if (fault)
            return fault;
        if (ready <= 0)
            continue;
        ssize_t length = read(from, bytes, sizeof(bytes));
        if (length == 0 || (length < 0 && errno != EINTR))
            return 0;
        if (length > 0)
            take_lines(child, &line, bytes, (size_t)length);
    }
}

static int tell(const struct child *child, int status, int said, struct error *err) {
    char words[most_words] = "";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    ssize_t length = pread(said, words, sizeof(words) - 1, 0);
    words[length > 0 ? length : 0] = 0;
    words[strcspn(words, "\n")] = 0;
    text_make_plain(words);
    if (WIFEXITED(status))
        return error_set(err, WEXITSTATUS(status), "%s", words);
    return error_set(err, -EIO, "%s was ended by signal %d%s%s", child->arguments[0],
                     WTERMSIG(status), words[0] ? ": " : "", words);
}

int child_run(const struct child *child, struct error *err) {
    int ends[2];
    pid_t process = 0;
    auto_clean(fd_clean) int said = memfd_create("isthmus-child", MFD_CLOEXEC);
    if (said < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, -errno, "make a pipe: %s", strerror(errno));
    auto_clean(fd_clean) int from = ends[0];
    int fault = start(child, &(struct ends){ends[1], said}, &process, err);
    (void)close(ends[1]);
    if (fault)
        return fault;
    fault = listen_to(child, from, err);
    if (fault)
        (void)kill(-process, SIGKILL);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    return fault ? fault : tell(child, status, said, err);
}
