/* The tables of the daemons' files: every section and every key. */
#include "io/config/daemons.h"

#include "base/log.h"
#include "io/config/value.h"
#include "io/keys/minisign.h"
#include "io/keys/seal.h"
#include "message/limits.h"

const char *const accelerator_names[] = {"auto", "kvm", "tcg"};
const char *const filter_names[] = {"none", "mac", "dhcp"};
static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

/* [daemon], whose folder has the daemon's name. */
#define daemon_rows(folder)                                                                   \
    {field_of(struct daemon_config, state), .about = "folder of the store and the images",    \
     .kind = FIELD_BLOB, .form = value_check_path, .standard = (folder)},                     \
    {field_of(struct daemon_config, log_level), .about = "error, warning, info or debug",     \
     .kind = FIELD_ENUM, field_names(level_names), .standard = "info"}
static const struct field upstream_fields[] = {daemon_rows("/var/lib/isthmus-upstream")};
static const struct field downstream_fields[] = {daemon_rows("/var/lib/isthmus-downstream")};
static const struct field agent_fields[] = {daemon_rows("/var/lib/isthmus-agent")};

/* A [downlink] takes the first of them, without a name, an agent's [uplink] more, a downstream
 * manager's all. */
static const struct field link_fields[] = {
    {field_of(struct link_config, name), .kind = FIELD_BLOB, .check = CHECK_NEW_NAME},
    {field_of(struct link_config, carrier), .about = "kind of the server", .kind = FIELD_BLOB,
     .form = value_check_carrier, .standard = "xmpp"},
    {field_of(struct link_config, address), .also = "jid",
     .about = "our account: account@domain/resource; all but xmpp: account@domain",
     .kind = FIELD_BLOB, .form = value_check_address, .mask = FIELD_REQUIRED},
    {field_of(struct link_config, url),
     .about = "http: https://host:port; amqp: amqps://host:port/vhost; zeromq: tcp://host:port",
     .kind = FIELD_BLOB, .form = value_check_server_url},
    {field_of(struct link_config, proxy),
     .about = "http: the proxy on the way to it, http://host:port", .kind = FIELD_BLOB,
     .form = value_check_proxy},
    {.name = "password_file", field_at(struct link_config, password),
     .about = "file with its password; or a certificate instead", .kind = FIELD_RECORD,
     .table = &secret_table},
    {field_of(struct link_config, certificate_file),
     .about = "xmpp: our certificate for SASL EXTERNAL, PEM", .kind = FIELD_BLOB,
     .form = value_check_file},
    {field_of(struct link_config, certificate_key_file), .about = "its private key, PEM",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct link_config, server),
     .about = "xmpp: host to connect to; the address's domain without it", .kind = FIELD_BLOB},
    {field_of(struct link_config, port), .about = "xmpp: its port; 5222 without it",
     .kind = FIELD_U64, .least = 1, .most = 65535},
    {field_of(struct link_config, ca_file),
     .about = "certificate authority of the server, PEM; all but zeromq need it",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct link_config, server_key),
     .about = "zeromq: the relay's public key, as isthmus-relay --check prints it",
     .kind = FIELD_BLOB, .form = seal_check_public},
    {field_of(struct link_config, ping_seconds),
     .about = "a silent server is asked after these, given up after twice as many",
     .kind = FIELD_U64, .standard = "30", .least = 1, .most = 3600},
    {field_of(struct link_config, failover_seconds),
     .about = "wait for a lost server until the next one is used", .kind = FIELD_U64,
     .standard = "10", .least = 1, .most = 3600},
    {field_of(struct link_config, return_seconds),
     .about = "an earlier server is used again once it was up for so long", .kind = FIELD_U64,
     .standard = "300", .least = 1, .most = 86400},
    {.name = "key_file", field_at(struct link_config, key),
     .about = "file with our secret key for this link alone", .kind = FIELD_RECORD,
     .table = &secret_table, .form = seal_check_secret, .mask = FIELD_REQUIRED},
    {field_of(struct link_config, manager),
     .about = "address of the manager above; nobody else is heard", .kind = FIELD_BLOB,
     .form = value_check_address, .mask = FIELD_REQUIRED},
    {field_of(struct link_config, peer_key),
     .about = "its public key; without: the one that was pinned when it joined", .kind = FIELD_BLOB,
     .form = seal_check_public},
    {field_of(struct link_config, image_url), .about = "prefix of the image repository above",
     .kind = FIELD_BLOB, .form = value_check_url, .mask = FIELD_REQUIRED},
    {field_of(struct link_config, image_ca_file),
     .about = "its certificate authority, PEM; the system's without it", .kind = FIELD_BLOB,
     .form = value_check_file},
    {.name = "image_token_file", field_at(struct link_config, image_token),
     .about = "file with the bearer token for it", .kind = FIELD_RECORD, .table = &secret_table},
    {field_of(struct link_config, image_keys),
     .about = "keys, by commas, of which one has to have signed its images",
     .kind = FIELD_BLOB, .form = minisign_check_keys},
    {field_of(struct link_config, max_vms), .about = "VMs that this manager may have; 0: no limit",
     .kind = FIELD_U64, .most = limit_vms},
    {field_of(struct link_config, max_cpus), .about = "CPUs that they may have", .kind = FIELD_U64},
    {field_of(struct link_config, max_memory_mib), .about = "memory that they may have, MiB",
     .kind = FIELD_U64},
    {field_of(struct link_config, max_disk_gib), .about = "disk that they may have, GiB",
     .kind = FIELD_U64},
    {field_of(struct link_config, max_images_mib),
     .about = "archives of it that are kept, MiB; those in use stay; 0: no limit",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct link_config, image_share_mib),
     .about = "of the disk, MiB, for its archives; 0: as much as each other uplink's",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct link_config, allow_verbs),
     .about = "verbs that it may ask, a blank between them; all without it; a delete always",
     .kind = FIELD_BLOB},
    {field_of(struct link_config, allow_shapes),
     .about = "shapes that it may ask, by its names or by size as c2-m4096-d20; all without it",
     .kind = FIELD_BLOB},
    {field_of(struct link_config, allow_images),
     .about = "images that it may ask, by digest or by its names; all without it",
     .kind = FIELD_BLOB},
    {field_of(struct link_config, allow_networks),
     .about = "networks that it may ask; all without it", .kind = FIELD_BLOB},
    {field_of(struct link_config, allow_placing),
     .about = "what it may ask: apart, host-must, restart, anywhere, none; all without",
     .kind = FIELD_BLOB},
    {field_of(struct link_config, allow_views),
     .about = "what it sees of its VMs: ips, log, usage, console, ports, screen; or none",
     .kind = FIELD_BLOB},
    {field_of(struct link_config, max_apart),
     .about = "VMs of a group beside which one more is kept apart; 0: any number",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct link_config, weight),
     .about = "its part of the hosts' work, beside other managers' weights", .kind = FIELD_U64,
     .standard = "1", .least = 1, .most = limit_weight},
    {field_of(struct link_config, keep_cpus),
     .about = "CPUs that are kept for it; others get the rest", .kind = FIELD_U64},
    {field_of(struct link_config, keep_memory_mib), .about = "memory that is kept for it, MiB",
     .kind = FIELD_U64},
    {field_of(struct link_config, keep_disk_gib), .about = "disk that is kept for it, GiB",
     .kind = FIELD_U64},
    {field_of(struct link_config, step_vms),
     .about = "how many more VMs fit is told rounded down to this; 0: exactly", .kind = FIELD_U64},
    {field_of(struct link_config, step_cpus), .about = "CPUs in all and free likewise",
     .kind = FIELD_U64},
    {field_of(struct link_config, step_memory_mib), .about = "memory in all and free likewise, MiB",
     .kind = FIELD_U64},
    {field_of(struct link_config, step_disk_gib), .about = "disk in all and free likewise, GiB",
     .kind = FIELD_U64},
};

