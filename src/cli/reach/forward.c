/* Which port leads where, and as whom ssh knows a VM. */
#include "cli/reach/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/call.h"
#include "cli/reach/door.h"
#include "cli/reach/talk.h"

enum { path_most = 4096 };

/* "8080:80", "0:80" (any free one), ":22" (our own pipes). */
struct way {
    bool is_pipe;
    uint16_t here;
    uint32_t there;
};

static bool read_port(const char *text, unsigned long least, unsigned long *out) {
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return !errno && (*end == ':' || !*end) && *out >= least && *out <= limit_port;
}

static bool read_way(const char *text, struct way *out) {
    const char *colon = strchr(text, ':');
    unsigned long here = 0, there = 0;
    out->is_pipe = *text == ':';
    if (!colon || strchr(colon + 1, ':') || (!out->is_pipe && !read_port(text, 0, &here)) ||
        !read_port(colon + 1, 1, &there))
        return false;
    out->here = (uint16_t)here;
    out->there = (uint32_t)there;
    return true;
}

static int forward(const struct options *options, struct way *way) {
    const struct ticket_for to = {options->words[2], STREAM_TO_PORT, way->there};
    const struct door door = {&to, door_listen(&way->here), -1};
    if (door.listener < 0)
        return EXIT_REFUSED;
    auto_clean(text_deinit) struct text where = {0};
    text_addf(&where, "127.0.0.1:%u leads to port %u of %s, until this is ended", way->here,
              way->there, to.vm);
    int result = door_serve(options, &door, where.data);
    (void)close(door.listener);
    return result;
}

int vm_forward(const struct options *options) {
    struct way way = {.is_pipe = false};
    struct stream_ticket ticket;
    if (!read_way(options->words[3], &way)) {
        say("'%s' names no ports; give one of this machine and one of the guest, as in 8080:80, or "
            ":22 for standard input and output", options->words[3]);
        return EXIT_USAGE;
    }
    if (!way.is_pipe)
        return forward(options, &way);
    const struct ticket_for to = {options->words[2], STREAM_TO_PORT, way.there};
    int result = ticket_ask(options, &to, &ticket);
    return result == EXIT_DONE ? talk(options, &ticket, NULL) : result;
}

/* For ssh's own percent signs, within the shell's quotes. */
static void add_quoted(struct text *out, const char *word) {
    text_add(out, "'");
    for (; *word; word++)
        if (*word == '%')
            text_add(out, "%%");
        else if (*word == '\'')
            text_add(out, "'\\''");
        else
            text_add_bytes(out, word, 1);
    text_add(out, "'");
}

/* This program again, as ssh calls it for its connection. False: it was said why not. */
static bool add_proxy(struct text *out, const char *vm) {
    char self[path_most];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0) {
        say("find this program itself: %s", strerror(errno));
        return false;
    }
    self[length] = 0;
    text_add(out, "ProxyCommand=");
    add_quoted(out, self);
    text_addf(out, " vm forward %s :%%p", vm);
    return true;
}

/* Whom and by which token it asks, as this process does. */
static bool pass_on(const struct options *options) {
    bool is_read = options->token_file && text_equal(options->token_file, "-");
    return !setenv("ISTHMUS_SERVER", options->server, 1) &&
           (!options->ca_file || !setenv("ISTHMUS_CA_FILE", options->ca_file, 1)) &&
           (is_read || !options->token_file ||
            !setenv("ISTHMUS_TOKEN_FILE", options->token_file, 1)) &&
           (!is_read || (!unsetenv("ISTHMUS_TOKEN_FILE") &&
                         !setenv("ISTHMUS_TOKEN", text_data(&options->token), 1)));
}

static int run_ssh(const struct options *options, const char *vm) {
    const char *words[options_words + 12] = {"ssh"};
    char alias[limit_id_size + 32];
    size_t count = 1;
    auto_clean(text_deinit) struct text proxy = {0};
    if (!add_proxy(&proxy, vm))
        return EXIT_REFUSED;
    text_format(alias, sizeof(alias), "HostKeyAlias=isthmus-%s", vm);
    const char *const given[] = {"-o", proxy.data, "-o", alias, "-o", "CheckHostIP=no",
                                 options->words[2]};
    for (size_t i = 0; i < array_size(given); i++)
        words[count++] = given[i];
    for (size_t i = 3; i < options->words_count; i++)
        words[count++] = options->words[i];
    if (!pass_on(options)) {
        say("run ssh: %s", strerror(errno));
        return EXIT_REFUSED;
    }
    if (execvp("ssh", (char *const *)(uintptr_t)words) < 0)
        say("run ssh: %s; install OpenSSH's client", strerror(errno));
    return EXIT_REFUSED;
}

int vm_ssh(const struct options *options) {
    static const struct view vms = {"/v1/vms", &vm_table, "", NULL, NULL};
    struct options named = *options;
    struct vm vm = {0};
    const char *user = strrchr(options->words[2], '@');
    if (user)
        named.words[2] = user + 1;
    if (*options->words[2] == '-') {
        say("'%s' is no VM; what is meant for ssh stands behind the VM and --", options->words[2]);
        return EXIT_USAGE;
    }
    int result = view_read(&vms, &named, &vm);
    if (result == EXIT_DONE)
        result = run_ssh(options, vm.id);
    record_clear(&vm_table, &vm);
    return result;
}
