/* A host adapter without a daemon: reads jobs from standard input, prints events to standard
 * output, one per line. Driven by test_host.py.
 *
 *   host_probe URI FOLDER IMAGE_URL [ACCELERATOR]
 *   <number> <kind> [vm=ID] [epoch=N] [name=…] [digest=…] [cpus=N] [memory=MIB] [disk=GIB] [data=…]
 *     [snapshot=NAME] [op=ID] [networks=NAME,…]
 *
 * It has the networks nat (QEMU's own), lan (the bridge br0) and inner (libvirt's default).
 *
 * The end of standard input closes the host. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/host/host.h"

struct shell {
    pthread_mutex_t lock; /* of standard output */
};

static const char *const whys[] = {
    [DOMAIN_FOUND] = "found",
    [DOMAIN_CUT] = "cut",
    [DOMAIN_CHANGED] = "changed",
    [DOMAIN_REBOOTED] = "rebooted",
};

void shell_serve(struct shell *shell) { (void)shell; }

void shell_put(struct shell *shell, const struct event *event) {
    pthread_mutex_lock(&shell->lock);
    if (event->kind == EVENT_HOST)
        printf("host cpus=%" PRIu32 " memory=%" PRIu32 " disk=%" PRIu32 " accelerator=%s\n",
               event->host.size.cpus, event->host.size.memory_mib, event->host.size.disk_gib,
               event->host.accelerator);
    else if (event->kind == EVENT_JOB)
        printf("job %" PRIu64 " %s\n", event->job.job, code_names[event->job.code]);
    else if (event->kind == EVENT_DOMAIN)
        printf("domain %s epoch=%" PRIu32 " %s %s\n", event->domain.vm, event->domain.epoch,
               vm_state_names[event->domain.state], whys[event->domain.why]);
    else
        printf("%s\n", event->kind == EVENT_SCANNED ? "scanned" : "unexpected event");
    fflush(stdout);
    pthread_mutex_unlock(&shell->lock);
}

void shell_post(struct shell *shell, const struct event *event) { shell_put(shell, event); }

void shell_log(struct shell *shell, int level, const char *event, const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&shell->lock);
    printf("log %s %s %s\n", log_level_names[level], event, text);
    fflush(stdout);
    pthread_mutex_unlock(&shell->lock);
}

static uint32_t number(const char *value) { return (uint32_t)strtoul(value, NULL, 10); }

static void set(struct effect_job *job, const char *word, const char *value) {
    struct definition *definition = &job->definition;
    if (text_equal(word, "vm"))
        text_set(job->vm, value);
    else if (text_equal(word, "epoch"))
        job->epoch = number(value);
    else if (text_equal(word, "name"))
        text_set(definition->name, value);
    else if (text_equal(word, "digest"))
        text_set(definition->image, value);
    else if (text_equal(word, "op"))
        text_set(job->op, value);
    else if (text_equal(word, "snapshot"))
        text_set(job->snapshot, value);
    else if (text_equal(word, "cpus"))
        definition->size.cpus = number(value);
    else if (text_equal(word, "memory"))
        definition->size.memory_mib = number(value);
    else if (text_equal(word, "disk"))
        definition->size.disk_gib = number(value);
    else if (text_equal(word, "networks"))
        definition->networks = memory_text(value);
    else if (text_equal(word, "data"))
        definition->user_data = memory_text(value);
}

static int read_job(char *line, struct effect_job *job) {
    line[strcspn(line, "\n")] = 0;
    const char *word = strsep(&line, " ");
    *job = (struct effect_job){.job = number(word), .epoch = 1, .op = "op-of-the-probe",
                               .definition = {.name = "probe", .size = {1, 128, 1}}};
    const char *kind = strsep(&line, " ");
    int found = -1;
    for (int i = 0; kind && i < JOB_KIND_COUNT; i++)
        if (text_equal(job_names[i], kind))
            found = i;
    if (found < 0)
        return -EINVAL;
    job->kind = (enum job_kind)found;
    for (char *pair; (pair = strsep(&line, " "));) {
        char *value = strchr(pair, '=');
        if (!value)
            return -EINVAL;
        *value = 0;
        set(job, pair, value + 1);
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: host_probe URI FOLDER IMAGE_URL [ACCELERATOR]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* as host.h demands */
    struct shell shell = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char *names[] = {"nat", "lan", "inner", "br0", "default"};
    struct host_network networks[] = {
        {.name = names[0]}, {.name = names[1], .bridge = names[3]},
        {.name = names[2], .libvirt = names[4]}};
    const struct host_settings settings = {
        .uri = arguments[1],
        .folder = arguments[2],
        .image_url = arguments[3],
        .accelerator = count > 4 ? arguments[4] : "auto",
        .reserve = {.memory_mib = 100},
        .capacity = {.cpus = 7},
        .networks = {networks, array_size(networks)},
    };
    struct error err = {0};
    struct host *host = host_open(&settings, &shell, &err);
    if (!host) {
        fprintf(stderr, "host_probe: %s\n", err.text);
        return 1;
    }
    char line[4096];
    int result = 0;
    while (!result && fgets(line, sizeof(line), stdin)) {
        struct effect_job job;
        if (read_job(line, &job) == 0)
            host_submit(host, &job);
        else
            result = 2;
        record_clear(&definition_table, &job.definition);
    }
    host_close(host);
    printf("closed\n");
    return result;
}