enum { downlink_rows = 15, agent_uplink_rows = 21 };

/* The last two are for uplinks alone. */
static const struct field server_fields[] = {
    {field_of(struct server_config, name), .kind = FIELD_BLOB, .check = CHECK_NAME},
    {field_of(struct server_config, carrier),
     .about = "kind of this server; that of the link without it", .kind = FIELD_BLOB,
     .form = value_check_carrier},
    {field_of(struct server_config, address), .also = "jid",
     .about = "our account there; without it that of the link: a node of the same cluster",
     .kind = FIELD_BLOB, .form = value_check_address},
    {field_of(struct server_config, url), .about = "all but xmpp: where it is",
     .kind = FIELD_BLOB, .form = value_check_server_url},
    {field_of(struct server_config, proxy), .about = "http: the proxy on the way to it",
     .kind = FIELD_BLOB, .form = value_check_proxy},
    {.name = "password_file", field_at(struct server_config, password),
     .about = "file with its password", .kind = FIELD_RECORD, .table = &secret_table},
    {field_of(struct server_config, certificate_file),
     .about = "xmpp: our certificate for SASL EXTERNAL, PEM", .kind = FIELD_BLOB,
     .form = value_check_file},
    {field_of(struct server_config, certificate_key_file), .about = "its private key, PEM",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct server_config, server), .about = "xmpp: host to connect to",
     .kind = FIELD_BLOB},
    {field_of(struct server_config, port), .about = "xmpp: its port", .kind = FIELD_U64, .least = 1,
     .most = 65535},
    {field_of(struct server_config, ca_file), .about = "certificate authority of this server, PEM",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct server_config, server_key), .about = "zeromq: this relay's public key",
     .kind = FIELD_BLOB, .form = seal_check_public},
    {field_of(struct server_config, manager), .about = "address of the manager there",
     .kind = FIELD_BLOB, .form = value_check_address},
    {field_of(struct server_config, uplink), .about = "name of the link that this server is for",
     .kind = FIELD_BLOB, .check = CHECK_NAME, .mask = FIELD_REQUIRED},
};

