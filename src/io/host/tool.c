/* What a program says is read to its end before it is waited for. */
#include "io/host/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/os/folder.h"

extern char **environ;

static void read_all(int fd, struct text *out) {
    char piece[256];
    for (ssize_t length; (length = read(fd, piece, sizeof(piece))) != 0;) {
        if (length > 0)
            text_add_bytes(out, piece, (size_t)length);
        else if (errno != EINTR)
            break;
    }
}

int host_tool_run(const char *const arguments[], struct text *out, struct error *err) {
    int ends[2];
    auto_clean(fd_clean) int said = memfd_create("isthmus-tool", MFD_CLOEXEC);
    if (said < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, -errno, "make a pipe: %s", strerror(errno));
    auto_clean(fd_clean) int from_tool = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    pid_t process;
    int failed = posix_spawnp(&process, arguments[0], &actions, NULL, (char *const *)arguments,
                              environ);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (failed)
        return error_set(err, -failed, "run %s: %s; install it", arguments[0], strerror(failed));
    auto_clean(text_deinit) struct text dropped = {.limit = 1}, words = {.limit = 300};
    read_all(from_tool, out ? out : &dropped);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (lseek(said, 0, SEEK_SET) == 0)
        read_all(said, &words);
    return error_set(err, -EIO, "%s ended with %d: %s", arguments[0],
                     WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                     text_data(&words));
}
