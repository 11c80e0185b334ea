#include "base/memory.h"
#include "base/text.h"
#include "sim/world.h"

static struct sim_node *add_node(struct sim_world *world, enum role_kind kind, const char *name) {
    struct sim_node *node = &world->nodes[world->nodes_count];
    node->index = world->nodes_count++;
    (void)text_copy(node->name, sizeof(node->name), name);
    map_init(&node->disk, 0);
    list_init(&node->rows);
    list_init(&node->domains);
    node->settings = (struct role_settings){.kind = kind,
                                            .beat_ms = 5000,
                                            .hold_down_ms = 10000,
                                            .operation_ms = 120000};
    text_format(node->settings.software, sizeof(node->settings.software), "sim");
    return node;
}

static void add_link(struct sim_world *world, struct sim_node *node, uint32_t server) {
    struct sim_link *link = &node->links[node->links_count++];
    link->server = server;
    text_format(link->address, sizeof(link->address), "%s@s%u/isthmus", node->name, server);
    map_put(&world->addresses, link->address, link);
}

static void add_peer(const struct peer_setting **peers, size_t *count, const struct sim_node *to,
                     uint32_t to_link, uint32_t link) {
    struct peer_setting *copy = memory_new(*count + 1, sizeof(*copy));
    for (size_t i = 0; i < *count; i++)
        copy[i] = (*peers)[i];
    memory_free((void *)(uintptr_t)*peers);
    struct peer_setting *peer = &copy[(*count)++];
    (void)text_copy(peer->name, sizeof(peer->name), to->name);
    (void)text_copy(peer->address, sizeof(peer->address), to->links[to_link].address);
    peer->link = link;
    *peers = copy;
}

static void add_cluster(struct sim_world *world, struct sim_node *upstream, uint32_t cluster) {
    char name[limit_name_size];
    uint32_t server = cluster + 1;
    text_format(name, sizeof(name), "cluster%u", cluster);
    struct sim_node *downstream = add_node(world, ROLE_DOWNSTREAM, name);
    add_link(world, downstream, server);
    add_link(world, downstream, 0);
    add_peer(&upstream->settings.agents, &upstream->settings.agents_count, downstream, 1, 0);
    add_peer(&downstream->settings.managers, &downstream->settings.managers_count, upstream, 0,
             1);
    for (uint32_t i = 0; i < world->settings.agents; i++) {
        text_format(name, sizeof(name), "host%u-%u", cluster, i);
        struct sim_node *agent = add_node(world, ROLE_AGENT, name);
        add_link(world, agent, server);
        add_peer(&downstream->settings.agents, &downstream->settings.agents_count, agent, 0, 0);
        add_peer(&agent->settings.managers, &agent->settings.managers_count, downstream, 0, 0);
    }
}

static void on_minute(struct sim_world *world, struct occurrence *occurrence);

static void on_server_back(struct sim_world *world, struct occurrence *occurrence) {
    if (!world->servers[occurrence->number].up)
        world_server(world, occurrence->number, PRESENCE_UP);
}

static void guest_dies(struct sim_world *world, struct sim_node *node,
                       struct sim_domain *domain) {
    if (domain->state != VM_RUNNING)
        return;
    domain->state = VM_CRASHED;
    struct event event = {.kind = EVENT_DOMAIN, .domain.why = DOMAIN_CHANGED};
    event.domain.state = VM_CRASHED;
    event.domain.epoch = domain->epoch;
    (void)text_copy(event.domain.vm, sizeof(event.domain.vm), domain->vm);
    if (node->role)
        world_step(world, node, &event);
}

/* What can go wrong by itself, once a minute. */
static void on_minute(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    const struct sim_faults *faults = &world->settings.faults;
    for (uint32_t i = 0; i < sim_servers; i++)
        if (world->servers[i].up && world_fault(world, &world->fate, faults->server_death)) {
            world_server(world, i, PRESENCE_DOWN);
            world_later(world, NULL, 1000 + prng_below(&world->fate, 60000), on_server_back)
                ->number = i;
        }
    for (uint32_t n = 0; n < world->nodes_count; n++) {
        struct sim_node *node = &world->nodes[n];
        struct list *at = NULL, *next = NULL;
        if (world_fault(world, &world->fate, faults->power_loss))
            host_power_loss(world, node);
        list_each(at, next, &node->domains)
            if (world_fault(world, &world->hosts, faults->guest_dies))
                guest_dies(world, node, container_of(at, struct sim_domain, node));
    }
    if (!world->healing)
        world_later(world, NULL, 60000, on_minute);
}

struct sim_world *world_new(const struct sim_settings *settings) {
    struct sim_world *world = memory_new(1, sizeof(*world));
    world->settings = *settings;
    prng_init(&world->workload, settings->seed ^ 0x1111);
    prng_init(&world->network, settings->seed ^ 0x2222);
    prng_init(&world->fate, settings->seed ^ 0x3333);
    prng_init(&world->hosts, settings->seed ^ 0x4444);
    map_init(&world->addresses, 0);
    list_init(&world->accepted);
    world->now_ms = 1000;
    static const struct size sizes[2] = {{1, 256, 1}, {2, 1024, 4}};
    for (int i = 0; i < 2; i++) {
        text_format(world->shapes[i].name, sizeof(world->shapes[i].name), "shape%d", i);
        world->shapes[i].size = sizes[i];
    }
    for (int i = 0; i < sim_servers; i++)
        world->servers[i].up = true;
    struct sim_node *upstream = add_node(world, ROLE_UPSTREAM, "cloud");
    add_link(world, upstream, 0);
    upstream->settings.shapes = world->shapes;
    upstream->settings.shapes_count = 2;
    text_format(upstream->settings.operator_token_hash,
                sizeof(upstream->settings.operator_token_hash), "operator");
    for (uint32_t i = 0; i < settings->clusters; i++)
        add_cluster(world, upstream, i);
    for (uint32_t i = 0; i < world->nodes_count; i++)
        world_restart(world, &world->nodes[i]);
    world_later(world, NULL, 60000, on_minute);
    workload_begin(world);
    return world;
}

struct sim_node *world_upstream(struct sim_world *world) { return &world->nodes[0]; }