enum { downlink_server_rows = 12 };

#define tls_rows                                                                                  \
    {field_of(struct listen_config, certificate_file),                                           \
     .about = "our certificate chain, PEM; plain HTTP without it", .kind = FIELD_BLOB,           \
     .form = value_check_file},                                                                  \
    {field_of(struct listen_config, key_file), .about = "its private key, PEM",                  \
     .kind = FIELD_BLOB, .form = value_check_file},                                              \
    {.name = "plain_http_off_loopback", field_at(struct listen_config, plain_allowed),           \
     .about = "yes: plain HTTP beyond this machine", .kind = FIELD_FLAG, .standard = "no"}

/* [api] and [images], but for the token; `what` of an image has a limit. */
#define listen_rows(address, below, what)                                                         \
    {field_of(struct listen_config, listen),                                                     \
     .about = "address:port to listen on; port 0: any free one", .kind = FIELD_BLOB,             \
     .form = value_check_listen, .standard = (address)},                                         \
    tls_rows,                                                                                    \
    {.name = "connections_per_address",                                                          \
     field_at(struct listen_config, connections_of_address), .kind = FIELD_U64,                  \
     .about = "open at a time from one client; more where it is a proxy", .least = 1,            \
     .most = 2400, .standard = "256"},                                                           \
    {field_of(struct listen_config, url), .kind = FIELD_BLOB, .form = value_check_url,           \
     .about = "prefix under which " below " pull images from us; for their join tokens"},        \
    {field_of(struct listen_config, ca_file), .kind = FIELD_BLOB, .form = value_check_file,      \
     .about = "authority of our certificate, PEM; for their join tokens"},                       \
    {field_of(struct listen_config, max_image_gib), .kind = FIELD_U64, .most = limit_disk_gib,   \
     .about = what " may have so much, GiB; 0: no limit", .standard = "1024"},                   \
    {field_of(struct listen_config, reserve_gib), .kind = FIELD_U64, .most = limit_disk_gib,     \
     .about = "GiB of their disk that images leave free; 0: a twentieth of it, 10 at the most"}

#define web_folder_row                                                                            \
    {field_of(struct listen_config, web_folder),                                                 \
     .about = "folder of the page; without: the installed one, if there is one",                 \
     .kind = FIELD_BLOB, .form = value_check_path}

static const struct field api_fields[] = {
    listen_rows("127.0.0.1:8080", "clusters", "what comes out of an image's archive"),
    {.name = "operator_token_file", field_at(struct listen_config, token),
     .about = "file with the operator's bearer token", .kind = FIELD_RECORD, .table = &secret_table,
     .mask = FIELD_REQUIRED},
    {field_of(struct listen_config, image_key_file),
     .about = "file with the key that images are signed by, of minisign; without: they are not",
     .kind = FIELD_BLOB, .form = value_check_file},
    {.name = "metrics_token_file", field_at(struct listen_config, metrics_token),
     .about = "file with a bearer token that may read numbers, and no more", .kind = FIELD_RECORD,
     .table = &secret_table},
    {.name = "requests_per_token", field_at(struct listen_config, requests_of_asker),
     .about = "open at a time of one tenant; 3/4 of them may wait for an end", .kind = FIELD_U64,
     .least = 2, .most = 1000, .standard = "256"},
    web_folder_row,
};

