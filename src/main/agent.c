/* isthmus-agent: reads its configuration, wires the agent role to its host and its manager,
 * serves. It has one link, the uplink. */
#include <stdio.h>

#include "base/memory.h"
#include "base/output.h"
#include "base/text.h"
#include "io/host/guests/stream.h"
#include "io/host/host.h"
#include "io/host/libvirt/filters.h"
#include "io/host/look.h"
#include "main/daemon/check.h"
#include "main/daemon/health.h"
#include "main/daemon/join.h"
#include "main/daemon/streams.h"

/* What the daemon has open, in the order of opening; it is closed in the reverse order. */
struct agent_daemon {
    struct log log;
    struct store *store;
    struct role *role;
    struct shell *shell;
    struct streams *streams;
    struct host *host;
    struct shell_link uplink;
    char uplink_name[limit_name_size + 8];
    struct text networks, filtered; /* their names, by commas; where VMs' rules are kept */
    struct daemon_health health;
};

static void agent_close(struct agent_daemon *agent) {
    if (agent->uplink.carrier)
        carrier_free(agent->uplink.carrier);
    if (agent->host)
        host_close(agent->host);
    streams_stop(agent->streams);
    shell_free(agent->shell);
    role_free(agent->role);
    store_close(agent->store);
    seal_free(agent->uplink.seal);
    text_deinit(&agent->networks);
    text_deinit(&agent->filtered);
}

/* They borrow their texts; the caller frees the array. */
static struct host_network *networks_of(const struct agent_config *config) {
    struct host_network *networks = memory_new(config->networks_count, sizeof(*networks));
    for (size_t i = 0; i < config->networks_count; i++)
        networks[i] = (struct host_network){
            .name = config->networks[i].name,
            .bridge = config->networks[i].bridge,
            .libvirt = config->networks[i].libvirt,
            .filter = config->networks[i].user ? HOST_FILTER_NONE
                                               : (enum host_filter)config->networks[i].filter,
        };
    for (size_t i = 0; i < config->networks_count; i++)
        networks[i].keeps_rules = filters_keep_rules(&networks[i]);
    return networks;
}

static struct role *agent_role(struct agent_daemon *agent, const struct agent_config *config) {
    const struct link_config *uplink = &config->uplinks[0];
    const struct peer_setting manager = daemon_peer(uplink->name, uplink->manager, 0);
    auto_clean(memory_clean) struct host_network *networks = networks_of(config);
    for (size_t i = 0; i < config->networks_count; i++) {
        text_addf(&agent->networks, "%s%s", i ? "," : "", networks[i].name);
        if (networks[i].keeps_rules)
            text_addf(&agent->filtered, "%s%s", agent->filtered.length ? "," : "",
                      networks[i].name);
    }
    struct role_settings settings = {
        .kind = ROLE_AGENT,
        .host_networks = config->networks_count ? text_data(&agent->networks) : NULL,
        .host_filtered = agent->filtered.length ? text_data(&agent->filtered) : NULL,
        .seed = daemon_seed(),
        .managers = &manager,
        .managers_count = 1,
    };
    text_set(settings.software, daemon_software);
    return role_new(&settings);
}

static struct host *agent_host(const struct agent_config *config, struct shell *shell,
                               struct streams *streams, struct error *err) {
    const struct host_config *host = &config->host;
    const struct link_config *uplink = &config->uplinks[0];
    auto_clean(memory_clean) struct host_network *networks = networks_of(config);
    const struct host_settings settings = {
        .uri = host->uri,
        .folder = config->daemon.state,
        .image_url = uplink->image_url,
        .image_ca_file = uplink->image_ca_file,
        .image_token_file = uplink->image_token.file,
        .accelerator = accelerator_names[host->accelerator],
        .migration_uri = host->migration_uri,
        .reserve = {.cpus = (uint32_t)host->reserve_cpus,
                    .memory_mib = (uint32_t)host->reserve_memory_mib,
                    .disk_gib = (uint32_t)host->reserve_disk_gib},
        .capacity = {.cpus = (uint32_t)host->cpus,
                     .memory_mib = (uint32_t)host->memory_mib,
                     .disk_gib = (uint32_t)host->disk_gib},
        .most_image_gib = host->max_image_gib,
        .most_images_mib = host->max_images_mib,
        .networks = {networks, config->networks_count},
        .workers = (uint32_t)host->workers,
        .warden = host->warden,
        .pid_folder = host->pid_folder,
        .streams = streams,
    };
    return host_open(&settings, shell, err);
}

static struct daemon_link uplink_of(const struct agent_config *config) {
    return (struct daemon_link){
        .link = &config->uplinks[0],
        .servers = config->uplink_servers,
        .servers_count = config->uplink_servers_count,
    };
}

