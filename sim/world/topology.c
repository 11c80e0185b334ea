/* Who is there and who is linked to whom. Every manager that is not an upstream has a server of
 * its own for those below it, or shares the one above; all names below the top hold "inner", so
 * that one that gets out is seen. */
#include "sim/world/topology.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/link/lease.h"

/* Managers are numbered from 0 for each kind, so that other hosts give a cluster no other name. */
static uint32_t number_of(struct sim_world *world, enum role_kind kind) {
    switch (kind) {
    case ROLE_UPSTREAM:
        return world->upstreams_count++;
    case ROLE_DOWNSTREAM:
        return world->downstreams_count++;
    case ROLE_AGENT:
        return world->nodes_count;
    case ROLE_JOINER:
        break; /* no world has one */
    }
    return 0;
}

/* As long as SHA-256, and as little alike for what is alike. */
static void digest(const void *bytes, size_t length, char out_digest[limit_digest_size]) {
    enum { part_digits = 16 };
    for (size_t i = 0; i * part_digits + 1 < limit_digest_size; i++)
        text_format(out_digest + i * part_digits, part_digits + 1, "%016llx",
                    (unsigned long long)map_hash(i, bytes, length));
}

static struct sim_node *add_node(struct sim_world *world, enum role_kind kind, const char *name,
                                 uint32_t links) {
    struct sim_node *node = memory_new(1, sizeof(*node));
    uint32_t count = world->nodes_count;
    if (!(count & (count - 1))) /* grows by doubling */
        world->nodes = memory_resize(world->nodes, (count ? count * 2 : 1) * sizeof(node));
    text_format(node->name, sizeof(node->name), "%s%u", name, number_of(world, kind));
    node->index = world->nodes_count++;
    world->nodes[node->index] = node;
    map_put(&world->names, node->name, node);
    node->links = memory_new(links, sizeof(*node->links));
    map_init(&node->disk, 0);
    list_init(&node->rows);
    list_init(&node->domains);
    list_init(&node->jobs);
    list_init(&node->images);
    list_init(&node->buckets);
    list_init(&node->guarded);
    turn_init(&node->turn);
    if (!world->settings.even)
        node->drift_ppm = (int64_t)prng_below(&world->fate, 2 * world->settings.drift + 1) -
                          (int64_t)world->settings.drift;
    node->settings = (struct role_settings){.kind = kind,
                                            .beat_ms = world->settings.beat_ms,
                                            .hold_down_ms = 10000,
                                            .operation_ms = 120000,
                                            .warm = 4, /* so that most are archived */
                                            .session_messages = world->settings.window,
                                            .audit_rows = 100}; /* so that many go */
    if (kind != ROLE_AGENT)
        node->settings.hash = digest;
    node->settings.usage_ms = world->settings.usage ? 20000 : 0;
    node->settings.usage_marks = 60; /* so that most go */
    node->settings.prefers_images = kind != ROLE_AGENT && world->settings.holds;
    if (kind != ROLE_AGENT && world->settings.streams) {
        text_format(node->stream_url, sizeof(node->stream_url), "wss://%s", node->name);
        node->settings.stream_url = node->stream_url;
        text_format(node->settings.stream_pin, sizeof(node->settings.stream_pin), "%064u", 0);
    }
    uint64_t lease_ms = lease_beats_least * world->settings.beat_ms;
    if (kind == ROLE_DOWNSTREAM && world->settings.leases)
        node->settings.lease_ms = world->settings.anywhere ? 2 * lease_ms : lease_ms;
    if (kind == ROLE_UPSTREAM && world->settings.anywhere) /* it lasts long enough at the hosts */
        node->settings.lease_ms = world->settings.levels * lease_ms;
    text_format(node->settings.software, sizeof(node->settings.software), "sim");
    node->at_once = world->settings.at_once;
    return node;
}

/* Drawn for each server by its number: a mix changes nothing else that is drawn. */
static void choose_kind(const struct sim_world *world, struct sim_server *server, uint32_t number) {
    enum { later_most_ms = 400 };
    uint64_t drawn = map_hash(world->settings.seed ^ 0xaaaa, &number, sizeof(number));
    if (!world_has_spares(world) || drawn % 1000 >= world->settings.mixed)
        return;
    server->kind = 1 + (drawn >> 10) % (SERVER_KIND_COUNT - 1);
    server->later_ms = (uint32_t)((drawn >> 20) % later_most_ms);
}

