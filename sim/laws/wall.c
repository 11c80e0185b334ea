/* Law 1: what an uplink carries names nothing but what came down it. Every id and every shape in
 * a message to a manager has been named by that manager; host and cluster names, addresses and
 * tenants' words never stand in one. */
#include "sim/laws/wall.h"

#include <string.h>

#include "base/text.h"
#include "sim/laws/law.h"

enum { id_length = 29 }; /* prefix and 26 characters */

void wall_said(struct wall *wall, const struct sim_node *manager, const struct message *message) {
    if (manager->settings.kind == ROLE_AGENT)
        return;
    if (message->kind == MESSAGE_INSTRUCT) {
        (void)ledger_put(&wall->told, manager, message->instruct.op);
        (void)ledger_put(&wall->told, manager, message->instruct.vm);
    }
    for (uint32_t i = 0; message->kind == MESSAGE_WELCOME && i < message->welcome.shapes_count;
         i++)
        (void)ledger_put(&wall->told, manager, message->welcome.shapes[i].name);
}

static void check_named(const struct wall *wall, struct sim_world *world,
                        const struct sim_node *manager, const char *name, size_t length) {
    char copy[limit_name_size] = "";
    memcpy(copy, name, length < sizeof(copy) ? length : sizeof(copy) - 1);
    if (!ledger_get(&wall->told, manager, copy))
        law_fail(world, "wall", "'%s' goes up to %s, which never named it", copy,
                 manager->name);
}

void wall_check(const struct wall *wall, struct sim_world *world, const struct sim_node *node,
                const struct fact_uplink *uplink) {
    const char *bytes = uplink->bytes;
    const struct sim_link *to = uplink->to;
    /* each with a letter that no id has; the last are of hosts that send each other VMs */
    static const char *const inside[] = {"inner", "@", "cloud", "people", "plum", "tiny", "lan-",
                                         "qemu+", "landing", "\"sends\"", "\"receives\""};
    static const char shape[] = "\"shape\":\"";
    for (size_t i = 0; i < array_size(inside); i++)
        if (strstr(bytes, inside[i]))
            law_fail(world, "wall", "%s tells %s: %s", node->name, to->node->name, bytes);
    for (const char *at = strchr(bytes, '"'); at; at = strchr(at + 1, '"')) {
        if (text_starts(at, "\"vm-") || text_starts(at, "\"op-"))
            check_named(wall, world, to->node, at + 1, id_length);
        if (text_starts(at, shape)) {
            const char *name = at + sizeof(shape) - 1;
            check_named(wall, world, to->node, name, strcspn(name, "\""));
        }
    }
}
