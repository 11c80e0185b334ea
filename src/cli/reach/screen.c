/* Where a viewer finds the screen, who else may come there, and that nothing is left of it. */
#include "cli/reach/screen.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/reach/door.h"

enum { backlog = 16 };

static const char viewer[] = "vncviewer"; /* TigerVNC's takes a socket's path, too */

struct spot {
    struct text folder;  /* of this user's own, with the socket; "": it is a port */
    struct text address; /* as a viewer takes it */
    int listener;
};

/* Nobody but this user, and root, may come. False: it was said why not. */
static bool listen_in_folder(struct spot *spot) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *base = getenv("XDG_RUNTIME_DIR");
    text_addf(&spot->folder, "%s/isthmus-screen-XXXXXX", base && *base == '/' ? base : "/tmp");
    if (!mkdtemp(spot->folder.data)) {
        say("make a folder as %s: %s; set XDG_RUNTIME_DIR to a folder of yours, or give --port",
            spot->folder.data, strerror(errno));
        text_clear(&spot->folder);
        return false;
    }
    text_addf(&spot->address, "%s/vnc", spot->folder.data);
    bool fits = text_copy(at.sun_path, sizeof(at.sun_path), spot->address.data);
    spot->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool listens = fits && spot->listener >= 0 &&
                   !bind(spot->listener, (const void *)&at, sizeof(at)) &&
                   !chmod(at.sun_path, S_IRUSR | S_IWUSR) &&
                   !listen(spot->listener, backlog);
    int why = fits ? errno : ENAMETOOLONG;
    if (!listens)
        say("listen at %s: %s; set XDG_RUNTIME_DIR to a folder of yours, or give --port",
            spot->address.data, strerror(why));
    return listens;
}

static bool listen_at_port(struct spot *spot, uint16_t port) {
    spot->listener = door_listen(&port);
    text_addf(&spot->address, "127.0.0.1::%u", port);
    return spot->listener >= 0;
}

static void spot_clean(struct spot *spot) {
    if (spot->listener >= 0)
        (void)close(spot->listener);
    if (spot->folder.length && ((unlink(text_data(&spot->address)) && errno != ENOENT) ||
                                rmdir(spot->folder.data)))
        say("remove %s: %s", spot->folder.data, strerror(errno));
    text_deinit(&spot->folder);
    text_deinit(&spot->address);
}

/* What ends this process, and the viewer's end, can be read; all threads from here on leave them
 * alone. */
static int await_end(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < array_size(ends); i++)
        sigaddset(&set, ends[i]);
    int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = failed ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0)
        say("wait for signals: %s", strerror(failed ? failed : errno));
    return fd;
}

/* 0: it was said why not. */
static pid_t open_viewer(const char *address) {
    const char *const words[] = {viewer, "-Shared", address, NULL};
    posix_spawnattr_t how;
    sigset_t none;
    pid_t pid = 0;
    sigemptyset(&none);
    int failed = posix_spawnattr_init(&how);
    if (!failed) {
        failed = posix_spawnattr_setsigmask(&how, &none);
        if (!failed)
            failed = posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
        if (!failed)
            failed = posix_spawnp(&pid, viewer, NULL, &how, (char *const *)(uintptr_t)words,
                                  environ);
        posix_spawnattr_destroy(&how);
    }
    if (failed)
        say("run %s: %s; install TigerVNC's (tigervnc-viewer)", viewer, strerror(failed));
    return failed ? 0 : pid;
}

static int show(const struct options *options, const struct spot *spot, int stop) {
    const struct ticket_for to = {options->words[2], STREAM_TO_SCREEN, 0};
    const struct door door = {&to, spot->listener, stop};
    auto_clean(text_deinit) struct text where = {0};
    int status = 0;
    pid_t opened = options->open ? open_viewer(text_data(&spot->address)) : 0;
    if (options->open && !opened)
        return EXIT_REFUSED;
    text_addf(&where, "%s leads to the screen of %s, until this is ended", spot->address.data,
              to.vm);
    if (!opened)
        text_addf(&where, "\n%s -Shared %s", viewer, spot->address.data);
    int result = door_serve(options, &door, where.data);
    if (!opened)
        return result;
    (void)kill(opened, SIGTERM); /* if it has not ended */
    return waitpid(opened, &status, 0) == opened && WIFEXITED(status) && WEXITSTATUS(status)
               ? EXIT_REFUSED
               : result;
}

int vm_screen(const struct options *options) {
    static const struct view vms = {"/v1/vms", &vm_table, "", NULL, NULL};
    auto_clean(spot_clean) struct spot spot = {.listener = -1};
    struct vm vm = {0};
    int result = view_read(&vms, options, &vm); /* a wrong name is told at once */
    record_clear(&vm_table, &vm);
    if (result != EXIT_DONE)
        return result;
    if (options_given(options, "port") ? !listen_at_port(&spot, (uint16_t)options->port)
                                       : !listen_in_folder(&spot))
        return EXIT_REFUSED;
    int stop = await_end();
    result = stop < 0 ? EXIT_REFUSED : show(options, &spot, stop);
    if (stop >= 0)
        (void)close(stop);
    return result;
}
