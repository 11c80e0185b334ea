/* Each seed runs in a process of its own, so that a failed assertion ends one run and not all.
 * The first that fails is run once more for its trace; the minimizer repeats runs with less as
 * long as they still fail. */
#include "sim/runs/many.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/text.h"

enum { tail_lines = 50, jobs_most = 64 };

struct child {
    pid_t pid;
    int results; /* its stats come out here */
    struct sim_settings settings;
};

enum noise { NOISE_AS_IS, NOISE_NONE, NOISE_TRACE };

/* A process for one seed. `output` is where it writes, with NOISE_TRACE. */
static struct child begin(const struct many *many, const struct sim_settings *settings,
                          enum noise noise, int output) {
    struct child child = {.settings = *settings};
    int ends[2];
    fflush(stdout);
    if (pipe(ends)) {
        perror("isthmus-sim: pipe");
        exit(2);
    }
    child.pid = fork();
    if (child.pid < 0) {
        perror("isthmus-sim: fork");
        exit(2);
    }
    if (child.pid) {
        close(ends[1]);
        child.results = ends[0];
        return child;
    }
    struct stats stats = {0};
    const struct rlimit no_core = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    close(ends[0]);
    if (noise == NOISE_NONE)
        output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (noise != NOISE_AS_IS) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        setvbuf(stdout, NULL, _IOLBF, 0); /* an assertion leaves nothing unwritten */
    }
    child.settings.trace |= noise == NOISE_TRACE;
    many->run(many, &child.settings, &stats);
    if (write(ends[1], &stats, sizeof(stats)) != (ssize_t)sizeof(stats))
        _exit(2);
    fflush(stdout);
    _exit(0);
}

/* Did it hold? Adds what it consisted of. */
static bool end(const struct child *child, int status, struct stats *stats) {
    struct stats more;
    bool held = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                read(child->results, &more, sizeof(more)) == (ssize_t)sizeof(more);
    if (held)
        stats_add(stats, &more);
    close(child->results);
    return held;
}

static bool holds(const struct many *many, const struct sim_settings *settings) {
    struct stats stats = {0};
    int status = 0;
    struct child child = begin(many, settings, NOISE_NONE, -1);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return end(&child, status, &stats);
}

static void print_tail(FILE *from) {
    static char lines[tail_lines][2000]; /* a ring */
    size_t count = 0;
    while (fgets(lines[count % tail_lines], sizeof(lines[0]), from))
        count++;
    for (size_t i = count > tail_lines ? count - tail_lines : 0; i < count; i++)
        fputs(lines[i % tail_lines], stderr);
}

/* The seed once more, with its trace. */
static void explain(const struct many *many, const struct sim_settings *settings) {
    int ends[2], status = 0;
    char words[1024];
    if (pipe(ends))
        return;
    struct child child = begin(many, settings, NOISE_TRACE, ends[1]);
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    fprintf(stderr, "--- the last %d lines of the trace\n", tail_lines);
    print_tail(from);
    fclose(from);
    waitpid(child.pid, &status, 0);
    close(child.results);
    settings_print(settings, words, sizeof(words));
    fprintf(stderr, "--- isthmus %s, commit %s, seed %llu%s\nreplay: isthmus-sim %s%s --trace 1\n",
            ISTHMUS_VERSION, many->commit, (unsigned long long)settings->seed,
            WIFEXITED(status) && !WEXITSTATUS(status) ? " (did not fail again)" : "", many->mode,
            words);
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int many_run(const struct many *many, struct stats *out_stats) {
    struct child children[jobs_most] = {0};
    struct sim_settings settings = many->settings;
    uint64_t begun = 0, running = 0;
    double start = now_s();
    bool failed = false;
    for (;;) {
        bool more = !failed && begun < many->seeds &&
                    (!many->seconds || now_s() - start < many->seconds);
        for (uint32_t i = 0; more && i < many->jobs && i < jobs_most; i++)
            if (!children[i].pid && begun < many->seeds) {
                children[i] = begin(many, &settings, NOISE_AS_IS, -1);
                settings.seed++;
                begun++;
                running++;
            }
        if (!running)
            break;
        int status = 0;
        pid_t pid = wait(&status);
        for (uint32_t i = 0; i < jobs_most; i++)
            if (children[i].pid == pid && pid > 0) {
                bool held = end(&children[i], status, out_stats);
                children[i].pid = 0;
                running--;
                bool unread = WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE;
                if (!held && !failed && !unread)
                    explain(many, &children[i].settings);
                failed |= !held;
            }
    }
    return failed;
}

/* One setting made smaller, while the run still fails. */
static bool shrink(const struct many *many, struct sim_settings *settings,
                   const struct setting *setting) {
    uint32_t *value = setting_value(settings, setting), before = *value;
    bool smaller = false;
    while (*value > setting->least) {
        uint32_t kept = *value;
        *value = setting->fault || kept - setting->least < 2
                     ? setting->least
                     : setting->least + (kept - setting->least) / 2;
        if (holds(many, settings)) {
            *value = kept;
            if (setting->fault || kept < before / 2 + 1)
                break;
            *value = kept - 1; /* half was too few */
            if (holds(many, settings)) {
                *value = kept;
                break;
            }
        }
        smaller |= *value < before;
    }
    return smaller;
}

/* Another seed may do the same with less: a change of settings shifts what happens when. */
static bool fails_with_some_seed(const struct many *many, struct sim_settings *settings) {
    uint64_t kept = settings->seed;
    for (uint64_t i = 0; i < 20; i++) {
        settings->seed = kept + i;
        if (!holds(many, settings))
            return true;
    }
    settings->seed = kept;
    return false;
}

int many_minimize(const struct many *many) {
    struct sim_settings settings = many->settings;
    char words[1024];
    if (!fails_with_some_seed(many, &settings)) {
        printf("every law held: there is nothing to shrink\n");
        return 0;
    }
    for (bool smaller = true; smaller;) {
        smaller = false;
        for (size_t i = 0; i < settings_count; i++)
            smaller |= shrink(many, &settings, &settings_table[i]);
        settings_print(&settings, words, sizeof(words));
        printf("fails: isthmus-sim %s\n", words);
        fflush(stdout);
    }
    explain(many, &settings);
    return 1;
}
