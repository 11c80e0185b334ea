/* Links and their further servers: what a link's servers are, each with all of its settings, and
 * whether those of one daemon go together. Called by the loaders and by whoever connects. */
#pragma once

#include "io/config/value.h"
#include "message/limits.h"

/* An account at an application server, and the manager that is reached through it.
 * [downlink] has no name and ends with key. */
struct link_config {
    char *name;
    char *carrier; /* the server's kind: "xmpp", "http", "amqp", "zeromq" */
    char *address;
    char *url;     /* NULL for XMPP */
    char *proxy;   /* on the way to it; NULL: none, or as the environment says */
    struct secret password; /* or a certificate, or both */
    char *certificate_file, *certificate_key_file;
    char *server; /* NULL: the address's domain, by DNS */
    uint64_t port; /* 0: the kind's own */
    char *ca_file;    /* NULL where the kind has no certificates */
    char *server_key; /* NULL where it has */
    uint64_t ping_seconds, failover_seconds, return_seconds;
    struct secret key; /* ours, of this link alone */
    char *manager; /* its address */
    char *peer_key;
    char *image_url, *image_ca_file;
    struct secret image_token;
    char *image_keys; /* downstream; NULL: what is not signed is taken */
    uint64_t max_vms, max_cpus, max_memory_mib, max_disk_gib; /* downstream; 0: no limit */
    uint64_t weight, keep_cpus, keep_memory_mib, keep_disk_gib; /* downstream */
    uint64_t step_vms, step_cpus, step_memory_mib, step_disk_gib; /* downstream; 0: exact */
    char *allow_verbs, *allow_shapes, *allow_images, *allow_networks; /* downstream; NULL: all */
    char *allow_placing;      /* downstream; NULL: all */
    char *allow_views;        /* downstream; NULL: all */
    uint64_t max_images_mib;  /* downstream: that are kept; 0: any number */
    uint64_t image_share_mib; /* downstream: of the disk; 0: an equal one, where there are others */
    uint64_t max_apart;       /* downstream; 0: any number */
};

/* [uplink-server NAME], [downlink-server NAME]: a further server for a link, to be used in place
 * of the first. What is absent is as in the link. */
struct server_config {
    char *name;
    char *uplink; /* the link's name; [downlink-server] has none and no manager */
    char *carrier;
    char *address, *url, *proxy;
    struct secret password;
    char *certificate_file, *certificate_key_file;
    char *server;
    uint64_t port;
    char *ca_file, *server_key;
    char *manager;
};

/* [cluster NAME], [agent NAME]: a peer below. */
struct peer_config {
    char *name;
    char *address;
    uint64_t at_once;     /* agents only, and so are the next two */
    char *migration_uri;  /* NULL: it receives no VMs that run */
    char *migration_folder;
    char *more_addresses; /* on our further servers, by commas, or NULL */
    char *peer_key;
    struct secret password;    /* of its account, for its join token */
    char *more_password_files; /* of those at more_addresses, by commas, or NULL */
    struct secret image_token; /* that it presents to us; clusters only */
    char *labels;              /* NULL: none */
    uint64_t max_cpus, max_memory_mib, max_disk_gib; /* that are believed of it; 0: not said */
};

/* The links of one daemon; those that it does not have are absent. */
struct links_config {
    const char *path;
    const struct link_config *uplinks;
    size_t uplinks_count;
    const struct server_config *uplink_servers;
    size_t uplink_servers_count;
    const struct link_config *downlink;
    const struct server_config *downlink_servers;
    size_t downlink_servers_count;
    const char *section; /* of those below, "cluster" or "agent" */
    const struct peer_config *peers;
    size_t peers_count;
};

/* 0, or negative with `err`. */
int config_links_check(const struct links_config *links, struct error *err);

/* The link once per server, in the order of preference, borrowing all its texts; how many there
 * are, which may be more than limit_endpoints, of which the rest is not written. */
size_t config_link_servers(const struct link_config *link, const struct server_config *servers,
                           size_t count, struct link_config out[limit_endpoints]);

/* The address of a peer at the server where ours is `address`: the one with the same domain, or
 * else its first. */
void config_peer_address(const struct peer_config *peer, const char *address,
                         char out[limit_address_size]);
