/* What the three daemons are configured with: their structs, tables and cross-checks.
 * docs/examples/<daemon>.conf shows every key; a unit test holds the two together. */
#pragma once

#include "io/config/config.h"

/* [daemon] */
struct daemon_config {
    char *state;   /* folder of the store, the images and all else that must last */
    int log_level; /* enum log_level */
};

/* An account at an application server, and the manager that is reached through it.
 * [downlink] has no name and ends with key. */
struct link_config {
    char *name;
    char *jid;
    struct secret password; /* or a certificate, or both */
    char *certificate_file, *certificate_key_file;
    char *server; /* NULL: the JID's domain, by DNS */
    uint64_t port;
    char *ca_file;
    uint64_t ping_seconds, failover_seconds, return_seconds;
    struct secret key; /* ours, of this link alone */
    char *manager; /* full JID */
    char *peer_key;
    char *image_url, *image_ca_file;
    struct secret image_token;
    uint64_t max_vms, max_cpus, max_memory_mib, max_disk_gib; /* downstream; 0: no limit */
    uint64_t weight, keep_cpus, keep_memory_mib, keep_disk_gib; /* downstream */
    uint64_t step_vms, step_cpus, step_memory_mib, step_disk_gib; /* downstream; 0: exact */
    char *allow_verbs, *allow_shapes, *allow_images, *allow_networks; /* downstream; NULL: all */
};

/* [uplink-server NAME], [downlink-server NAME]: a further server for a link, to be used in place
 * of the first. What is absent is as in the link. */
struct server_config {
    char *name;
    char *uplink; /* the link's name; [downlink-server] has none and no manager */
    char *jid;
    struct secret password;
    char *certificate_file, *certificate_key_file;
    char *server;
    uint64_t port; /* 0: absent */
    char *ca_file;
    char *manager;
};

/* [api] and [images]: where we listen for HTTP. */
struct listen_config {
    char *listen;
    char *certificate_file, *key_file; /* both or none */
    bool plain_allowed;                /* off loopback */
    char *url;                         /* as those below reach it; NULL: tokens do not tell */
    char *ca_file;                     /* of certificate_file, for them; NULL: the system's */
    struct secret token;
};

struct timing_config {
    uint64_t beat_seconds, hold_down_seconds, operation_seconds;
};

/* [cluster NAME], [agent NAME]: a party below. */
struct peer_config {
    char *name;
    char *address;
    uint64_t at_once;     /* agents only */
    char *more_addresses; /* on our further servers, by commas, or NULL */
    char *peer_key;
    struct secret password;    /* of its account, for its join token */
    struct secret image_token; /* that it presents to us; clusters only */
    char *labels;              /* NULL: none */
};

/* [hosts]: how much of themselves the hosts of a cluster lend. */
struct hosts_config {
    uint64_t cpus_percent, memory_percent;
};

struct shape_config {
    char *name;
    uint64_t cpus, memory_mib, disk_gib;
};

/* [network NAME] of an upstream manager: what tenants may ask for. */
struct network_config {
    char *name;
    char *about; /* NULL: nothing */
};

/* [network NAME] of an agent: one of the three. */
struct host_network_config {
    char *name;
    char *bridge, *libvirt;
    bool user;
};

struct host_config {
    char *uri;
    char *migration_uri; /* NULL: none */
    int accelerator; /* index into accelerator_names */
    uint64_t workers;
    uint64_t cpus, memory_mib, disk_gib; /* 0: what the host has */
    uint64_t reserve_cpus, reserve_memory_mib, reserve_disk_gib;
};
extern const char *const accelerator_names[];

struct upstream_config {
    struct daemon_config daemon;
    struct listen_config api;
    struct link_config downlink;
    struct server_config *downlink_servers;
    size_t downlink_servers_count;
    struct timing_config timing;
    struct peer_config *clusters;
    size_t clusters_count;
    struct shape_config *shapes;
    size_t shapes_count;
    struct network_config *networks;
    size_t networks_count;
};

struct downstream_config {
    struct daemon_config daemon;
    struct link_config *uplinks;
    size_t uplinks_count;
    struct server_config *uplink_servers;
    size_t uplink_servers_count;
    struct link_config downlink;
    struct server_config *downlink_servers;
    size_t downlink_servers_count;
    struct listen_config images;
    struct timing_config timing;
    struct hosts_config hosts;
    struct peer_config *agents;
    size_t agents_count;
};

struct agent_config {
    struct daemon_config daemon;
    struct link_config *uplinks;
    size_t uplinks_count;
    struct server_config *uplink_servers;
    size_t uplink_servers_count;
    struct host_config host;
    struct host_network_config *networks;
    size_t networks_count;
};

extern const struct config_table upstream_config_table, downstream_config_table,
    agent_config_table;

/* Load, and check what no single value shows: pairs, repeats, addresses. As config_load. */
int upstream_config_load(const char *path, struct upstream_config *config, struct error *err);
int downstream_config_load(const char *path, struct downstream_config *config, struct error *err);
int agent_config_load(const char *path, struct agent_config *config, struct error *err);

void upstream_config_deinit(struct upstream_config *config);
void downstream_config_deinit(struct downstream_config *config);
void agent_config_deinit(struct agent_config *config);
