#include "io/config/daemons.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "message/limits.h"

const char *const accelerator_names[] = {"auto", "kvm", "tcg", NULL};
static const char *const level_names[] = {"error", "warning", "info", "debug", NULL};

static const struct setting upstream_daemon_settings[] = {
    {.key = "state", .kind = SETTING_FOLDER, .offset = offsetof(struct daemon_config, state),
     .standard = "/var/lib/isthmus-upstream", .about = "folder of the store and the images"},
    {.key = "log_level", .kind = SETTING_CHOICE,
     .offset = offsetof(struct daemon_config, log_level), .standard = "info",
     .choices = level_names, .about = "error, warning, info or debug"},
};

static const struct setting downstream_daemon_settings[] = {
    {.key = "state", .kind = SETTING_FOLDER, .offset = offsetof(struct daemon_config, state),
     .standard = "/var/lib/isthmus-downstream", .about = "folder of the store and the images"},
    {.key = "log_level", .kind = SETTING_CHOICE,
     .offset = offsetof(struct daemon_config, log_level), .standard = "info",
     .choices = level_names, .about = "error, warning, info or debug"},
};

static const struct setting agent_daemon_settings[] = {
    {.key = "state", .kind = SETTING_FOLDER, .offset = offsetof(struct daemon_config, state),
     .standard = "/var/lib/isthmus-agent", .about = "folder of the store and the images"},
    {.key = "log_level", .kind = SETTING_CHOICE,
     .offset = offsetof(struct daemon_config, log_level), .standard = "info",
     .choices = level_names, .about = "error, warning, info or debug"},
};

/* A [downlink] takes the first of them, an agent's [uplink] more, a downstream manager's all. */
static const struct setting link_settings[] = {
    {.key = "jid", .kind = SETTING_JID, .offset = offsetof(struct link_config, jid),
     .need = SETTING_REQUIRED, .about = "our account, as account@domain/resource"},
    {.key = "password_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct link_config, password),
     .about = "file with its password; or a certificate instead"},
    {.key = "certificate_file", .kind = SETTING_FILE,
     .offset = offsetof(struct link_config, certificate_file),
     .about = "our certificate for SASL EXTERNAL, PEM"},
    {.key = "certificate_key_file", .kind = SETTING_FILE,
     .offset = offsetof(struct link_config, certificate_key_file),
     .about = "its private key, PEM"},
    {.key = "server", .kind = SETTING_TEXT, .offset = offsetof(struct link_config, server),
     .about = "host to connect to; the JID's domain without it"},
    {.key = "port", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, port),
     .standard = "5222", .least = 1, .most = 65535, .about = "its port"},
    {.key = "ca_file", .kind = SETTING_FILE, .offset = offsetof(struct link_config, ca_file),
     .need = SETTING_REQUIRED, .about = "certificate authority of the server, PEM"},
    {.key = "ping_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, ping_seconds), .standard = "30", .least = 1,
     .most = 3600, .about = "a silent server is asked after these, given up after twice as many"},
    {.key = "failover_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, failover_seconds), .standard = "10", .least = 1,
     .most = 3600, .about = "wait for a lost server until the next one is used"},
    {.key = "return_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, return_seconds), .standard = "300", .least = 1,
     .most = 86400, .about = "an earlier server is used again once it was up for so long"},
    {.key = "key_file", .kind = SETTING_KEY, .offset = offsetof(struct link_config, key),
     .need = SETTING_REQUIRED, .about = "file with our secret key for this link alone"},
    {.key = "manager", .kind = SETTING_JID, .offset = offsetof(struct link_config, manager),
     .need = SETTING_REQUIRED, .about = "full JID of the manager above; nobody else is heard"},
    {.key = "peer_key", .kind = SETTING_PEER, .offset = offsetof(struct link_config, peer_key),
     .about = "its public key; without: the one that was pinned when it joined"},
    {.key = "image_url", .kind = SETTING_URL, .offset = offsetof(struct link_config, image_url),
     .need = SETTING_REQUIRED, .about = "prefix of the image repository above"},
    {.key = "image_ca_file", .kind = SETTING_FILE,
     .offset = offsetof(struct link_config, image_ca_file),
     .about = "its certificate authority, PEM; the system's without it"},
    {.key = "image_token_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct link_config, image_token),
     .about = "file with the bearer token for it"},
    {.key = "max_vms", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, max_vms),
     .least = 0, .most = limit_vms, .about = "VMs that this manager may have; 0: no limit"},
    {.key = "max_cpus", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, max_cpus),
     .least = 0, .most = INT64_MAX, .about = "CPUs that they may have"},
    {.key = "max_memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, max_memory_mib), .least = 0, .most = INT64_MAX,
     .about = "memory that they may have, MiB"},
    {.key = "max_disk_gib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, max_disk_gib), .least = 0, .most = INT64_MAX,
     .about = "disk that they may have, GiB"},
    {.key = "allow_verbs", .kind = SETTING_TEXT,
     .offset = offsetof(struct link_config, allow_verbs),
     .about = "verbs that it may ask, a blank between them; all without it; a delete always"},
    {.key = "allow_shapes", .kind = SETTING_TEXT,
     .offset = offsetof(struct link_config, allow_shapes),
     .about = "shapes that it may ask, by its names or by size as c2-m4096-d20; all without it"},
    {.key = "allow_images", .kind = SETTING_TEXT,
     .offset = offsetof(struct link_config, allow_images),
     .about = "images that it may ask, by digest or by its names; all without it"},
    {.key = "allow_networks", .kind = SETTING_TEXT,
     .offset = offsetof(struct link_config, allow_networks),
     .about = "networks that it may ask; all without it"},
    {.key = "weight", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, weight),
     .standard = "1", .least = 1, .most = limit_weight,
     .about = "its part of the hosts' work, beside other managers' weights"},
    {.key = "keep_cpus", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, keep_cpus),
     .least = 0, .most = INT64_MAX, .about = "CPUs that are kept for it; others get the rest"},
    {.key = "keep_memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, keep_memory_mib), .least = 0, .most = INT64_MAX,
     .about = "memory that is kept for it, MiB"},
    {.key = "keep_disk_gib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, keep_disk_gib), .least = 0, .most = INT64_MAX,
     .about = "disk that is kept for it, GiB"},
    {.key = "step_vms", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, step_vms),
     .least = 0, .most = INT64_MAX,
     .about = "how many more VMs fit is told rounded down to this; 0: exactly"},
    {.key = "step_cpus", .kind = SETTING_NUMBER, .offset = offsetof(struct link_config, step_cpus),
     .least = 0, .most = INT64_MAX, .about = "CPUs in all and free likewise"},
    {.key = "step_memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, step_memory_mib), .least = 0, .most = INT64_MAX,
     .about = "memory in all and free likewise, MiB"},
    {.key = "step_disk_gib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct link_config, step_disk_gib), .least = 0, .most = INT64_MAX,
     .about = "disk in all and free likewise, GiB"},
};

