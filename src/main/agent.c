/* isthmus-agent: reads its configuration, wires the agent role to its host and its managers,
 * serves. The links are the uplinks in the order of the configuration. */
#include "base/memory.h"
#include "base/text.h"
#include "io/host.h"
#include "main/daemon.h"

/* In the order of opening; closed in the reverse order. */
struct agent_daemon {
    struct log log;
    struct store *store;
    struct role *role;
    struct shell *shell;
    struct host *host;
    struct shell_link links[limit_uplinks];
    char names[limit_uplinks][limit_name_size + 8];
    size_t links_count;
};

static void agent_close(struct agent_daemon *agent) {
    for (size_t i = 0; i < agent->links_count; i++)
        if (agent->links[i].xmpp)
            xmpp_link_free(agent->links[i].xmpp);
    if (agent->host)
        host_close(agent->host);
    shell_free(agent->shell);
    role_free(agent->role);
    store_close(agent->store);
}

static struct role *agent_role(const struct agent_config *config) {
    struct peer_setting managers[limit_uplinks] = {0};
    for (size_t i = 0; i < config->uplinks_count; i++)
        managers[i] =
            daemon_peer(config->uplinks[i].name, config->uplinks[i].manager, (uint32_t)i);
    struct role_settings settings = {
        .kind = ROLE_AGENT,
        .seed = daemon_seed(),
        .managers = managers,
        .managers_count = config->uplinks_count,
    };
    (void)text_copy(settings.software, sizeof(settings.software), daemon_software);
    return role_new(&settings);
}

static struct host *agent_host(const struct agent_config *config, struct shell *shell,
                               struct error *err) {
    const struct host_config *host = &config->host;
    const struct link_config *uplink = &config->uplinks[0]; /* all have the same repository */
    const struct host_settings settings = {
        .uri = host->uri,
        .folder = config->daemon.state,
        .image_url = uplink->image_url,
        .image_ca_file = uplink->image_ca_file,
        .image_token_file = uplink->image_token.file,
        .accelerator = accelerator_names[host->accelerator],
        .reserve = {.cpus = (uint32_t)host->reserve_cpus,
                    .memory_mib = (uint32_t)host->reserve_memory_mib,
                    .disk_gib = (uint32_t)host->reserve_disk_gib},
        .capacity = {.cpus = (uint32_t)host->cpus,
                     .memory_mib = (uint32_t)host->memory_mib,
                     .disk_gib = (uint32_t)host->disk_gib},
        .workers = (uint32_t)host->workers,
    };
    return host_open(&settings, shell, err);
}

static int agent_connect(struct agent_daemon *agent, const struct link_config *uplink,
                         struct error *err) {
    size_t index = agent->links_count++;
    struct shell_link *link = &agent->links[index];
    text_format(agent->names[index], sizeof(agent->names[index]), "uplink %s", uplink->name);
    link->name = agent->names[index];
    const char *const peers[] = {uplink->manager, NULL};
    link->xmpp = daemon_connect(uplink, (uint32_t)index, peers, agent->shell, err);
    return link->xmpp ? 0 : error_wrap(err, "[uplink %s]", uplink->name);
}

static int agent_open(struct agent_daemon *agent, const struct agent_config *config,
                      struct error *err) {
    agent->log = (struct log){.daemon = "isthmus-agent",
                              .level = (enum log_level)config->daemon.log_level};
    /* Others may pass through, not list: QEMU runs as another user and must reach its disks. */
    agent->store = daemon_store(&config->daemon, "agent", 0711, err);
    if (!agent->store)
        return err->code;
    agent->role = agent_role(config);
    agent->shell = shell_new(agent->role, &agent->log);
    agent->host = agent_host(config, agent->shell, err);
    if (!agent->host)
        return error_wrap(err, "[host]");
    for (size_t i = 0; i < config->uplinks_count; i++)
        if (agent_connect(agent, &config->uplinks[i], err))
            return err->code;
    return 0;
}

int main(int count, char **arguments) {
    struct daemon_options options = daemon_begin(count, arguments, "agent");
    if (options.purpose == DAEMON_LEAVE)
        return options.code;
    struct error err = {0};
    auto_clean(agent_config_deinit) struct agent_config config = {0};
    if (agent_config_load(options.config, &config, &err))
        return daemon_fail(&options, &err, EXIT_MISUSED);
    if (options.purpose == DAEMON_CHECK)
        return daemon_checked(&options);
    auto_clean(agent_close) struct agent_daemon agent = {0};
    if (agent_open(&agent, &config, &err))
        return daemon_fail(&options, &err, EXIT_FAILED);
    const struct shell_ports ports = {
        .store = agent.store,
        .links = agent.links,
        .links_count = agent.links_count,
        .host = agent.host,
        .send = xmpp_link_send,
        .submit = host_submit,
    };
    return daemon_serve(&agent.log, agent.shell, &ports, config.daemon.state);
}
