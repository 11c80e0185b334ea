/* Each VM uses the same all the time, and another than others: so does each mark, also one that is
 * made of several. */
#include "sim/laws/peers/usage.h"

#include <string.h>

#include "base/memory.h"
#include "core/role.h"
#include "core/upstream/upstream.h"
#include "sim/laws/law.h"
#include "sim/parts/host.h"
#include "sim/world/node.h"

static void check_vm(struct sim_world *world, const struct sim_node *node,
                     const struct book_vm *vm) {
    const struct usage own = host_usage_of(vm->record.id);
    uint32_t count;
    auto_clean(memory_clean) struct usage_mark *marks =
        usage_marks(upstream_vm(vm)->usage, &count);
    world->stats.usages += count;
    for (uint32_t i = 0; i < count; i++)
        if (memcmp(&marks[i].usage, &own, sizeof(own)) != 0)
            law_fail(world, "what a VM uses is its own", "%s takes %s to have used %u, not %u",
                     node->name, vm->record.id, marks[i].usage.cpu_permille, own.cpu_permille);
}

void usage_check_end(struct sim_world *world, const struct sim_node *node) {
    if (node->settings.kind != ROLE_UPSTREAM || !node->role)
        return;
    list_for(const struct book_vm, vm, &role_book(node->role)->vms, by_age)
        check_vm(world, node, vm);
}
