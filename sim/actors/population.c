/* A world that was there before: the disks of an upstream, of its clusters and of their hosts hold
 * the VMs that each of them would hold had the VMs been made through the API, and the hosts run
 * them. What follows is a start of everybody after a power cut. */
#include "sim/actors/population.h"

#include "base/text.h"
#include "message/id.h"
#include "sim/parts/disk.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

struct population {
    struct sim_world *world;
    struct sim_node *cloud;
    struct id_maker ids;
    uint32_t count, total;
};

static void put(struct sim_world *world, struct sim_node *node, const struct table *table,
                void *data) {
    struct record record = {table, data};
    disk_put(world, node, &record);
}

static void add_tenants(struct sim_world *world, struct sim_node *cloud) {
    struct image image = {.disk_gib = 1, .created_ms = sim_wall_start_ms};
    text_format(image.name, sizeof(image.name), "tiny");
    text_format(image.digest, sizeof(image.digest), "%064u", 7);
    put(world, cloud, &image_table, &image);
    for (uint32_t i = 0; i < world->settings.tenants; i++) {
        struct tenant tenant = {.created_ms = sim_wall_start_ms};
        text_format(tenant.name, sizeof(tenant.name), "people%u", i);
        text_format(tenant.token_hash, sizeof(tenant.token_hash), "%064u", i);
        put(world, cloud, &tenant_table, &tenant);
    }
}

/* One VM on three levels: each knows it with the asker and the place that it sees. */
static void add_vm(struct population *all, struct sim_node *cluster, struct sim_node *host) {
    struct sim_world *world = all->world;
    const struct shape *shape = &world->shapes[all->count % world->settings.shapes];
    uint64_t wall_ms = sim_wall_start_ms - all->total + all->count;
    struct stored_vm stored = {
        .vm = {.size = shape->size, .state = VM_RUNNING, .epoch = 1, .generation = 1,
               .place_epoch = 1, .place_generation = 1, .created_ms = wall_ms,
               .changed_ms = wall_ms}};
    struct vm *vm = &stored.vm;
    text_set(vm->id, id_make(&all->ids, "vm", wall_ms).text);
    text_set(vm->op, id_make(&all->ids, "op", wall_ms).text);
    text_set(vm->shape, shape->name);
    text_format(vm->name, sizeof(vm->name), "plum%u", all->count);
    text_format(vm->digest, sizeof(vm->digest), "%064u", 7);
    text_format(vm->image, sizeof(vm->image), "tiny");
    text_format(vm->asker, sizeof(vm->asker), "people%u", all->count % world->settings.tenants);
    text_set(vm->place, cluster->name);
    put(world, all->cloud, &stored_vm_table, &stored);
    vm->image[0] = 0;
    text_set(vm->asker, all->cloud->name);
    text_set(vm->place, host->name);
    put(world, cluster, &stored_vm_table, &stored);
    vm->place[0] = 0;
    vm->place_epoch = 0;
    vm->place_generation = 0;
    text_set(vm->asker, cluster->name);
    put(world, host, &stored_vm_table, &stored);
    domain_take_over(world, host, vm);
    all->count++;
}

void population_build(struct sim_world *world) {
    const struct sim_settings *settings = &world->settings;
    if (!settings->vms)
        return;
    struct population all = {.world = world, .cloud = world->nodes[0]};
    prng_init(&all.ids.prng, settings->seed);
    all.total = settings->clusters * settings->agents * settings->vms;
    add_tenants(world, all.cloud);
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = world->nodes[i];
        if (node->settings.kind == ROLE_AGENT)
            for (uint32_t k = 0; k < settings->vms; k++)
                add_vm(&all, node_named(world, node->settings.managers[0].name), node);
    }
}