static const struct field owner_fields[] = {
    {field_of(struct listen_config, listen),
     .about = "address:port to listen on for the owner's browsers; without: there is no page",
     .kind = FIELD_BLOB, .form = value_check_listen},
    tls_rows,
    {field_of(struct listen_config, url), .about = "where that is, as browsers reach it",
     .kind = FIELD_BLOB, .form = value_check_url},
    web_folder_row,
};

static const struct field images_fields[] = {
    listen_rows("127.0.0.1:8090", "agents", "an image's archive"),
    {.name = "token_file", field_at(struct listen_config, token),
     .about = "file with the bearer token that agents present", .kind = FIELD_RECORD,
     .table = &secret_table, .mask = FIELD_REQUIRED},
};

static const struct field streams_fields[] = {
    {field_of(struct streams_config, listen),
     .about = "address:port to listen on for streams to VMs; without: there are none",
     .kind = FIELD_BLOB, .form = value_check_listen},
    {field_of(struct streams_config, certificate_file), .about = "our certificate chain, PEM",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct streams_config, key_file), .about = "its private key, PEM",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct streams_config, url),
     .about = "where that is for viewers, and for those below", .kind = FIELD_BLOB,
     .form = value_check_stream_url},
};

/* The first is the upstream manager's alone. */
static const struct field timing_fields[] = {
    {field_of(struct timing_config, operation_seconds),
     .about = "time allowed for an operation that names none", .kind = FIELD_U64, .standard = "600",
     .least = 1, .most = limit_deadline_ms / 1000},
    {field_of(struct timing_config, beat_seconds), .about = "rhythm asked of those below",
     .kind = FIELD_U64, .standard = "15", .least = 1, .most = 3600},
    {field_of(struct timing_config, hold_down_seconds),
     .about = "silence until a suspect one counts as unreachable", .kind = FIELD_U64,
     .standard = "30", .least = 1, .most = 86400},
    {field_of(struct timing_config, lease_seconds),
     .about = "VMs that may be restarted elsewhere run on so long unheard; 0: none",
     .kind = FIELD_U64, .standard = "0", .most = limit_lease_ms / 1000},
    {field_of(struct timing_config, usage_seconds),
     .about = "between two marks of what a VM uses, for graphs; 0: nobody is asked",
     .kind = FIELD_U64, .standard = "60", .most = limit_usage_ms / 1000},
};

static const struct field audit_fields[] = {
    {field_of(struct audit_config, rows),
     .about = "rows that are kept; whoever has most loses first", .kind = FIELD_U64,
     .standard = "100000", .least = 1000, .most = limit_audit_rows_most},
    {field_of(struct audit_config, days),
     .about = "how long they are kept; 0: as long as there is room", .kind = FIELD_U64,
     .standard = "90", .most = 36500},
};

/* The first three are for agents alone, the last one for clusters. */
static const struct field peer_fields[] = {
    {field_of(struct peer_config, at_once),
     .about = "operations under way there at a time, where several managers share it",
     .kind = FIELD_U64, .standard = "4", .least = 1, .most = limit_at_once},
    {field_of(struct peer_config, migration_uri),
     .about = "by which others send it VMs that run, as its [host] says",
     .kind = FIELD_BLOB, .form = value_check_migration_uri},
    {field_of(struct peer_config, migration_folder),
     .about = "its [daemon] state, into which those come", .kind = FIELD_BLOB,
     .form = value_check_migration_folder, .standard = "/var/lib/isthmus-agent"},
    {field_of(struct peer_config, name), .kind = FIELD_BLOB, .check = CHECK_NEW_NAME},
    {field_of(struct peer_config, address), .about = "where it is reached; nobody else is heard",
     .kind = FIELD_BLOB, .form = value_check_address, .mask = FIELD_REQUIRED},
    {field_of(struct peer_config, more_addresses),
     .about = "its addresses on our further servers, by commas", .kind = FIELD_BLOB,
     .form = value_check_addresses},
    {field_of(struct peer_config, peer_key),
     .about = "its public key; without: the one that it joins with", .kind = FIELD_BLOB,
     .form = seal_check_public},
    {field_of(struct peer_config, labels),
     .about = "where and what it is, for whoever asks: region=eu,zone=a,disk=ssd",
     .kind = FIELD_BLOB, .check = CHECK_LABELS, .most = limit_labels},
    {field_of(struct peer_config, max_cpus),
     .about = "CPUs that it is believed to lend, at the most, whatever it says", .kind = FIELD_U64,
     .most = limit_place},
    {field_of(struct peer_config, max_memory_mib), .about = "memory likewise, MiB",
     .kind = FIELD_U64, .most = limit_place},
    {field_of(struct peer_config, max_disk_gib), .about = "disk likewise, GiB", .kind = FIELD_U64,
     .most = limit_place},
    {.name = "password_file", field_at(struct peer_config, password),
     .about = "file with its account's password; for its join token", .kind = FIELD_RECORD,
     .table = &secret_table},
    {field_of(struct peer_config, more_password_files),
     .about = "files with those at more_addresses, by commas; for its token, too",
     .kind = FIELD_BLOB, .form = value_check_secrets},
    {.name = "image_token_file", field_at(struct peer_config, image_token),
     .about = "file with the bearer token that it pulls images with", .kind = FIELD_RECORD,
     .table = &secret_table},
};

