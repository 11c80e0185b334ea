/* What the daemons are configured with: their structs and tables; load.h fills them.
 * docs/examples/<daemon>.conf shows every key; a unit test holds the two together. */
#pragma once

#include "io/config/config.h"
#include "io/config/links.h"
#include "io/config/oidc.h"

/* [daemon] */
struct daemon_config {
    char *state;   /* folder of the store, the images and all else that must last */
    int log_level; /* enum log_level */
};

/* [api], [images] and [owner]: where we listen for HTTP. */
struct listen_config {
    char *listen; /* [owner] alone: NULL: there is no page */
    char *certificate_file, *key_file; /* both or none */
    bool plain_allowed;                /* off loopback */
    uint64_t connections_of_address;   /* from one client */
    uint64_t requests_of_asker;        /* [api] alone */
    char *url;                         /* as those below, or browsers, reach it; NULL: not said */
    char *ca_file;                     /* of certificate_file, for them; NULL: the system's */
    char *image_key_file; /* [api] alone; NULL: images are not signed */
    struct secret token;
    struct secret metrics_token;       /* [api] alone */
    uint64_t max_image_gib, reserve_gib; /* 0: any size; the usual reserve */
    char *web_folder; /* [api] and [owner]: of the page; NULL: the installed one, if any */
};

/* [streams] of a manager: all of them, or none. */
struct streams_config {
    char *listen;
    char *certificate_file, *key_file;
    char *url; /* as viewers, and those below, reach it */
};

struct timing_config {
    uint64_t beat_seconds, hold_down_seconds, operation_seconds, lease_seconds, usage_seconds;
};

/* [hosts]: how much of themselves the hosts of a cluster lend. */
struct hosts_config {
    uint64_t cpus_percent, memory_percent;
    uint64_t max_cpus, max_memory_mib, max_disk_gib; /* that are believed of each; 0: not said */
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
    int filter; /* index into filter_names; of the first two alone */
};

struct host_config {
    char *uri;
    char *migration_uri; /* NULL: none */
    char *warden;        /* its folder */
    char *pid_folder;    /* NULL: by the URI */
    int accelerator; /* index into accelerator_names */
    uint64_t workers;
    uint64_t cpus, memory_mib, disk_gib; /* 0: what the host has */
    uint64_t reserve_cpus, reserve_memory_mib, reserve_disk_gib;
    uint64_t max_image_gib; /* 0: any size */
    uint64_t max_images_mib; /* that are kept; 0: any number */
};
extern const char *const accelerator_names[];
extern const char *const filter_names[]; /* by enum host_filter */

/* [audit] of a manager. */
struct audit_config {
    uint64_t rows, days;
};

/* [notify] of an upstream manager. */
struct notify_config {
    char *private_addresses, *ca_file;
    char *smtp_url, *smtp_from; /* both, or no mail is sent */
    char *smtp_user;            /* with its password, or NULL */
    struct secret smtp_password;
    char *smtp_ca_file;
    bool smtp_plain; /* without TLS */
    struct secret chat_token; /* by which isthmus-xmpp fetches what it tells; none: nobody does */
};

struct upstream_config {
    struct daemon_config daemon;
    struct listen_config api;
    struct streams_config streams;
    struct link_config downlink;
    struct server_config *downlink_servers;
    uint32_t downlink_servers_count;
    struct timing_config timing;
    struct audit_config audit;
    struct notify_config notify;
    struct oidc_config oidc;
    struct peer_config *clusters;
    uint32_t clusters_count;
    struct shape_config *shapes;
    uint32_t shapes_count;
    struct network_config *networks;
    uint32_t networks_count;
};

struct downstream_config {
    struct daemon_config daemon;
    struct link_config *uplinks;
    uint32_t uplinks_count;
    struct server_config *uplink_servers;
    uint32_t uplink_servers_count;
    struct link_config downlink;
    struct server_config *downlink_servers;
    uint32_t downlink_servers_count;
    struct listen_config images, owner;
    struct streams_config streams;
    struct timing_config timing;
    struct audit_config audit;
    struct notify_config notify;
    struct hosts_config hosts;
    struct peer_config *agents;
    uint32_t agents_count;
};

struct agent_config {
    struct daemon_config daemon;
    struct link_config *uplinks;
    uint32_t uplinks_count;
    struct server_config *uplink_servers;
    uint32_t uplink_servers_count;
    struct host_config host;
    struct host_network_config *networks;
    uint32_t networks_count;
};

/* [relay] */
struct relay_section {
    char *domain; /* of the accounts' addresses: NAME@domain */
    char *listen;
    char *certificate_file, *key_file;
    char *zeromq_listen; /* NULL: no ZeroMQ */
    struct secret zeromq_key;
    int log_level; /* enum log_level */
};

/* [account NAME] of a relay. */
struct account_config {
    char *name;
    struct secret token;
    char *reaches; /* names of other accounts, a blank between them; NULL: none */
};

struct relay_config {
    struct relay_section relay;
    struct account_config *accounts;
    uint32_t accounts_count;
};

extern const struct table upstream_config_table, downstream_config_table, agent_config_table,
    relay_config_table;
