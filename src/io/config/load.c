/* The loaders of the daemons: the file by its table, and then what no single value shows. */
#include "io/config/load.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/link/lease.h"
#include "io/config/config.h"
#include "io/config/links.h"

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

static int check_streams(const char *path, const struct streams_config *streams,
                         struct error *err) {
    const char *const keys[] = {streams->listen, streams->certificate_file, streams->key_file,
                                streams->url};
    static const char *const names[] = {"listen", "certificate_file", "key_file", "url"};
    bool any = false;
    const char *lacks = NULL;
    for (size_t i = 0; i < array_size(keys); i++) {
        any |= keys[i] != NULL;
        lacks = keys[i] || lacks ? lacks : names[i];
    }
    return any && lacks ? error_set(err, -EINVAL, "%s: [streams] lacks %s; give listen, "
                                    "certificate_file, key_file and url, or none of them", path,
                                    lacks)
                        : 0;
}

/* Peers of one kind, whose addresses and keys stand in one map: neither looks like the other. */
struct peers {
    const char *section; /* "cluster", "agent" */
    const struct peer_config *items;
    size_t count;
    struct map seen;
};

static int check_address(struct peers *peers, const struct peer_config *peer, const char *address,
                         struct error *err) {
    const char *section = peers->section;
    const struct peer_config *other = map_get(&peers->seen, address);
    if (other && address == peer->peer_key)
        return error_set(err, -EINVAL, "[%s %s] and [%s %s] have the same peer_key; each of them "
                         "makes its own", section, other->name, section, peer->name);
    if (other)
        return error_set(err, -EINVAL, "[%s %s] and [%s %s] have the same address %s; give each "
                         "an account of its own", section, other->name, section, peer->name,
                         address);
    map_put(&peers->seen, address, (void *)(uintptr_t)peer);
    return 0;
}

static int check_peers(const char *path, struct peers peers, struct error *err) {
    char **copies = memory_new(peers.count, sizeof(*copies)); /* the map's keys */
    map_init(&peers.seen, 0);
    int result = 0;
    for (size_t i = 0; i < peers.count && !result; i++) {
        const struct peer_config *peer = &peers.items[i];
        char *rest = copies[i] = memory_text(peer->more_addresses);
        result = check_address(&peers, peer, peer->address, err);
        if (!result && peer->peer_key)
            result = check_address(&peers, peer, peer->peer_key, err);
        for (char *more; !result && (more = strsep(&rest, ","));)
            result = check_address(&peers, peer, more, err);
    }
    map_deinit(&peers.seen);
    for (size_t i = 0; i < peers.count; i++)
        memory_free(copies[i]);
    memory_free(copies);
    return result ? error_wrap(err, "%s", path) : 0;
}

static uint64_t larger(uint64_t left, uint64_t right) { return left > right ? left : right; }

/* Of a place that is there a few beats may be lost; of one that is lost, nobody tries before; and
 * nothing is started where less is left than twice what stopping may take (core/agent/guard.c). */
static int check_lease(const char *path, const struct timing_config *timing, struct error *err) {
    uint64_t beat = timing->beat_seconds, least = lease_beats_least * beat;
    least = larger(least, 2 * lease_stop_ms / 1000 + 2 * beat);
    least = larger(least, timing->hold_down_seconds);
    if (!timing->lease_seconds || timing->lease_seconds >= least)
        return 0;
    return error_set(err, -EINVAL,
                     "%s: [timing] lease_seconds: %" PRIu64 " is too short for these beats and "
                     "this hold-down; say at least %" PRIu64 ", or 0 for no leases",
                     path, timing->lease_seconds, least);
}

static int check_notify(const char *path, const struct notify_config *notify, struct error *err) {
    bool has_more = notify->smtp_user || notify->smtp_ca_file || notify->smtp_plain;
    if (!notify->smtp_url != !notify->smtp_from || (!notify->smtp_url && has_more))
        return error_set(err, -EINVAL, "%s: [notify] lacks %s; mail needs smtp_url and smtp_from",
                         path, notify->smtp_url ? "smtp_from" : "smtp_url");
    if (!notify->smtp_user != !notify->smtp_password.text)
        return error_set(err, -EINVAL, "%s: [notify] lacks %s; give both, or neither", path,
                         notify->smtp_user ? "smtp_password_file" : "smtp_user");
    if (notify->smtp_plain && (notify->smtp_user || text_starts(notify->smtp_url, "smtps:")))
        return error_set(err, -EINVAL, "%s: [notify] smtp_plain sends without TLS: leave it out, "
                         "or smtp_user and smtps://", path);
    return 0;
}