enum { agent_own_rows = 3, agent_rows = 13,
       cluster_rows = array_size(peer_fields) - agent_own_rows };

static const struct field hosts_fields[] = {
    {field_of(struct hosts_config, cpus_percent),
     .about = "processors that each host lends, of each hundred that it has", .kind = FIELD_U64,
     .standard = "100", .least = limit_lend_least_percent, .most = limit_lend_cpus_percent},
    {field_of(struct hosts_config, memory_percent),
     .about = "memory that each host lends, of each hundred MiB that it has", .kind = FIELD_U64,
     .standard = "100", .least = limit_lend_least_percent, .most = limit_lend_memory_percent},
    {field_of(struct hosts_config, max_cpus),
     .about = "CPUs that any is believed to lend, at the most, whatever its agent says",
     .kind = FIELD_U64, .most = limit_place},
    {field_of(struct hosts_config, max_memory_mib), .about = "memory likewise, MiB",
     .kind = FIELD_U64, .most = limit_place},
    {field_of(struct hosts_config, max_disk_gib), .about = "disk likewise, GiB",
     .kind = FIELD_U64, .most = limit_place},
};

static const struct field shape_fields[] = {
    {field_of(struct shape_config, name), .kind = FIELD_BLOB, .check = CHECK_NEW_NAME},
    {field_of(struct shape_config, cpus), .about = "virtual CPUs", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_cpus},
    {field_of(struct shape_config, memory_mib), .about = "memory, MiB", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_memory_mib},
    {field_of(struct shape_config, disk_gib), .about = "disk, GiB", .kind = FIELD_U64,
     .mask = FIELD_REQUIRED, .least = 1, .most = limit_disk_gib},
};

static const struct field network_fields[] = {
    {field_of(struct network_config, name), .kind = FIELD_BLOB, .check = CHECK_NEW_NAME},
    {field_of(struct network_config, about), .about = "what tenants are told of it",
     .kind = FIELD_BLOB},
};

static const struct field host_network_fields[] = {
    {field_of(struct host_network_config, name), .kind = FIELD_BLOB, .check = CHECK_NEW_NAME},
    {field_of(struct host_network_config, bridge),
     .about = "a bridge of this machine, which must be there", .kind = FIELD_BLOB},
    {field_of(struct host_network_config, libvirt),
     .about = "or a network of libvirt's, which must be active", .kind = FIELD_BLOB},
    {field_of(struct host_network_config, user),
     .about = "yes: or QEMU's own NAT, which needs no privileges", .kind = FIELD_FLAG,
     .standard = "no"},
    {field_of(struct host_network_config, filter),
     .about = "dhcp, mac or none: under which addresses new VMs may send",
     .kind = FIELD_ENUM, field_names(filter_names), .standard = "dhcp"},
};

