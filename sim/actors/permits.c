/* What operators let a tenant's new VMs use: clusters, shapes, images. Drawn apart from what owners
 * and operators decide otherwise (owners.c), by the upstream's name and the minute. */
#include "sim/actors/permits.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/actors/decision.h"
#include "sim/actors/askers.h"
#include "sim/parts/disk.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

void permits_begin(const struct sim_world *world, struct sim_node *node) {
    if (node_is_upstream(node))
        node->permitted = memory_new(world->settings.tenants, sizeof(*node->permitted));
}

void permits_free(const struct sim_world *world, struct sim_node *node) {
    for (uint32_t i = 0; node->permitted && i < world->settings.tenants; i++)
        record_clear(&tenant_permissions_table, &node->permitted[i]);
    memory_free(node->permitted);
}

const struct tenant_permissions *permits_of(const struct sim_world *world,
                                            const struct sim_node *node, const char *tenant) {
    static const struct tenant_permissions all = {0};
    size_t which = askers_which(world, node, tenant);
    return node->permitted && which < world->settings.tenants ? &node->permitted[which] : &all;
}

/* Reads the tenant from the node's disk; the caller deinits. False: there is no such tenant. */
static bool read_tenant(struct sim_world *world, const struct sim_node *node, size_t which,
                        struct record *out_record) {
    struct asker asker;
    const struct sim_row *row = disk_row(node, &tenant_table, askers_name(node, which, &asker));
    if (row)
        disk_read(world, row, out_record);
    return row;
}

static void remember(struct sim_node *node, size_t which,
                     const struct tenant_permissions *permissions) {
    record_clear(&tenant_permissions_table, &node->permitted[which]);
    record_clone(&tenant_permissions_table, permissions, &node->permitted[which]);
}

void permits_remember(struct sim_world *world, struct sim_node *node) {
    for (uint32_t i = 0; node->permitted && i < world->settings.tenants; i++) {
        struct record record;
        const struct tenant_permissions all = {0};
        if (!read_tenant(world, node, i, &record)) {
            remember(node, i, &all);
            continue;
        }
        remember(node, i, &((const struct tenant *)record.data)->permissions);
        record_deinit(&record);
    }
}

bool permits_are_kept(struct sim_world *world, const struct sim_node *node, char *what,
                      size_t size) {
    for (uint32_t i = 0; node->permitted && i < world->settings.tenants; i++) {
        struct record record;
        if (!read_tenant(world, node, i, &record))
            continue;
        const struct tenant *tenant = record.data;
        bool same = record_equal(&tenant_permissions_table, &tenant->permissions,
                                 &node->permitted[i]);
        text_format(what, size, "what VMs of %s may use", tenant->name);
        record_deinit(&record);
        if (!same)
            return false;
    }
    return true;
}

/* Adds a name to a list, or leaves it out. */
static void draw_name(struct sim_world *world, struct text *words, const char *name) {
    if (prng_below(&world->owner, 2))
        text_addf(words, "%s%s", words->length ? " " : "", name);
}

static void draw_clusters(struct sim_world *world, const struct sim_node *node,
                          struct text *out) {
    for (size_t i = 0; i < node->settings.agents_count; i++)
        draw_name(world, out, node->settings.agents[i].name);
}

static void draw_shapes(struct sim_world *world, struct text *out) {
    for (uint32_t i = 0; i < world->settings.shapes; i++)
        draw_name(world, out, world->shapes[i].name);
}

static void draw_images(struct sim_world *world, const struct sim_node *node, struct text *out) {
    static const char *const images[] = {"tiny", "other"}; /* see workload.c */
    for (size_t i = 0; i < array_size(images); i++)
        if (disk_row(node, &image_table, images[i]))
            draw_name(world, out, images[i]);
}

static void ask(struct sim_world *world, struct sim_node *node, size_t which,
                struct request *request) {
    struct asker asker;
    text_set(request->key, askers_name(node, which, &asker));
    text_format(request->token_hash, sizeof(request->token_hash), "operator");
    bool taken = decision_ask(world, node, request);
    world_observe(world, &(struct fact){FACT_CONSENT, node, .consent = {request, !taken, taken}});
    remember(node, which, &request->tenant_permissions);
}

/* Decides as soon as there is such a tenant. What is drawn as nothing at all is all. */
void permits_act(struct sim_world *world, struct sim_node *node) {
    struct text words[3] = {0};
    struct asker asker;
    struct request request = {.kind = REQUEST_TENANT_PERMISSIONS_SET};
    if (!node->permitted)
        return;
    prng_init(&world->owner, map_hash(world->settings.seed + world->now_ms + 2, node->name,
                                      strlen(node->name)));
    if (!world_fault(world, &world->owner, world->settings.permits) || !node_serves(node))
        return;
    size_t which = prng_below(&world->owner, world->settings.tenants);
    uint64_t lists = prng_below(&world->owner, 8); /* a bit for each that is bounded */
    if (lists & 1)
        draw_clusters(world, node, &words[0]);
    if (lists & 2)
        draw_shapes(world, &words[1]);
    if (lists & 4)
        draw_images(world, node, &words[2]);
    request.tenant_permissions =
        (struct tenant_permissions){words[0].data, words[1].data, words[2].data};
    if (!lists)
        request.kind = REQUEST_TENANT_PERMISSIONS_RESET;
    if (disk_row(node, &tenant_table, askers_name(node, which, &asker))) {
        world->stats.owner_acts++;
        ask(world, node, which, &request);
    }
    for (size_t i = 0; i < array_size(words); i++)
        text_deinit(&words[i]);
}
