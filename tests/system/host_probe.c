/* A host adapter without a daemon: reads jobs from standard input, prints events to standard
 * output, one per line. Driven by test_host.py.
 *
 *   host_probe URI FOLDER IMAGE_URL [ACCELERATOR [WARDEN]]
 *   <number> <kind> [vm=ID] [epoch=N] [name=…] [digest=…] [cpus=N] [memory=MIB] [disk=GIB] [data=…]
 *     [data64=…] [token=…] [key=HEX] [root=DIGEST] [records=yes]
 *     [snapshot=NAME] [op=ID] [networks=NAME,…] [upgrade=yes] [keys=…, '_' for each blank]
 *     [firmware=N] [bus=N] [clock=N]
 *   <number> take | drop | end vm=ID, <number> renew until=MS: an order for the warden, which has
 *     the folder WARDEN
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

static void print_ips(const struct event_ips *ips) {
    printf("ips %s epoch=%" PRIu32, ips->vm, ips->epoch);
    for (uint32_t i = 0; i < ips->count; i++)
        printf(" %" PRIu32 "=%s", ips->ips[i].interface, ips->ips[i].ip);
    printf("\n");
}

static const char *const guard_news[] = {
    [GUARD_THERE] = "there",
    [GUARD_AWAY] = "away",
    [GUARD_FROZEN] = "frozen",
    [GUARD_THAWED] = "thawed",
};

void shell_serve(struct shell *shell) { (void)shell; }

void shell_put(struct shell *shell, const struct event *event) {
    pthread_mutex_lock(&shell->lock);
    if (event->kind == EVENT_HOST)
        printf("host cpus=%" PRIu32 " memory=%" PRIu32 " disk=%" PRIu32 " accelerator=%s\n",
               event->host.size.cpus, event->host.size.memory_mib, event->host.size.disk_gib,
               event->host.accelerator);
    else if (event->kind == EVENT_JOB && *event->job.copied.root)
        printf("job %" PRIu64 " %s root=%s bytes=%" PRIu64 "\n", event->job.job,
               code_names[event->job.code], event->job.copied.root, event->job.copied.bytes);
    else if (event->kind == EVENT_JOB)
        printf("job %" PRIu64 " %s has=%" PRIu32 "/%" PRIu32 "/%" PRIu32 "\n", event->job.job,
               code_names[event->job.code], event->job.size.cpus, event->job.size.memory_mib,
               event->job.size.disk_gib);
    else if (event->kind == EVENT_DOMAIN)
        printf("domain %s epoch=%" PRIu32 " %s %s\n", event->domain.vm, event->domain.epoch,
               vm_state_names[event->domain.state], whys[event->domain.why]);
    else if (event->kind == EVENT_IPS)
        print_ips(&event->ips);
    else if (event->kind == EVENT_IMAGE)
        printf("image %s\n", event->image.digest);
    else if (event->kind == EVENT_GUARD)
        printf("guard %s %s\n", guard_news[event->guard.news], event->guard.vm);
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
    else if (text_equal(word, "records"))
        job->records = true;
    else if (text_equal(word, "token"))
        text_set(job->copy.token, value);
    else if (text_equal(word, "key"))
        text_set(job->copy.key, value);
    else if (text_equal(word, "root"))
        text_set(job->copy.root, value);
    else if (text_equal(word, "hard"))
        job->hard = true;
    else if (text_equal(word, "upgrade"))
        definition->upgrade = true;
    else if (text_equal(word, "networks"))
        definition->networks = memory_text(value);
    else if (text_equal(word, "firmware"))
        definition->machine.firmware = (enum firmware)number(value);
    else if (text_equal(word, "bus"))
        definition->machine.disk_bus = (enum disk_bus)number(value);
    else if (text_equal(word, "clock"))
        definition->machine.clock = (enum guest_clock)number(value);
    else if (text_equal(word, "tpm"))
        definition->machine.tpm = (enum tpm)number(value);
    else if (text_equal(word, "keys"))
        for (char *at = definition->ssh_keys = memory_text(value); *at; at++)
            *at = *at == '_' ? ' ' : *at;
    else if (text_equal(word, "data64"))
        definition->user_data_base64 = memory_text(value);
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

/* False: it is none. */
static bool read_order(const char *line, struct effect_guard *order) {
    char kind[16] = "", value[64] = "";
    if (sscanf(line, "%*u %15s vm=%35s", kind, value) < 2 &&
        sscanf(line, "%*u %15s until=%63s", kind, value) < 2)
        return false;
    for (int i = GUARD_TAKE; i <= GUARD_END; i++)
        if (text_equal(guard_order_names[i], kind)) {
            *order = (struct effect_guard){.order = (enum guard_order)i};
            if (i == GUARD_RENEW)
                order->until_ms = strtoull(value, NULL, 10);
            else
                text_format(order->vm, sizeof(order->vm), "%s", value);
            return true;
        }
    return false;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: host_probe URI FOLDER IMAGE_URL [ACCELERATOR [WARDEN]]\n");
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
        .warden = count > 5 ? arguments[5] : "/nonexistent",
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
        struct effect_job job = {0};
        struct effect_guard order;
        if (read_order(line, &order))
            host_order(host, &order);
        else if (read_job(line, &job) == 0)
            host_submit(host, &job);
        else
            result = 2;
        record_clear(&definition_table, &job.definition);
    }
    host_close(host);
    printf("closed\n");
    return result;
}
