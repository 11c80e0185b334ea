/* An account is made by a command of the server's, with its name and the domain behind it, and its
 * password on standard input, where the list of processes does not show it; or the commands are
 * printed. A relay has to know whom a peer reaches, too. */
#include "main/init/accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_of(const struct setup *setup, const char *carrier) {
    return text_equal(setup->options->carrier, carrier);
}

static bool is_relay(const struct setup *setup) {
    return is_of(setup, "http") || is_of(setup, "zeromq");
}

/* Runs it with the password twice on its standard input, as whoever asks a person for a new one
 * wants it. One that ends before it has read all of it says by its exit code what that means. The
 * exit code; negative with `err`. */
static int run_with(char *const words[], const char *password, struct error *err) {
    extern char **environ;
    int ends[2], status = 0;
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC))
        return error_set(err, -errno, "make a pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    int code = posix_spawn(&pid, "/bin/sh", &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[0]);
    if (!code)
        (void)!dprintf(ends[1], "%s\n%s\n", password, password);
    (void)close(ends[1]);
    if (code)
        return error_set(err, -code, "run %s: %s", words[3], strerror(code));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(err, -errno, "wait for %s: %s", words[3], strerror(errno));
    return status;
}

/* COMMAND NAME DOMAIN, of a relay NAME DOMAIN - [--reaches US]; its words are split at blanks, ours
 * are not. */
static int enter(const struct setup *setup, const char *account, const char *password,
                 struct error *err) {
    const struct daemon_options *options = setup->options;
    bool is_told = is_relay(setup) && !text_equal(account, setup->kind->account);
    const char *script = options->with_prosody ? "exec $0 \"$@\" >/dev/null" : "exec $0 \"$@\"";
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)script,
                           (char *)(uintptr_t)options->enter, (char *)(uintptr_t)account,
                           (char *)(uintptr_t)options->domain,
                           is_relay(setup) ? (char[]){"-"} : NULL,
                           is_told ? (char[]){"--reaches"} : NULL,
                           (char *)(uintptr_t)setup->kind->account, NULL};
    int status = run_with(words, password, err);
    return status > 0 ? error_set(err, -EIO, "'%s %s %s' failed, which gets the password twice on "
                                  "its standard input; see what it says above",
                                  options->enter, account, options->domain)
                      : status;
}

/* An AMQP broker gives an account its own queue, and leave to write to all others. */
static void tell_user(const struct setup *setup, const char *account, const char *password_file) {
    auto_clean(text_deinit) struct text queue = {0};
    text_addf(&queue, "^%s@", account);
    for (const char *at = setup->options->domain; *at; at++)
        text_addf(&queue, "%s%c", *at == '.' ? "\\" : "", *at);
    text_add(&queue, "$");
    (void)printf("rabbitmqctl add_user %s \"$(cat %s)\"\n"
                 "rabbitmqctl set_permissions %s '%s' '^amq\\.default$' '%s'\n",
                 account, password_file, account, queue.data, queue.data);
}

static void tell_account(const struct setup *setup, const char *account,
                         const char *password_file) {
    const char *ours = setup->kind->account;
    bool is_told = is_relay(setup) && !text_equal(account, ours);
    if (is_of(setup, "amqp"))
        tell_user(setup, account, password_file);
    else if (is_relay(setup))
        (void)printf("cat %s | isthmus-relay register %s %s -%s%s\n", password_file, account,
                     setup->options->domain, is_told ? " --reaches " : "", is_told ? ours : "");
    else
        (void)printf("cat %s %s | prosodyctl register %s %s\n", password_file, password_file,
                     account, setup->options->domain);
}

static void tell(const struct setup *setup, const struct inviting *inviting) {
    const char *where = is_relay(setup)
                            ? "relay needs these accounts; there, before it is started (again)"
                        : is_of(setup, "amqp")
                            ? "broker needs these accounts; there, as its administrator"
                            : "XMPP server needs these accounts; there, as its administrator "
                              "(ejabberdctl takes the password behind the same words)";
    (void)printf("The %s:\n\n", where);
    tell_account(setup, setup->kind->account, inviting->downlink->password.file);
    for (size_t i = 0; i < inviting->peers_count; i++)
        tell_account(setup, inviting->peers[i].name, inviting->peers[i].password.file);
    (void)printf("\n");
}

int accounts_make(const struct setup *setup, const struct inviting *inviting, struct error *err) {
    const struct peer_config *peers = inviting->peers;
    if (!setup->options->enter) {
        tell(setup, inviting);
        return 0;
    }
    if (enter(setup, setup->kind->account, inviting->downlink->password.text, err))
        return err->code;
    for (size_t i = 0; i < inviting->peers_count; i++)
        if (enter(setup, peers[i].name, peers[i].password.text, err))
            return err->code;
    return 0;
}