enum {
    downlink_settings = 11,
    agent_uplink_settings = 16,
    uplink_settings = array_size(link_settings),
};

/* The last two are for uplinks alone. */
static const struct setting server_settings[] = {
    {.key = "jid", .kind = SETTING_JID, .offset = offsetof(struct server_config, jid),
     .about = "our account there; without it that of the link: a node of the same cluster"},
    {.key = "password_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct server_config, password), .about = "file with its password"},
    {.key = "certificate_file", .kind = SETTING_FILE,
     .offset = offsetof(struct server_config, certificate_file),
     .about = "our certificate for SASL EXTERNAL, PEM"},
    {.key = "certificate_key_file", .kind = SETTING_FILE,
     .offset = offsetof(struct server_config, certificate_key_file),
     .about = "its private key, PEM"},
    {.key = "server", .kind = SETTING_TEXT, .offset = offsetof(struct server_config, server),
     .about = "host to connect to"},
    {.key = "port", .kind = SETTING_NUMBER, .offset = offsetof(struct server_config, port),
     .least = 1, .most = 65535, .about = "its port"},
    {.key = "ca_file", .kind = SETTING_FILE, .offset = offsetof(struct server_config, ca_file),
     .about = "certificate authority of this server, PEM"},
    {.key = "manager", .kind = SETTING_JID, .offset = offsetof(struct server_config, manager),
     .about = "full JID of the manager there"},
    {.key = "uplink", .kind = SETTING_NAME, .offset = offsetof(struct server_config, uplink),
     .need = SETTING_REQUIRED, .about = "name of the link that this server is for"},
};

enum { downlink_server_settings = 7, uplink_server_settings = array_size(server_settings) };

static const struct setting api_settings[] = {
    {.key = "listen", .kind = SETTING_LISTEN, .offset = offsetof(struct listen_config, listen),
     .standard = "127.0.0.1:8080", .about = "address:port to listen on; port 0: any free one"},
    {.key = "certificate_file", .kind = SETTING_FILE,
     .offset = offsetof(struct listen_config, certificate_file),
     .about = "our certificate chain, PEM; plain HTTP without it"},
    {.key = "key_file", .kind = SETTING_FILE, .offset = offsetof(struct listen_config, key_file),
     .about = "its private key, PEM"},
    {.key = "plain_http_off_loopback", .kind = SETTING_FLAG,
     .offset = offsetof(struct listen_config, plain_allowed), .standard = "no",
     .about = "yes: plain HTTP beyond this machine"},
    {.key = "url", .kind = SETTING_URL, .offset = offsetof(struct listen_config, url),
     .about = "prefix under which clusters pull images from us; for their join tokens"},
    {.key = "ca_file", .kind = SETTING_FILE, .offset = offsetof(struct listen_config, ca_file),
     .about = "authority of our certificate, PEM; for their join tokens"},
    {.key = "operator_token_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct listen_config, token), .need = SETTING_REQUIRED,
     .about = "file with the operator's bearer token"},
};

static const struct setting image_settings[] = {
    {.key = "listen", .kind = SETTING_LISTEN, .offset = offsetof(struct listen_config, listen),
     .standard = "127.0.0.1:8090", .about = "address:port to listen on; port 0: any free one"},
    {.key = "certificate_file", .kind = SETTING_FILE,
     .offset = offsetof(struct listen_config, certificate_file),
     .about = "our certificate chain, PEM; plain HTTP without it"},
    {.key = "key_file", .kind = SETTING_FILE, .offset = offsetof(struct listen_config, key_file),
     .about = "its private key, PEM"},
    {.key = "plain_http_off_loopback", .kind = SETTING_FLAG,
     .offset = offsetof(struct listen_config, plain_allowed), .standard = "no",
     .about = "yes: plain HTTP beyond this machine"},
    {.key = "url", .kind = SETTING_URL, .offset = offsetof(struct listen_config, url),
     .about = "prefix under which agents pull images from us; for their join tokens"},
    {.key = "ca_file", .kind = SETTING_FILE, .offset = offsetof(struct listen_config, ca_file),
     .about = "authority of our certificate, PEM; for their join tokens"},
    {.key = "token_file", .kind = SETTING_SECRET, .offset = offsetof(struct listen_config, token),
     .need = SETTING_REQUIRED, .about = "file with the bearer token that agents present"},
};

/* The last is the upstream manager's alone. */
static const struct setting timing_settings[] = {
    {.key = "beat_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct timing_config, beat_seconds), .standard = "15", .least = 1,
     .most = 3600, .about = "rhythm asked of those below"},
    {.key = "hold_down_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct timing_config, hold_down_seconds), .standard = "30", .least = 1,
     .most = 86400, .about = "silence until a suspect one counts as unreachable"},
    {.key = "operation_seconds", .kind = SETTING_NUMBER,
     .offset = offsetof(struct timing_config, operation_seconds), .standard = "600", .least = 1,
     .most = limit_deadline_ms / 1000, .about = "time allowed for an operation that names none"},
};

enum { downstream_timing_settings = 2 };

/* The first is for agents alone, the last one for clusters. */
static const struct setting peer_settings[] = {
    {.key = "at_once", .kind = SETTING_NUMBER, .offset = offsetof(struct peer_config, at_once),
     .standard = "4", .least = 1, .most = limit_at_once,
     .about = "operations under way there at a time, where several managers share it"},
    {.key = "address", .kind = SETTING_JID, .offset = offsetof(struct peer_config, address),
     .need = SETTING_REQUIRED, .about = "its full JID; nobody else is heard"},
    {.key = "more_addresses", .kind = SETTING_JIDS,
     .offset = offsetof(struct peer_config, more_addresses),
     .about = "its full JIDs on our further servers, by commas"},
    {.key = "peer_key", .kind = SETTING_PEER, .offset = offsetof(struct peer_config, peer_key),
     .about = "its public key; without: the one that it joins with"},
    {.key = "labels", .kind = SETTING_LABELS, .offset = offsetof(struct peer_config, labels),
     .about = "where and what it is, for whoever asks: region=eu,zone=a,disk=ssd"},
    {.key = "password_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct peer_config, password),
     .about = "file with its account's password; for its join token"},
    {.key = "image_token_file", .kind = SETTING_SECRET,
     .offset = offsetof(struct peer_config, image_token),
     .about = "file with the bearer token that it pulls images with"},
};

enum { agent_settings = 6, cluster_settings = array_size(peer_settings) - 1 };

static const struct setting hosts_settings[] = {
    {.key = "cpus_percent", .kind = SETTING_NUMBER,
     .offset = offsetof(struct hosts_config, cpus_percent), .standard = "100",
     .least = limit_lend_least_percent, .most = limit_lend_cpus_percent,
     .about = "processors that each host lends, of each hundred that it has"},
    {.key = "memory_percent", .kind = SETTING_NUMBER,
     .offset = offsetof(struct hosts_config, memory_percent), .standard = "100",
     .least = limit_lend_least_percent, .most = limit_lend_memory_percent,
     .about = "memory that each host lends, of each hundred MiB that it has"},
};

static const struct setting shape_settings[] = {
    {.key = "cpus", .kind = SETTING_NUMBER, .offset = offsetof(struct shape_config, cpus),
     .need = SETTING_REQUIRED, .least = 1, .most = limit_cpus, .about = "virtual CPUs"},
    {.key = "memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct shape_config, memory_mib), .need = SETTING_REQUIRED, .least = 1,
     .most = limit_memory_mib, .about = "memory, MiB"},
    {.key = "disk_gib", .kind = SETTING_NUMBER, .offset = offsetof(struct shape_config, disk_gib),
     .need = SETTING_REQUIRED, .least = 1, .most = limit_disk_gib, .about = "disk, GiB"},
};

static const struct setting network_settings[] = {
    {.key = "about", .kind = SETTING_TEXT, .offset = offsetof(struct network_config, about),
     .about = "what tenants are told of it"},
};

static const struct setting host_network_settings[] = {
    {.key = "bridge", .kind = SETTING_TEXT, .offset = offsetof(struct host_network_config, bridge),
     .about = "a bridge of this machine, which must be there"},
    {.key = "libvirt", .kind = SETTING_TEXT,
     .offset = offsetof(struct host_network_config, libvirt),
     .about = "or a network of libvirt's, which must be active"},
    {.key = "user", .kind = SETTING_FLAG, .offset = offsetof(struct host_network_config, user),
     .standard = "no", .about = "yes: or QEMU's own NAT, which needs no privileges"},
};

static const struct setting host_settings_table[] = {
    {.key = "uri", .kind = SETTING_TEXT, .offset = offsetof(struct host_config, uri),
     .standard = "qemu:///system", .about = "libvirt connection"},
    {.key = "migration_uri", .kind = SETTING_TEXT,
     .offset = offsetof(struct host_config, migration_uri),
     .about = "by which other hosts of the cluster reach this libvirt, to send it VMs that run"},
    {.key = "accelerator", .kind = SETTING_CHOICE,
     .offset = offsetof(struct host_config, accelerator), .standard = "auto",
     .choices = accelerator_names, .about = "auto, kvm or tcg"},
    {.key = "workers", .kind = SETTING_NUMBER, .offset = offsetof(struct host_config, workers),
     .standard = "4", .least = 1, .most = 64, .about = "threads that work on VMs at the same time"},
    {.key = "cpus", .kind = SETTING_NUMBER, .offset = offsetof(struct host_config, cpus),
     .least = 0, .most = UINT32_MAX, .about = "CPUs to offer; 0: what the host has"},
    {.key = "memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct host_config, memory_mib), .least = 0, .most = UINT32_MAX,
     .about = "memory to offer, MiB; 0: what the host has"},
    {.key = "disk_gib", .kind = SETTING_NUMBER, .offset = offsetof(struct host_config, disk_gib),
     .least = 0, .most = UINT32_MAX, .about = "disk to offer, GiB; 0: what the host has"},
    {.key = "reserve_cpus", .kind = SETTING_NUMBER,
     .offset = offsetof(struct host_config, reserve_cpus), .least = 0, .most = UINT32_MAX,
     .about = "CPUs kept for the host itself"},
    {.key = "reserve_memory_mib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct host_config, reserve_memory_mib), .least = 0, .most = UINT32_MAX,
     .about = "memory kept for the host itself, MiB"},
    {.key = "reserve_disk_gib", .kind = SETTING_NUMBER,
     .offset = offsetof(struct host_config, reserve_disk_gib), .least = 0, .most = UINT32_MAX,
     .about = "disk kept for the host itself, GiB"},
};

static const struct config_section upstream_sections[] = {
    {.name = "daemon", .settings = upstream_daemon_settings,
     .settings_count = array_size(upstream_daemon_settings),
     .offset = offsetof(struct upstream_config, daemon), .about = "the daemon itself"},
    {.name = "api", .settings = api_settings, .settings_count = array_size(api_settings),
     .offset = offsetof(struct upstream_config, api), .least = 1, .about = "the REST interface"},
    {.name = "downlink", .settings = link_settings, .settings_count = downlink_settings,
     .offset = offsetof(struct upstream_config, downlink), .least = 1,
     .about = "our account for the clusters"},
    {.name = "downlink-server", .settings = server_settings,
     .settings_count = downlink_server_settings,
     .offset = offsetof(struct upstream_config, downlink_servers),
     .size = sizeof(struct server_config),
     .count_offset = offsetof(struct upstream_config, downlink_servers_count),
     .most = limit_endpoints - 1,
     .about = "a further server for our account"},
    {.name = "timing", .settings = timing_settings, .settings_count = array_size(timing_settings),
     .offset = offsetof(struct upstream_config, timing), .about = "how long things may take"},
    {.name = "cluster", .settings = &peer_settings[1], .settings_count = cluster_settings,
     .offset = offsetof(struct upstream_config, clusters), .size = sizeof(struct peer_config),
     .count_offset = offsetof(struct upstream_config, clusters_count), .most = limit_peers,
     .about = "a downstream manager below"},
    {.name = "shape", .settings = shape_settings, .settings_count = array_size(shape_settings),
     .offset = offsetof(struct upstream_config, shapes), .size = sizeof(struct shape_config),
     .count_offset = offsetof(struct upstream_config, shapes_count), .least = 1,
     .most = limit_shapes, .about = "a size of VM that tenants may ask for"},
    {.name = "network", .settings = network_settings,
     .settings_count = array_size(network_settings),
     .offset = offsetof(struct upstream_config, networks), .size = sizeof(struct network_config),
     .count_offset = offsetof(struct upstream_config, networks_count), .most = limit_networks,
     .about = "a network that tenants may ask for"},
};

const struct config_table upstream_config_table = {
    .daemon = "upstream", .sections = upstream_sections,
    .sections_count = array_size(upstream_sections)};

static const struct config_section downstream_sections[] = {
    {.name = "daemon", .settings = downstream_daemon_settings,
     .settings_count = array_size(downstream_daemon_settings),
     .offset = offsetof(struct downstream_config, daemon), .about = "the daemon itself"},
    {.name = "uplink", .settings = link_settings, .settings_count = uplink_settings,
     .offset = offsetof(struct downstream_config, uplinks), .size = sizeof(struct link_config),
     .count_offset = offsetof(struct downstream_config, uplinks_count), .most = limit_uplinks,
     .about = "an upstream manager that may use this cluster"},
    {.name = "uplink-server", .settings = server_settings,
     .settings_count = uplink_server_settings,
     .offset = offsetof(struct downstream_config, uplink_servers),
     .size = sizeof(struct server_config),
     .count_offset = offsetof(struct downstream_config, uplink_servers_count),
     .most = limit_uplinks * (limit_endpoints - 1),
     .about = "a further server for an uplink"},
    {.name = "downlink", .settings = link_settings, .settings_count = downlink_settings,
     .offset = offsetof(struct downstream_config, downlink), .least = 1,
     .about = "our account for the agents"},
    {.name = "downlink-server", .settings = server_settings,
     .settings_count = downlink_server_settings,
     .offset = offsetof(struct downstream_config, downlink_servers),
     .size = sizeof(struct server_config),
     .count_offset = offsetof(struct downstream_config, downlink_servers_count),
     .most = limit_endpoints - 1,
     .about = "a further server for our account"},
    {.name = "images", .settings = image_settings, .settings_count = array_size(image_settings),
     .offset = offsetof(struct downstream_config, images), .least = 1,
     .about = "the image repository for the agents"},
    {.name = "timing", .settings = timing_settings, .settings_count = downstream_timing_settings,
     .offset = offsetof(struct downstream_config, timing), .about = "how long things may take"},
    {.name = "hosts", .settings = hosts_settings, .settings_count = array_size(hosts_settings),
     .offset = offsetof(struct downstream_config, hosts), .about = "all hosts"},
    {.name = "agent", .settings = peer_settings, .settings_count = agent_settings,
     .offset = offsetof(struct downstream_config, agents), .size = sizeof(struct peer_config),
     .count_offset = offsetof(struct downstream_config, agents_count), .most = limit_peers,
     .about = "an agent below"},
};

const struct config_table downstream_config_table = {
    .daemon = "downstream", .sections = downstream_sections,
    .sections_count = array_size(downstream_sections)};

static const struct config_section agent_sections[] = {
    {.name = "daemon", .settings = agent_daemon_settings,
     .settings_count = array_size(agent_daemon_settings),
     .offset = offsetof(struct agent_config, daemon), .about = "the daemon itself"},
    {.name = "uplink", .settings = link_settings, .settings_count = agent_uplink_settings,
     .offset = offsetof(struct agent_config, uplinks), .size = sizeof(struct link_config),
     .count_offset = offsetof(struct agent_config, uplinks_count), .least = 1,
     .most = 1, .about = "the manager that this host serves"},
    {.name = "uplink-server", .settings = server_settings,
     .settings_count = uplink_server_settings,
     .offset = offsetof(struct agent_config, uplink_servers),
     .size = sizeof(struct server_config),
     .count_offset = offsetof(struct agent_config, uplink_servers_count),
     .most = limit_endpoints - 1,
     .about = "a further server for an uplink"},
    {.name = "host", .settings = host_settings_table,
     .settings_count = array_size(host_settings_table),
     .offset = offsetof(struct agent_config, host), .about = "the hypervisor and what it lends"},
    {.name = "network", .settings = host_network_settings,
     .settings_count = array_size(host_network_settings),
     .offset = offsetof(struct agent_config, networks),
     .size = sizeof(struct host_network_config),
     .count_offset = offsetof(struct agent_config, networks_count), .most = limit_networks,
     .about = "a network that VMs on this host can be in, and what it is here"},
};

const struct config_table agent_config_table = {
    .daemon = "agent", .sections = agent_sections,
    .sections_count = array_size(agent_sections)};

static int check_listen(const char *path, const char *section, const struct listen_config *listen,
                        struct error *err) {
    if (!listen->certificate_file != !listen->key_file)
        return error_set(err, -EINVAL, "%s: [%s] has %s alone; give certificate_file and key_file, "
                         "or neither", path, section,
                         listen->key_file ? "key_file" : "certificate_file");
    bool loopback = text_starts(listen->listen, "127.") || text_starts(listen->listen, "[::1]");
    if (!listen->certificate_file && !loopback && !listen->plain_allowed)
        return error_set(err, -EINVAL, "%s: [%s] listen = %s would send tokens in the clear beyond "
                         "this machine; give certificate_file and key_file, or set "
                         "plain_http_off_loopback = yes", path, section, listen->listen);
    return 0;
}

/* Addresses and keys in one map: neither looks like the other. */
static int check_address(struct map *seen, const char *section, const struct peer_config *peer,
                         const char *address, struct error *err) {
    const struct peer_config *other = map_get(seen, address);
    if (other && address == peer->peer_key)
        return error_set(err, -EINVAL, "[%s %s] and [%s %s] have the same peer_key; each of them "
                         "makes its own", section, other->name, section, peer->name);
    if (other)
        return error_set(err, -EINVAL, "[%s %s] and [%s %s] have the same address %s; give each "
                         "an account of its own", section, other->name, section, peer->name,
                         address);
    map_put(seen, address, (void *)(uintptr_t)peer);
    return 0;
}

static int check_peers(const char *path, const char *section, const struct peer_config *peers,
                       size_t count, struct error *err) {
    struct map seen;
    char **copies = memory_new(count, sizeof(*copies)); /* the map's keys */
    map_init(&seen, 0);
    int result = 0;
    for (size_t i = 0; i < count && !result; i++) {
        char *rest = copies[i] = memory_text(peers[i].more_addresses);
        result = check_address(&seen, section, &peers[i], peers[i].address, err);
        if (!result && peers[i].peer_key)
            result = check_address(&seen, section, &peers[i], peers[i].peer_key, err);
        for (char *more; !result && (more = strsep(&rest, ","));)
            result = check_address(&seen, section, &peers[i], more, err);
    }
    map_deinit(&seen);
    for (size_t i = 0; i < count; i++)
        memory_free(copies[i]);
    memory_free(copies);
    return result ? error_wrap(err, "%s", path) : 0;
}

int upstream_config_load(const char *path, struct upstream_config *config, struct error *err) {
    if (config_load(&upstream_config_table, path, config, err))
        return err->code;
    int result = check_listen(path, "api", &config->api, err);
    if (!result)
        result = check_peers(path, "cluster", config->clusters, config->clusters_count, err);
    if (!result)
        result = config_links_check(
            &(struct links_config){.path = path,
                                   .downlink = &config->downlink,
                                   .downlink_servers = config->downlink_servers,
                                   .downlink_servers_count = config->downlink_servers_count},
            err);
    if (result)
        upstream_config_deinit(config);
    return result;
}

int downstream_config_load(const char *path, struct downstream_config *config,
                           struct error *err) {
    if (config_load(&downstream_config_table, path, config, err))
        return err->code;
    int result = check_listen(path, "images", &config->images, err);
    if (!result)
        result = check_peers(path, "agent", config->agents, config->agents_count, err);
    if (!result)
        result = config_links_check(
            &(struct links_config){.path = path,
                                   .uplinks = config->uplinks,
                                   .uplinks_count = config->uplinks_count,
                                   .uplink_servers = config->uplink_servers,
                                   .uplink_servers_count = config->uplink_servers_count,
                                   .downlink = &config->downlink,
                                   .downlink_servers = config->downlink_servers,
                                   .downlink_servers_count = config->downlink_servers_count},
            err);
    if (result)
        downstream_config_deinit(config);
    return result;
}

/* The embedded driver puts each VM's socket below its root, and a socket's path has 107 bytes:
 * said here, or every start would fail (sun_path in unix(7)). */
static int check_embedded_root(const char *path, const char *uri, struct error *err) {
    static const char prefix[] = "qemu:///embed?root=";
    static const char below[] = "/lib/qemu/domain-9999-isthmus-vm-012345678/monitor.sock";
    enum { root_most = 107 - (sizeof(below) - 1) };
    if (!text_starts(uri, prefix) || strlen(uri) - (sizeof(prefix) - 1) <= root_most)
        return 0;
    return error_set(err, -ENAMETOOLONG, "%s: [host] uri: the root of the embedded driver is too "
                     "long for the sockets in it; choose a folder with a path of at most %d bytes",
                     path, (int)root_most);
}

static int check_networks(const char *path, const struct agent_config *config,
                          struct error *err) {
    for (size_t i = 0; i < config->networks_count; i++) {
        const struct host_network_config *network = &config->networks[i];
        if (!!network->bridge + !!network->libvirt + network->user != 1)
            return error_set(err, -EINVAL, "%s: [network %s] has to say what it is: give one of "
                             "bridge, libvirt and user = yes", path, network->name);
    }
    return 0;
}

/* Only a daemon receives. */
static int check_migration(const char *path, const struct host_config *host, struct error *err) {
    if (!host->migration_uri)
        return 0;
    if (strlen(host->migration_uri) >= limit_landing)
        return error_set(err, -ENAMETOOLONG, "%s: [host] migration_uri is too long", path);
    if (!text_starts(host->uri, "test:") && !text_starts(host->uri, "qemu:///embed"))
        return 0;
    return error_set(err, -EINVAL, "%s: [host] migration_uri: a libvirt at %s cannot be reached by "
                     "other hosts; leave it out, or use a daemon's as uri", path, host->uri);
}

int agent_config_load(const char *path, struct agent_config *config, struct error *err) {
    if (config_load(&agent_config_table, path, config, err))
        return err->code;
    int result = check_embedded_root(path, config->host.uri, err);
    if (!result)
        result = check_networks(path, config, err);
    if (!result)
        result = check_migration(path, &config->host, err);
    if (!result)
        result = config_links_check(
            &(struct links_config){.path = path,
                                   .uplinks = config->uplinks,
                                   .uplinks_count = config->uplinks_count,
                                   .uplink_servers = config->uplink_servers,
                                   .uplink_servers_count = config->uplink_servers_count},
            err);
    if (result)
        agent_config_deinit(config);
    return result;
}

void upstream_config_deinit(struct upstream_config *config) {
    config_deinit(&upstream_config_table, config);
}

void downstream_config_deinit(struct downstream_config *config) {
    config_deinit(&downstream_config_table, config);
}

void agent_config_deinit(struct agent_config *config) {
    config_deinit(&agent_config_table, config);
}