static int agent_connect(struct agent_daemon *agent, const struct agent_config *config,
                         struct error *err) {
    const struct link_config *uplink = &config->uplinks[0];
    const struct daemon_link link = uplink_of(config);
    text_format(agent->uplink_name, sizeof(agent->uplink_name), "uplink %s", uplink->name);
    agent->uplink.name = agent->uplink_name;
    agent->uplink.key_file = uplink->key.file;
    agent->uplink.seal = daemon_seal_up(uplink, err);
    if (agent->uplink.seal)
        agent->uplink.carrier = daemon_connect_up(&link, agent->shell, err);
    return agent->uplink.carrier ? 0 : error_wrap(err, "[uplink %s]", uplink->name);
}

/* What there is to say of the daemon's health. */
static void agent_watch(struct agent_daemon *agent, const struct agent_config *config) {
    struct daemon_certificates *certificates = &agent->health.certificates;
    agent->health.links = &agent->uplink;
    agent->health.links_count = 1;
    agent->health.shell = agent->shell;
    daemon_certificates_init(certificates, &agent->log);
    daemon_certificates_add_link(certificates, "uplink", &config->uplinks[0]);
    daemon_certificates_add_servers(certificates, "uplink-server", config->uplink_servers,
                                    config->uplink_servers_count);
}

static int agent_open(struct agent_daemon *agent, const struct agent_config *config,
                      struct error *err) {
    agent->log = (struct log){.daemon = "isthmus-agent",
                              .level = (enum log_level)config->daemon.log_level};
    /* Others may pass through, not list: QEMU runs as another user and must reach its disks. */
    agent->store = daemon_store(&config->daemon, "agent", 0711, err);
    if (!agent->store)
        return err->code;
    agent->role = agent_role(agent, config);
    agent->shell = shell_new(agent->role, &agent->log);
    if (daemon_streams_start(NULL, agent->shell, &agent->streams, err))
        return err->code;
    agent->host = agent_host(config, agent->shell, agent->streams, err);
    if (!agent->host)
        return error_wrap(err, "[host]");
    agent_watch(agent, config);
    return agent_connect(agent, config, err);
}

/* SIGHUP: certificates are looked at; they are read whenever the link connects. */
static void agent_renew(void *health) {
    struct daemon_health *whole = health;
    daemon_certificates_renewed(&whole->certificates, 0, NULL);
}

static int agent_check(const struct daemon_options *options, const struct agent_config *config) {
    struct daemon_trial trial = {.options = options};
    struct error err = {0}, note;
    const struct daemon_link link = uplink_of(config);
    auto_clean(memory_clean) struct host_network *networks = networks_of(config);
    const struct host_trial host = {config->host.uri, accelerator_names[config->host.accelerator],
                                    {networks, config->networks_count}};
    daemon_try_state(&trial, &config->daemon, "agent");
    daemon_tried(&trial, host_try(&host, &note, &err), &err);
    if (note.code)
        (void)printf("%s: VMs will be emulated, which is slow: %s\n", options->program, note.text);
    daemon_try_link(&trial, "uplink", &link);
    return daemon_trial_end(&trial);
}

static int run(int count, char **arguments) {
    struct daemon_options options = daemon_begin(count, arguments, "agent");
    if (options.purpose == DAEMON_LEAVE)
        return options.code;
    struct error err = {0};
    auto_clean(daemon_making_clean) struct daemon_making making = {0};
    auto_clean(agent_config_deinit) struct agent_config config = {0};
    if (daemon_making_begin(&options, &making, &err) ||
        agent_config_load(making.config, &config, &err))
        return daemon_fail(&options, &err, EXIT_MISUSED);
    if (options.purpose == DAEMON_CHECK)
        return agent_check(&options, &config);
    if (options.purpose == DAEMON_JOIN)
        return daemon_join(&options, &(struct daemon_joining){
            "agent", &config.daemon, config.uplinks, config.uplinks_count,
            config.uplink_servers, config.uplink_servers_count, 0711, &making});
    auto_clean(agent_close) struct agent_daemon agent = {0};
    if (agent_open(&agent, &config, &err))
        return daemon_fail(&options, &err, EXIT_FAILED);
    const struct shell_ports ports = {
        .store = agent.store,
        .links = &agent.uplink,
        .links_count = 1,
        .status = daemon_health_print,
        .renew = agent_renew,
        .daemon = &agent.health,
        .host = agent.host,
        .send = carrier_send,
        .flush = carrier_flush,
        .look = host_look,
        .submit = host_submit,
        .order = host_order,
        .read = host_read,
        .usage = host_usage,
        .unpacked = host_answer,
        .open = guest_stream_open,
        .streams = agent.streams,
        .stream = streams_order,
    };
    return daemon_serve(&agent.log, agent.shell, &ports, config.daemon.state);
}

int main(int count, char **arguments) {
    output_begin();
    return output_end("isthmus-agent", run(count, arguments));
}