int upstream_config_load(const char *path, struct upstream_config *config, struct error *err) {
    if (config_load(&upstream_config_table, path, config, err))
        return err->code;
    int result = check_listen(path, "api", &config->api, err);
    if (!result)
        result = check_streams(path, &config->streams, err);
    if (!result)
        result = check_notify(path, &config->notify, err);
    if (!result)
        result = oidc_config_check(path, &config->oidc, err);
    if (!result)
        result = check_lease(path, &config->timing, err);
    if (!result)
        result = check_peers(
            path, (struct peers){"cluster", config->clusters, config->clusters_count, {0}}, err);
    if (!result)
        result = config_links_check(
            &(struct links_config){.path = path,
                                   .downlink = &config->downlink,
                                   .downlink_servers = config->downlink_servers,
                                   .downlink_servers_count = config->downlink_servers_count,
                                   .section = "cluster",
                                   .peers = config->clusters,
                                   .peers_count = config->clusters_count},
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
        result = check_streams(path, &config->streams, err);
    if (!result)
        result = check_notify(path, &config->notify, err);
    if (!result)
        result = check_lease(path, &config->timing, err);
    if (!result)
        result = check_peers(
            path, (struct peers){"agent", config->agents, config->agents_count, {0}}, err);
    if (!result)
        result = config_links_check(
            &(struct links_config){.path = path,
                                   .uplinks = config->uplinks,
                                   .uplinks_count = config->uplinks_count,
                                   .uplink_servers = config->uplink_servers,
                                   .uplink_servers_count = config->uplink_servers_count,
                                   .downlink = &config->downlink,
                                   .downlink_servers = config->downlink_servers,
                                   .downlink_servers_count = config->downlink_servers_count,
                                   .section = "agent",
                                   .peers = config->agents,
                                   .peers_count = config->agents_count},
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
            return error_set(err, -EINVAL, "%s: [network %s] has to say what it is; give one of "
                             "bridge, libvirt and user = yes", path, network->name);
    }
    return 0;
}

/* Only libvirt's own daemon can receive VMs that run. */
static int check_migration(const char *path, const struct host_config *host, struct error *err) {
    if (!host->migration_uri)
        return 0;
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

size_t relay_config_find(const struct relay_config *config, const char *name) {
    size_t at = 0;
    while (at < config->accounts_count && !text_equal(config->accounts[at].name, name))
        at++;
    return at;
}

static int check_reaches(const char *path, const struct relay_config *config,
                         struct error *err) {
    for (size_t i = 0; i < config->accounts_count; i++) {
        const struct account_config *account = &config->accounts[i];
        auto_clean(memory_clean) char *copy = memory_text(account->reaches);
        for (char *rest = copy, *name; (name = strsep(&rest, " \t"));)
            if (*name && relay_config_find(config, name) == config->accounts_count)
                return error_set(err, -EINVAL, "%s: [account %s] reaches %s, but there is no "
                                 "[account %s]; add it, or name another", path, account->name, name,
                                 name);
        for (size_t k = 0; k < i; k++)
            if (text_equal(account->token.text, config->accounts[k].token.text))
                return error_set(err, -EINVAL, "%s: [account %s] and [account %s] have the same "
                                 "token; make one for each", path, config->accounts[k].name,
                                 account->name);
    }
    return 0;
}

int relay_config_load(const char *path, struct relay_config *config, struct error *err) {
    if (config_load(&relay_config_table, path, config, err))
        return err->code;
    int result = check_reaches(path, config, err);
    if (!result && !config->relay.zeromq_listen != !config->relay.zeromq_key.text)
        result = error_set(err, -EINVAL, "%s: [relay] has %s alone; give zeromq_listen and "
                           "zeromq_key_file, or neither", path,
                           config->relay.zeromq_listen ? "zeromq_listen" : "zeromq_key_file");
    if (result)
        relay_config_deinit(config);
    return result;
}

void upstream_config_deinit(struct upstream_config *config) {
    record_clear(&upstream_config_table, config);
}

void downstream_config_deinit(struct downstream_config *config) {
    record_clear(&downstream_config_table, config);
}

void agent_config_deinit(struct agent_config *config) {
    record_clear(&agent_config_table, config);
}

void relay_config_deinit(struct relay_config *config) {
    record_clear(&relay_config_table, config);
}
