/* Which servers a link has, in which order, and at which address each peer is reached on each of
 * them. Nodes of one server cluster stand next to each other. */
#include "main/daemon/link.h"

#include <assert.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/carrier/kinds.h"
#include "main/daemon/daemon.h"

struct servers {
    struct link_config configs[limit_endpoints];
    struct carrier_endpoint endpoints[limit_endpoints];
    size_t count;
};

static bool is_same_cluster(const struct link_config *one, const struct link_config *other) {
    return text_equal(one->carrier, other->carrier) && text_equal(one->address, other->address);
}

/* Nodes of one cluster, at which we have one address, stand next to each other. */
static void gather(struct servers *servers) {
    for (size_t i = 1; i < servers->count; i++) {
        struct link_config moved = servers->configs[i];
        size_t to = i;
        for (size_t k = 0; k < i && to == i; k++)
            if (is_same_cluster(&servers->configs[k], &moved) &&
                !is_same_cluster(&servers->configs[k + 1], &moved))
                to = k + 1;
        for (size_t k = i; k > to; k--)
            servers->configs[k] = servers->configs[k - 1];
        servers->configs[to] = moved;
    }
}

static void describe(struct servers *servers) {
    for (size_t i = 0; i < servers->count; i++) {
        const struct link_config *config = &servers->configs[i];
        servers->endpoints[i] = (struct carrier_endpoint){
            .kind = carrier_kind_find(config->carrier),
            .address = config->address,
            .password = config->password.text,
            .certificate_file = config->certificate_file,
            .key_file = config->certificate_key_file,
            .url = config->url,
            .proxy = config->proxy,
            .host = config->server,
            .port = (uint16_t)config->port,
            .ca_file = config->ca_file,
            .server_key = config->server_key,
        };
        assert(servers->endpoints[i].kind); /* value_check_carrier knows them, too */
    }
}

static struct carrier_settings settings_of(const struct daemon_link *link,
                                           const struct servers *servers) {
    return (struct carrier_settings){
        .link = link->index,
        .endpoints = servers->endpoints,
        .endpoints_count = servers->count,
        .software = daemon_software,
        .ping_seconds = (unsigned)link->link->ping_seconds,
        .hold_down_seconds = (unsigned)link->link->failover_seconds,
        .return_seconds = (unsigned)link->link->return_seconds,
    };
}

struct carrier *daemon_connect_up(const struct daemon_link *link, struct shell *shell,
                                  struct error *err) {
    struct servers servers;
    const char *addresses[limit_endpoints];
    servers.count =
        config_link_servers(link->link, link->servers, link->servers_count, servers.configs);
    describe(&servers);
    for (size_t i = 0; i < servers.count; i++)
        addresses[i] = servers.configs[i].manager;
    const struct carrier_peer manager = {addresses};
    struct carrier_settings settings = settings_of(link, &servers);
    settings.use = ENDPOINTS_USE_ONE;
    settings.peers = &manager;
    settings.peers_count = 1;
    return carrier_new(&settings, shell, err);
}

struct carrier *daemon_connect_down(const struct daemon_link *link, struct shell *shell,
                                    struct error *err) {
    struct servers servers;
    servers.count =
        config_link_servers(link->link, link->servers, link->servers_count, servers.configs);
    gather(&servers);
    describe(&servers);
    size_t count = link->peers_count * servers.count;
    auto_clean(memory_clean) char *texts = memory_new(count, limit_address_size);
    auto_clean(memory_clean) const char **addresses = memory_new(count, sizeof(*addresses));
    auto_clean(memory_clean) struct carrier_peer *askers =
        memory_new(link->peers_count, sizeof(*askers));
    for (size_t i = 0; i < count; i++) {
        char *text = texts + i * limit_address_size;
        config_peer_address(&link->peers[i / servers.count],
                            servers.configs[i % servers.count].address, text);
        addresses[i] = text;
        askers[i / servers.count].addresses = &addresses[i - i % servers.count];
    }
    struct carrier_settings settings = settings_of(link, &servers);
    settings.use = ENDPOINTS_USE_EACH;
    settings.peers = askers;
    settings.peers_count = link->peers_count;
    return carrier_new(&settings, shell, err);
}