static const struct field host_fields[] = {
    {field_of(struct host_config, uri), .about = "libvirt connection", .kind = FIELD_BLOB,
     .standard = "qemu:///system"},
    {field_of(struct host_config, migration_uri),
     .about = "by which other hosts of the cluster reach this libvirt, to send it VMs that run",
     .kind = FIELD_BLOB, .form = value_check_migration_uri},
    {field_of(struct host_config, accelerator), .about = "auto, kvm or tcg", .kind = FIELD_ENUM,
     field_names(accelerator_names), .standard = "auto"},
    {field_of(struct host_config, workers), .about = "threads that work on VMs at the same time",
     .kind = FIELD_U64, .standard = "4", .least = 1, .most = 64},
    {field_of(struct host_config, cpus), .about = "CPUs to offer; 0: what the host has",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, memory_mib),
     .about = "memory to offer, MiB; 0: what the host has", .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, disk_gib), .about = "disk to offer, GiB; 0: what the host has",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, reserve_cpus), .about = "CPUs kept for the host itself",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, reserve_memory_mib),
     .about = "memory kept for the host itself, MiB; 0: a twentieth, 2048 at the most",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, reserve_disk_gib),
     .about = "disk kept for the host itself, GiB; 0: a twentieth of it, 10 at the most",
     .kind = FIELD_U64, .most = UINT32_MAX},
    {field_of(struct host_config, max_image_gib), .kind = FIELD_U64, .most = limit_disk_gib,
     .about = "what comes out of an image's archive may have so much, GiB; 0: no limit",
     .standard = "1024"},
    {field_of(struct host_config, max_images_mib), .kind = FIELD_U64, .most = UINT32_MAX,
     .about = "unpacked images that are kept, MiB; those in use stay; 0: no limit"},
    {field_of(struct host_config, warden),
     .about = "folder by which the agent speaks to isthmus-warden", .kind = FIELD_BLOB,
     .standard = "/run/isthmus-warden"},
    {field_of(struct host_config, pid_folder),
     .about = "where libvirt keeps its pid files; without: by the uri", .kind = FIELD_BLOB},
};

static const struct field relay_fields[] = {
    {field_of(struct relay_section, domain),
     .about = "of the accounts' addresses, NAME@domain; each relay has its own",
     .kind = FIELD_BLOB, .form = value_check_domain, .mask = FIELD_REQUIRED},
    {field_of(struct relay_section, listen), .about = "address:port to listen on",
     .kind = FIELD_BLOB, .form = value_check_listen, .standard = "[::]:8445"},
    {field_of(struct relay_section, certificate_file), .about = "our certificate chain, PEM",
     .kind = FIELD_BLOB, .form = value_check_file, .mask = FIELD_REQUIRED},
    {field_of(struct relay_section, key_file), .about = "its private key, PEM",
     .kind = FIELD_BLOB, .form = value_check_file, .mask = FIELD_REQUIRED},
    {field_of(struct relay_section, zeromq_listen),
     .about = "address:port to listen on for carrier = zeromq; without: for http alone",
     .kind = FIELD_BLOB, .form = value_check_listen},
    {.name = "zeromq_key_file", field_at(struct relay_section, zeromq_key),
     .about = "file with our secret key for that", .kind = FIELD_RECORD, .table = &secret_table,
     .form = seal_check_secret},
    {field_of(struct relay_section, log_level), .about = "error, warning, info or debug",
     .kind = FIELD_ENUM, field_names(level_names), .standard = "info"},
};

static const struct field account_fields[] = {
    {field_of(struct account_config, name), .kind = FIELD_BLOB, .check = CHECK_NAME},
    {.name = "token_file", field_at(struct account_config, token),
     .about = "file with its bearer token: password_file at its own end", .kind = FIELD_RECORD,
     .table = &secret_table, .mask = FIELD_REQUIRED},
    {field_of(struct account_config, reaches),
     .about = "accounts that it and that may reach each other, a blank between them",
     .kind = FIELD_BLOB},
};

/* The table of a section: the struct that its keys go to, and their rows, or some of them. */
#define keys(type, rows) some_keys(type, rows, array_size(rows))
#define some_keys(type, first, count) &(const struct table){"", "", sizeof(type), first, count}

