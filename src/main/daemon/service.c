/* The service's name is the program's. systemd's own command does the work; its words are for
 * whoever gave ours. */
#include "main/daemon/service.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/os/folder.h"
#include "main/daemon/files.h"

static bool is_ours_to_do(const struct daemon_options *options) {
    return geteuid() == 0 && text_starts(options->config, "/etc/isthmus/");
}

int service_own(const struct daemon_options *options, const char *state, struct error *err) {
    const struct passwd *account = is_ours_to_do(options) ? getpwnam(options->program) : NULL;
    if (!account)
        return 0;
    auto_clean(memory_clean) char *folder = daemon_files(options->config, err);
    if (!folder || folder_give(folder, account->pw_uid, account->pw_gid, err) ||
        folder_give(options->config, account->pw_uid, account->pw_gid, err))
        return err->code;
    return folder_give(state, account->pw_uid, account->pw_gid, err);
}

int service_become(const struct daemon_options *options, struct error *err) {
    const struct passwd *account = is_ours_to_do(options) ? getpwnam(options->program) : NULL;
    if (!account)
        return 0;
    if (initgroups(account->pw_name, account->pw_gid) || setgid(account->pw_gid) ||
        setuid(account->pw_uid))
        return error_set(err, -errno, "become %s: %s", account->pw_name, strerror(errno));
    return 0;
}

/* True: it went well. */
static bool run(const char *const *words) {
    extern char **environ;
    pid_t pid = 0;
    int status = 0;
    if (posix_spawnp(&pid, words[0], NULL, NULL, (char *const *)(uintptr_t)words, environ))
        return false;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return status == 0;
}

bool service_start(const struct daemon_options *options) {
    auto_clean(text_deinit) struct text unit = {0};
    text_addf(&unit, "%s.service", options->program);
    const char *const words[] = {"systemctl", "--quiet", "enable", "--now", unit.data, NULL};
    if (options->no_start || !is_ours_to_do(options) || access("/run/systemd/system", F_OK) < 0)
        return false;
    bool is_started = run(words);
    (void)printf(is_started ? "%s: the service is started, and will be after a boot\n"
                            : "%s: the service does not start; see systemctl status %s\n",
                 options->program, unit.data);
    return is_started;
}

bool service_restart(const char *unit) {
    const char *const enable[] = {"systemctl", "--quiet", "enable", unit, NULL};
    const char *const restart[] = {"systemctl", "--quiet", "restart", unit, NULL};
    return access("/run/systemd/system", F_OK) == 0 && run(enable) && run(restart);
}
