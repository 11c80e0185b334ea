/* What is written of an end, held against the domains that there are below who writes it. */
#include "sim/laws/ends.h"

#include "base/text.h"
#include "core/agent/vm.h"
#include "core/books/book.h"
#include "core/books/reshape.h"
#include "core/role.h"
#include "sim/laws/hosts.h"
#include "sim/laws/law.h"
#include "sim/parts/domain.h"
#include "sim/world/node.h"

static bool stands_below(const struct sim_world *world, const struct sim_node *node,
                         const struct sim_node *manager) {
    if (node == manager)
        return true;
    for (size_t i = 0; i < node->settings.managers_count; i++)
        if (stands_below(world, node_named(world, node->settings.managers[i].name), manager))
            return true;
    return false;
}

/* Is the VM on a host somewhere under the manager? What another one under the same manager above
 * has is not its matter. */
static bool is_below(struct sim_world *world, const struct sim_node *manager,
                     const char *id) {
    const struct sim_vm *vm = domain_vm(world, id);
    struct list *at = NULL, *next = NULL;
    if (!vm)
        return false;
    list_each(at, next, &vm->domains) {
        const struct sim_node *host = container_of(at, struct sim_domain, by_vm)->node;
        if (stands_below(world, host, manager) &&
            !(world->settings.leases && domain_evicted(world, host, id)))
            return true;
    }
    return false;
}

void ends_evicted(struct ends *ends, const struct sim_world *world, const char *vm) {
    (void)ledger_put(&ends->evicted, world->nodes[0], vm);
}

void ends_moved(struct ends *ends, const struct sim_world *world, const char *vm) {
    (void)ledger_put(&ends->moved, world->nodes[0], vm);
}

bool ends_was_evicted(const struct ends *ends, const struct sim_world *world, const char *vm) {
    return ledger_get(&ends->evicted, world->nodes[0], vm);
}

/* Laws 4 and 6: an end is true when a manager writes it. */
static void check_above(const struct ends *ends, struct sim_world *world,
                        const struct sim_node *node, const struct operation *op) {
    bool vm = is_below(world, node, op->vm);
    if (op->verb == VERB_DELETE && vm)
        law_fail(world, "true end", "%s deleted %s, which is there", op->id, op->vm);
    bool gone = ends_was_evicted(ends, world, op->vm) ||
                ledger_get(&ends->moved, world->nodes[0], op->vm);
    if (op->verb != VERB_DELETE && !vm && !gone) /* which may be heard of before the result */
        law_fail(world, "true end", "%s (%s) succeeded on %s, which is nowhere", op->id,
                 verb_names[op->verb], op->vm);
}

/* On the host itself it is true to the letter. */
static void check_on_host(struct sim_world *world, const struct sim_node *node,
                          const struct operation *op) {
    const struct sim_domain *domain = domain_of(world, node, op->vm);
    bool running = domain && domain->state == VM_RUNNING, is_true = domain;
    if (verb_ends(op->verb) || op->verb == VERB_MIGRATE)
        is_true = !domain;
    if (op->verb == VERB_RECEIVE)
        is_true = domain && domain->is_shell;
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    if (op->verb == VERB_START || op->verb == VERB_RESUME || op->verb == VERB_ADOPT)
        is_true =
            running || (domain && vm && agent_vm(vm)->fell && vm->record.state == domain->state);
    if (op->verb == VERB_STOP || op->verb == VERB_SHUTDOWN)
        is_true = domain && !running;
    if (op->verb == VERB_PAUSE)
        is_true = domain && domain->state == VM_PAUSED;
    if (op->verb == VERB_SUSPEND)
        is_true = domain && domain->state == VM_SUSPENDED;
    if (op->verb == VERB_REBUILD && domain && vm && !text_equal(vm->record.name, domain->name))
        law_fail(world, "true end", "%s made %s anew as '%s', not as '%s'", op->id, op->vm,
                 domain->name, vm->record.name);
    if (!is_true)
        law_fail(world, "true end", "%s (%s) succeeded on %s, which %s", op->id,
                 verb_names[op->verb], op->vm,
                 domain ? vm_state_names[domain->state] : "is not there");
}

/* Whether it was done or not: what is said of a VM is what there is of it. */
static void check_shape(struct sim_world *world, const struct sim_node *node,
                        const struct operation *op) {
    const struct sim_domain *domain = domain_of(world, node, op->vm);
    const struct book_vm *vm = book_vm(role_book(node->role), op->vm);
    if (domain && vm && !vm->active && reshape_tells(op->verb))
        hosts_check_shape(world, node, &vm->record, domain);
}

void ends_check(const struct ends *ends, struct sim_world *world, const struct sim_node *node,
                const struct operation *op) {
    if (node_is_upstream(node))
        world->stats.ended[op->verb][op->code]++;
    bool unplaced = op->code == CODE_NO_CAPACITY && op->verb == VERB_DEFINE;
    if (unplaced && settings_are_calm(&world->settings))
        law_fail(world, "what is shown is there", "%s: no room for %s, in a calm world",
                 node->name, op->vm);
    if (op->hard && op->code == CODE_GUEST_IGNORED)
        law_fail(world, "true end", "%s asks the guest of %s, which is not to be asked", op->id,
                 op->vm);
    if (node->settings.kind == ROLE_AGENT)
        check_shape(world, node, op);
    if (op->state == OP_SUCCEEDED && node->settings.kind == ROLE_AGENT)
        check_on_host(world, node, op);
    else if (op->state == OP_SUCCEEDED)
        check_above(ends, world, node, op);
}

void ends_check_forgotten(struct sim_world *world, const struct sim_node *node,
                          const struct record *record) {
    const struct vm *vm = record->data;
    if (record->table == &stored_vm_table && is_below(world, node, vm->id))
        law_fail(world, "nothing is half-made", "%s forgets %s, which has a domain",
                 node->name, vm->id);
}