#define upstream_notify_rows 2
static const struct field notify_fields[] = {
    /* Upstream managers' alone: */
    {field_of(struct notify_config, private_addresses),
     .about = "networks that tenants' webhooks may reach, by blanks: 10.1.0.0/16",
     .kind = FIELD_BLOB, .form = value_check_networks},
    {.name = "chat_token_file", field_at(struct notify_config, chat_token),
     .about = "bearer token, in a file, by which isthmus-xmpp fetches what it tells",
     .kind = FIELD_RECORD, .table = &secret_table},
    /* All managers': */
    {field_of(struct notify_config, ca_file),
     .about = "authority of webhooks' certificates, PEM; the system's without it",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct notify_config, smtp_url),
     .about = "server that takes mail: smtps://mail.example, smtp://mail.example:587",
     .kind = FIELD_BLOB, .form = value_check_smtp_url},
    {field_of(struct notify_config, smtp_from), .about = "mail address that they come from",
     .kind = FIELD_BLOB, .form = value_check_mail_address},
    {field_of(struct notify_config, smtp_user), .about = "user there; without it no login",
     .kind = FIELD_BLOB},
    {.name = "smtp_password_file", field_at(struct notify_config, smtp_password),
     .about = "file with its password", .kind = FIELD_RECORD, .table = &secret_table},
    {field_of(struct notify_config, smtp_ca_file),
     .about = "authority of that server's certificate, PEM; the system's without it",
     .kind = FIELD_BLOB, .form = value_check_file},
    {field_of(struct notify_config, smtp_plain),
     .about = "yes: without TLS, for a server on this machine", .kind = FIELD_FLAG,
     .standard = "no"},
};

static const struct field upstream_sections[] = {
    {field_of(struct upstream_config, daemon), .about = "the daemon itself", .kind = FIELD_RECORD,
     .table = keys(struct daemon_config, upstream_fields)},
    {field_of(struct upstream_config, api), .about = "the REST interface", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = keys(struct listen_config, api_fields)},
    {field_of(struct upstream_config, downlink), .about = "our account for the clusters",
     .kind = FIELD_RECORD, .mask = FIELD_REQUIRED,
     .table = some_keys(struct link_config, &link_fields[1], downlink_rows)},
    {.name = "downlink-server",
     field_list_at(struct upstream_config, downlink_servers, downlink_servers_count),
     .about = "a further server for our account", .kind = FIELD_LIST, .most = limit_endpoints - 1,
     .table = some_keys(struct server_config, server_fields, downlink_server_rows)},
    {field_of(struct upstream_config, streams), .about = "streams to VMs: their consoles",
     .kind = FIELD_RECORD, .table = keys(struct streams_config, streams_fields)},
    {field_of(struct upstream_config, timing), .about = "how long things may take",
     .kind = FIELD_RECORD, .table = keys(struct timing_config, timing_fields)},
    {field_of(struct upstream_config, audit), .about = "what is written down of requests",
     .kind = FIELD_RECORD, .table = keys(struct audit_config, audit_fields)},
    {field_of(struct upstream_config, notify), .about = "how contacts are told what happens",
     .kind = FIELD_RECORD, .table = keys(struct notify_config, notify_fields)},
    {field_of(struct upstream_config, oidc), .about = "how browsers log in without a token",
     .kind = FIELD_RECORD, .table = &oidc_config_table},
    {.name = "cluster", field_list_at(struct upstream_config, clusters, clusters_count),
     .about = "a downstream manager below", .kind = FIELD_LIST, .most = limit_peers,
     .table = some_keys(struct peer_config, &peer_fields[agent_own_rows], cluster_rows)},
    {.name = "shape", field_list_at(struct upstream_config, shapes, shapes_count),
     .about = "a size of VM that tenants may ask for", .kind = FIELD_LIST, .mask = FIELD_REQUIRED,
     .most = limit_shapes, .table = keys(struct shape_config, shape_fields)},
    {.name = "network", field_list_at(struct upstream_config, networks, networks_count),
     .about = "a network that tenants may ask for", .kind = FIELD_LIST, .most = limit_networks,
     .table = keys(struct network_config, network_fields)},
};
const struct table upstream_config_table = {"upstream", "", sizeof(struct upstream_config),
                                            field_rows(upstream_sections)};