/* The nodes of a cluster are of one kind, and a relay has none. */
static void choose_kinds(struct sim_world *world, uint32_t first) {
    struct sim_server *of_all = &world->servers[first];
    for (uint32_t i = first; i < world->servers_count; i++)
        choose_kind(world, &world->servers[i], i);
    of_all->is_cluster &= of_all->kind != SERVER_RELAY;
    for (uint32_t i = first + 1; of_all->is_cluster && i < world->servers_count; i++)
        world->servers[i].kind = of_all->kind;
}

/* Adds a server with its spares; the number of the first. */
static uint32_t add_server(struct sim_world *world) {
    uint32_t first = world->servers_count;
    world->servers_count += world_has_spares(world) ? 1 + world->settings.spares : 1;
    world->servers =
        memory_resize(world->servers, world->servers_count * sizeof(*world->servers));
    for (uint32_t i = first; i < world->servers_count; i++)
        world->servers[i] = (struct sim_server){.up = true};
    world->servers[first].is_cluster = prng_below(&world->links, 2);
    choose_kinds(world, first);
    return first;
}

static void attach(struct sim_server *at, struct sim_link *link) {
    size_t count = at->links_count++;
    if (!(count & (count - 1)))
        at->links = memory_resize(at->links, (count ? count * 2 : 1) * sizeof(link));
    at->links[count] = link;
}

static void add_link(struct sim_world *world, struct sim_node *node, uint32_t server) {
    struct sim_link *link = &node->links[node->links_count];
    *link = (struct sim_link){
        .node = node, .world = world, .index = node->links_count++, .server = server};
    text_format(link->address, sizeof(link->address), "%s@s%u/isthmus%u", node->name, server,
                link->index);
    map_put(&world->addresses, link->address, link);
    attach(&world->servers[server], link);
    for (uint32_t i = 1; world_has_spares(world) && i <= world->settings.spares; i++)
        attach(&world->servers[server + i], link);
}

static void add_peer(const struct peer_setting **peers, size_t *count,
                     const struct sim_link *to, uint32_t link) {
    struct peer_setting *grown = (struct peer_setting *)(uintptr_t)*peers;
    if (!(*count & (*count - 1)))
        grown = memory_resize(grown, (*count ? *count * 2 : 1) * sizeof(*grown));
    struct peer_setting *peer = &grown[(*count)++];
    *peer = (struct peer_setting){
        .address = to->address, .link = link, .at_once = to->node->at_once};
    text_set(peer->name, to->node->name);
    *peers = grown;
}

/* `manager` gives its words to `agent`: each is pinned at the other. */
static void join(struct sim_link *manager, struct sim_link *agent) {
    struct role_settings *above = &manager->node->settings, *below = &agent->node->settings;
    add_peer(&above->agents, &above->agents_count, agent, manager->index);
    add_peer(&below->managers, &below->managers_count, manager, agent->index);
}

/* In an even world other hosts have no other networks. */
static const char *networks_of(const struct sim_world *world, uint32_t host) {
    static const char *const networks[] = {"lan-blue,lan-red", "lan-blue", "lan-red", NULL};
    return networks[world->settings.even ? 0 : host % array_size(networks)];
}

/* Where VMs' rules are kept: nowhere on some hosts. */
static const char *filtered_of(const struct sim_world *world, uint32_t host) {
    return !world->settings.even && host % 3 == 2 ? NULL : networks_of(world, host);
}

/* By its name alone: who lies changes nothing else that is drawn. */
static bool is_liar(const struct sim_world *world, const char *name) {
    return map_hash(world->settings.seed, name, strlen(name)) % 1000 < world->settings.lies;
}

/* What their owner believes of hosts: as much as they could ever lend. */
static struct amounts most_of_hosts(const struct sim_world *world) {
    uint64_t cpus = world->settings.host_cpus;
    return (struct amounts){.cpus = cpus * limit_lend_cpus_percent / 100,
                            .memory_mib = cpus * 1024 * limit_lend_memory_percent / 100,
                            .disk_gib = cpus * 8};
}

