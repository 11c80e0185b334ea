/* Many agents in one process, each of them whole but for its host: role, shell, store, seal and a
 * connection of its own. The host does every job at once and always well. libstrophe's select()
 * stops at descriptor 1024, and an agent has about twelve: hence so many of these processes.
 *
 *     bench-agents CONFIG...       configurations of isthmus-agent; until SIGTERM
 *     bench-agents key FILE...     makes each with a new key; their public halves, one a line */
#include <pthread.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/keys/key_file.h"
#include "main/daemon/daemon.h"
#include "main/daemon/link.h"
#include "measure.h"

struct host {
    struct shell *shell;
};

struct one {
    struct agent_config config;
    struct log log;
    struct host host;
    struct role *role;
    struct store *store;
    struct shell_link uplink;
    pthread_t thread;
};

static void do_at_once(struct host *host, const struct effect_job *job) {
    struct event event = {.kind = EVENT_SCANNED};
    if (job->kind != JOB_SCAN)
        event = (struct event){.kind = EVENT_JOB, .job = {.job = job->job, .code = CODE_OK}};
    shell_put(host->shell, &event);
}

static void tell_host(const struct one *one) {
    struct event event = {.kind = EVENT_HOST};
    event.host.size = (struct size){.cpus = (uint32_t)one->config.host.cpus,
                                    .memory_mib = (uint32_t)one->config.host.memory_mib,
                                    .disk_gib = (uint32_t)one->config.host.disk_gib};
    shell_post(one->host.shell, &event);
}

static void open_one(struct one *one, const char *path) {
    struct error err = {0};
    if (agent_config_load(path, &one->config, &err))
        measure_fail("read a configuration", err.text);
    const struct link_config *uplink = &one->config.uplinks[0];
    const struct peer_setting manager = daemon_peer(uplink->name, uplink->manager, 0);
    const struct daemon_link link = {.link = uplink, .servers = one->config.uplink_servers,
                                     .servers_count = one->config.uplink_servers_count};
    struct role_settings settings = {.kind = ROLE_AGENT, .seed = daemon_seed(),
                                     .managers = &manager, .managers_count = 1};
    text_set(settings.software, daemon_software);
    one->log = (struct log){.daemon = "bench-agents", .level = LOG_ERROR};
    one->store = daemon_store(&one->config.daemon, "agent", 0700, &err);
    one->role = role_new(&settings);
    one->host.shell = shell_new(one->role, &one->log);
    one->uplink = (struct shell_link){.name = "uplink", .seal = daemon_seal_up(uplink, &err)};
    if (!one->store || !one->uplink.seal)
        measure_fail("open an agent", err.text);
    one->uplink.carrier = daemon_connect_up(&link, one->host.shell, &err);
    if (!one->uplink.carrier)
        measure_fail("connect an agent", err.text);
    tell_host(one);
}

static void *run(void *context) {
    struct one *one = context;
    struct error err = {0};
    const struct shell_ports ports = {.store = one->store, .links = &one->uplink,
                                      .links_count = 1, .host = &one->host,
                                      .send = carrier_send, .flush = carrier_flush,
                                      .submit = do_at_once};
    if (shell_run(one->host.shell, &ports, &err))
        measure_fail("run an agent", err.text);
    return NULL;
}

static void close_one(struct one *one) {
    carrier_free(one->uplink.carrier);
    shell_free(one->host.shell);
    role_free(one->role);
    store_close(one->store);
    seal_free(one->uplink.seal);
    agent_config_deinit(&one->config);
}

/* A process for each of thousands would take minutes. */
static int make_keys(char **paths) {
    struct error err = {0};
    char key[limit_public_key_size];
    for (; *paths; paths++) {
        if (key_file_make(*paths, key, &err))
            measure_fail("make a key", err.text);
        (void)puts(key);
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count > 2 && text_equal(arguments[1], "key"))
        return make_keys(arguments + 2);
    size_t agents = (size_t)count - 1;
    struct one *all = memory_new(agents, sizeof(*all));
    char *const options[] = {arguments[0], "--config", arguments[1], NULL};
    if (!agents || daemon_begin(3, (char **)options, "agent").purpose != DAEMON_SERVE)
        measure_fail("run", "usage: bench-agents CONFIG...");
    for (size_t i = 0; i < agents; i++) {
        open_one(&all[i], arguments[i + 1]);
        if (pthread_create(&all[i].thread, NULL, run, &all[i]))
            measure_fail("start a thread", "there are too many");
    }
    for (size_t i = 0; i < agents; i++)
        (void)pthread_join(all[i].thread, NULL);
    for (size_t i = 0; i < agents; i++)
        close_one(&all[i]);
    memory_free(all);
    return 0;
}