static const struct field downstream_sections[] = {
    {field_of(struct downstream_config, daemon), .about = "the daemon itself", .kind = FIELD_RECORD,
     .table = keys(struct daemon_config, downstream_fields)},
    {.name = "uplink", field_list_at(struct downstream_config, uplinks, uplinks_count),
     .about = "an upstream manager that may use this cluster", .kind = FIELD_LIST,
     .most = limit_uplinks, .table = keys(struct link_config, link_fields)},
    {.name = "uplink-server",
     field_list_at(struct downstream_config, uplink_servers, uplink_servers_count),
     .about = "a further server for an uplink", .kind = FIELD_LIST,
     .most = limit_uplinks * (limit_endpoints - 1),
     .table = keys(struct server_config, server_fields)},
    {field_of(struct downstream_config, downlink), .about = "our account for the agents",
     .kind = FIELD_RECORD, .mask = FIELD_REQUIRED,
     .table = some_keys(struct link_config, &link_fields[1], downlink_rows)},
    {.name = "downlink-server",
     field_list_at(struct downstream_config, downlink_servers, downlink_servers_count),
     .about = "a further server for our account", .kind = FIELD_LIST, .most = limit_endpoints - 1,
     .table = some_keys(struct server_config, server_fields, downlink_server_rows)},
    {field_of(struct downstream_config, images), .about = "the image repository for the agents",
     .kind = FIELD_RECORD, .mask = FIELD_REQUIRED,
     .table = keys(struct listen_config, images_fields)},
    {field_of(struct downstream_config, owner), .about = "the owner's page",
     .kind = FIELD_RECORD, .table = keys(struct listen_config, owner_fields)},
    {field_of(struct downstream_config, streams), .about = "streams to VMs: their consoles",
     .kind = FIELD_RECORD, .table = keys(struct streams_config, streams_fields)},
    {field_of(struct downstream_config, timing), .about = "how long things may take",
     .kind = FIELD_RECORD,
     .table = some_keys(struct timing_config, &timing_fields[1],
                        array_size(timing_fields) - 1)},
    {field_of(struct downstream_config, audit), .about = "what is written down of requests",
     .kind = FIELD_RECORD, .table = keys(struct audit_config, audit_fields)},
    {field_of(struct downstream_config, notify), .about = "how the owner's contacts are told",
     .kind = FIELD_RECORD,
     .table = some_keys(struct notify_config, &notify_fields[upstream_notify_rows],
                        array_size(notify_fields) - upstream_notify_rows)},
    {field_of(struct downstream_config, hosts), .about = "all hosts", .kind = FIELD_RECORD,
     .table = keys(struct hosts_config, hosts_fields)},
    {.name = "agent", field_list_at(struct downstream_config, agents, agents_count),
     .about = "an agent below", .kind = FIELD_LIST, .most = limit_peers,
     .table = some_keys(struct peer_config, peer_fields, agent_rows)},
};
const struct table downstream_config_table = {"downstream", "", sizeof(struct downstream_config),
                                              field_rows(downstream_sections)};

static const struct field agent_sections[] = {
    {field_of(struct agent_config, daemon), .about = "the daemon itself", .kind = FIELD_RECORD,
     .table = keys(struct daemon_config, agent_fields)},
    {.name = "uplink", field_list_at(struct agent_config, uplinks, uplinks_count),
     .about = "the manager that this host serves", .kind = FIELD_LIST, .mask = FIELD_REQUIRED,
     .most = 1, .table = some_keys(struct link_config, link_fields, agent_uplink_rows)},
    {.name = "uplink-server",
     field_list_at(struct agent_config, uplink_servers, uplink_servers_count),
     .about = "a further server for an uplink", .kind = FIELD_LIST, .most = limit_endpoints - 1,
     .table = keys(struct server_config, server_fields)},
    {field_of(struct agent_config, host), .about = "the hypervisor and what it lends",
     .kind = FIELD_RECORD, .table = keys(struct host_config, host_fields)},
    {.name = "network", field_list_at(struct agent_config, networks, networks_count),
     .about = "a network that VMs on this host can be in, and what it is here", .kind = FIELD_LIST,
     .most = limit_networks, .table = keys(struct host_network_config, host_network_fields)},
};
const struct table agent_config_table = {"agent", "", sizeof(struct agent_config),
                                         field_rows(agent_sections)};

static const struct field relay_sections[] = {
    {field_of(struct relay_config, relay), .about = "the relay itself", .kind = FIELD_RECORD,
     .mask = FIELD_REQUIRED, .table = keys(struct relay_section, relay_fields)},
    {.name = "account", field_list_at(struct relay_config, accounts, accounts_count),
     .about = "a daemon that may connect", .kind = FIELD_LIST, .most = limit_accounts,
     .table = keys(struct account_config, account_fields)},
};
const struct table relay_config_table = {"relay", "", sizeof(struct relay_config),
                                         field_rows(relay_sections)};