static void add_agent(struct sim_world *world, struct sim_node *manager) {
    struct sim_node *agent = add_node(world, ROLE_AGENT, "host-inner", 1);
    uint32_t cpus = world->settings.host_cpus;
    agent->host = (struct size){cpus, cpus * 1024, cpus * 8};
    text_format(agent->migration_uri, sizeof(agent->migration_uri), "qemu+tls://%s/system",
                agent->name);
    agent->lies = !world->settings.even && is_liar(world, agent->name);
    agent->settings.host_networks = networks_of(world, agent->index);
    agent->settings.host_filtered = filtered_of(world, agent->index);
    add_link(world, agent, manager->links[0].server);
    join(&manager->links[0], &agent->links[0]);
    struct role_settings *above = &manager->settings;
    struct peer_setting *peers = (struct peer_setting *)(uintptr_t)above->agents;
    peers[above->agents_count - 1].migration_uri = agent->migration_uri;
    peers[above->agents_count - 1].migration_folder = "/";
}

static struct sim_node *add_downstream(struct sim_world *world, uint32_t above, uint32_t level) {
    struct sim_node *node = add_node(world, ROLE_DOWNSTREAM, "cluster-inner", 2);
    bool shares = !world->settings.even && prng_below(&world->fate, 4) == 0;
    add_link(world, node, shares ? above : add_server(world));
    add_link(world, node, above);
    if (level == world->settings.levels)
        node->settings.most = most_of_hosts(world);
    if (level == world->settings.levels)
        for (uint32_t i = 0; i < world->settings.agents; i++)
            add_agent(world, node);
    else
        for (uint32_t i = 0; i < world->settings.fan; i++) {
            struct sim_node *below = add_downstream(world, node->links[0].server, level + 1);
            join(&node->links[0], &below->links[1]);
        }
    return node;
}

static void add_upstream(struct sim_world *world) {
    struct sim_node *node = add_node(world, ROLE_UPSTREAM, "cloud", 1);
    add_link(world, node, 0);
    node->settings.shapes = world->shapes;
    node->settings.shapes_count = world->settings.shapes;
    node->settings.networks = world->networks;
    node->settings.networks_count = array_size(world->networks);
    text_format(node->settings.operator_token_hash, sizeof(node->settings.operator_token_hash),
                "operator");
}

/* Sets the labels of the cluster that was joined last. */
static void set_labels(struct role_settings *above, uint32_t cluster) {
    static const char *const labels[] = {"kind=apple,zone=a", "kind=pear,zone=a", NULL};
    struct peer_setting *peers = (struct peer_setting *)(uintptr_t)above->agents;
    peers[above->agents_count - 1].labels = labels[cluster % array_size(labels)];
}

void topology_build(struct sim_world *world) {
    static const char *const names[] = {"lan-blue", "lan-red"};
    for (size_t i = 0; i < array_size(names); i++)
        text_format(world->networks[i].name, sizeof(world->networks[i].name), "%s", names[i]);
    static const struct size sizes[sim_shapes] = {{1, 256, 1}, {2, 1024, 4}, {1, 2048, 4}};
    for (int i = 0; i < sim_shapes; i++) {
        text_format(world->shapes[i].name, sizeof(world->shapes[i].name), "shape%d", i);
        world->shapes[i].size = sizes[i];
    }
    (void)add_server(world);
    for (uint32_t i = 0; i < world->settings.upstreams; i++)
        add_upstream(world);
    for (uint32_t i = 0; i < world->settings.clusters; i++) {
        struct sim_node *node = add_downstream(world, 0, 2);
        for (uint32_t k = 0; k < world->settings.upstreams; k++) {
            join(&world->nodes[k]->links[0], &node->links[1]);
            set_labels(&world->nodes[k]->settings, i);
        }
    }
}

static void free_settings(const void *array) { memory_free((void *)(uintptr_t)array); }

void topology_free(struct sim_world *world) {
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        role_free(node->role);
        effects_deinit(&node->pending);
        effects_deinit(&node->open);
        free_settings(node->settings.agents);
        free_settings(node->settings.managers);
        free_settings(node->settings.limits);
        free_settings(node->settings.shares);
        memory_free(node->shared);
        memory_free(node->lent);
        memory_free(node->links);
        memory_free(node);
    }
    for (uint32_t i = 0; i < world->servers_count; i++)
        memory_free(world->servers[i].links);
    memory_free(world->servers);
    memory_free(world->nodes);
}
