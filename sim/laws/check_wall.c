/* Law 1: what an uplink carries names nothing but what came down it. Every id and every shape in
 * a message to a manager has been named by that manager; host and cluster names, addresses and
 * tenants' words never stand in one. */

#include <string.h>

#include "base/text.h"
#include "sim/laws/check.h"

enum { id_length = 29 }; /* prefix and 26 characters */

static bool is_bare(const struct sim_world *world) { return world->settings.bare; }

void check_wall_told(struct sim_world *world, const struct sim_node *manager,
                     const struct message *message) {
    if (is_bare(world) || manager->settings.kind == ROLE_AGENT)
        return;
    if (message->kind == MESSAGE_INSTRUCT) {
        (void)promise_put(world, "told", manager, message->instruct.op);
        (void)promise_put(world, "told", manager, message->instruct.vm);
    }
    for (uint32_t i = 0; message->kind == MESSAGE_WELCOME && i < message->welcome.shapes_count;
         i++)
        (void)promise_put(world, "told", manager, message->welcome.shapes[i].name);
}

static void check_named(struct sim_world *world, const struct sim_node *manager,
                        const char *name, size_t length) {
    char copy[limit_name_size] = "";
    memcpy(copy, name, length < sizeof(copy) ? length : sizeof(copy) - 1);
    if (!promise_get(world, "told", manager, copy))
        check_fail(world, "wall", "'%s' goes up to %s, which never named it", copy,
                   manager->name);
}

void check_wall(struct sim_world *world, const struct sim_node *node, const struct sim_link *to,
                const char *bytes) {
    /* each with a letter that no id has; the last are of hosts that send each other VMs */
    static const char *const inside[] = {"inner", "@", "cloud", "people", "plum", "tiny", "lan-",
                                         "sim:", "landing", "\"sends\"", "\"receives\""};
    static const char shape[] = "\"shape\":\"";
    if (is_bare(world))
        return;
    for (size_t i = 0; i < array_size(inside); i++)
        if (strstr(bytes, inside[i]))
            check_fail(world, "wall", "%s tells %s: %s", node->name, to->node->name, bytes);
    for (const char *at = strchr(bytes, '"'); at; at = strchr(at + 1, '"')) {
        if (text_starts(at, "\"vm-") || text_starts(at, "\"op-"))
            check_named(world, to->node, at + 1, id_length);
        if (text_starts(at, shape)) {
            const char *name = at + sizeof(shape) - 1;
            check_named(world, to->node, name, strcspn(name, "\""));
        }
    }
}
