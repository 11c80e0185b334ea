#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/lifecycle.h"
#include "sim/world.h"

void check_fail(struct sim_world *world, const char *law, const char *format, ...) {
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "seed %llu at %llu ms: law broken: %s: ",
            (unsigned long long)world->settings.seed, (unsigned long long)world->now_ms, law);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nreplay: isthmus-sim --seed %llu --operations %u --clusters %u --agents %u "
                    "--trace\n",
            (unsigned long long)world->settings.seed, world->settings.operations,
            world->settings.clusters, world->settings.agents);
    exit(1);
}

static uint32_t domains_of(const struct sim_world *world, const char *vm, uint32_t *out_running) {
    uint32_t count = 0;
    *out_running = 0;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        const struct sim_domain *domain = host_domain(&world->nodes[i], vm);
        count += domain != NULL;
        *out_running += domain && domain->state == VM_RUNNING;
    }
    return count;
}

/* Law 6 and 4: an end is true when it is written. */
static void check_op_end(struct sim_world *world, const struct operation *op) {
    uint32_t running = 0, count = domains_of(world, op->vm, &running);
    if (op->state != OP_SUCCEEDED)
        return;
    if (op->verb == VERB_DELETE && count)
        check_fail(world, "true end", "%s deleted %s, which is there", op->id, op->vm);
    if (op->verb != VERB_DELETE && !count)
        check_fail(world, "true end", "%s (%s) succeeded on %s, which is nowhere", op->id,
                   verb_names[op->verb], op->vm);
}

static void check_upstream(struct sim_world *world, const struct effect *effect) {
    uint32_t running = 0;
    if (effect->kind == EFFECT_SAVE && effect->record.table == &operation_table) {
        const struct operation *op = effect->record.data;
        if (op->ended_ms == world->now_ms + sim_wall_start_ms)
            check_op_end(world, op);
    }
    if (effect->kind == EFFECT_FORGET && effect->record.table == &vm_table) {
        const struct vm *vm = effect->record.data;
        if (domains_of(world, vm->id, &running))
            check_fail(world, "nothing is half-made", "%s is forgotten but has a domain", vm->id);
    }
}

/* Law 1: nothing that names the inside goes up. */
static void check_wall(struct sim_world *world, const struct sim_node *node,
                       const struct effect_send *send) {
    struct text text = {0};
    bool upward = node->settings.kind == ROLE_DOWNSTREAM && send->link != 0;
    if (!upward)
        return;
    message_encode(&send->message, &text);
    for (const char *at = text_data(&text); *at; at++)
        if (text_starts(at, "host") && !text_starts(at, "host-failed"))
            check_fail(world, "wall", "%s", text_data(&text));
    text_deinit(&text);
}

void check_step(struct sim_world *world, struct sim_node *node, const struct effects *effects) {
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (node->settings.kind == ROLE_UPSTREAM)
            check_upstream(world, effect);
        if (effect->kind == EFFECT_SEND)
            check_wall(world, node, &effect->send);
    }
    if (node->settings.kind != ROLE_AGENT)
        return;
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &node->domains) {
        const struct sim_domain *domain = container_of(at, struct sim_domain, node);
        uint32_t running = 0;
        if (domain->state == VM_RUNNING && domains_of(world, domain->vm, &running) && running > 1)
            check_fail(world, "not twice", "%s runs in %u places", domain->vm, running);
    }
}

/* Every operation has ended on every level, and no record waits for anything. */
static void check_quiet(struct sim_world *world, const struct sim_node *node) {
    const struct book *book = role_book(node->role);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->ops) {
        const struct book_op *op = container_of(at, struct book_op, by_age);
        if (!book_op_has_ended(op))
            check_fail(world, "never stuck", "%s: %s (%s) has not ended", node->name,
                       op->record.id, verb_names[op->record.verb]);
        if (node->settings.kind != ROLE_UPSTREAM)
            check_fail(world, "never stuck", "%s: result of %s (%s) is not settled", node->name,
                       op->record.id, verb_names[op->record.verb]);
    }
    list_each(at, next, &book->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        if (vm->state == VM_DELETING || vm->state == VM_DELETED || vm->state == VM_FAILED ||
            vm->state == VM_PENDING)
            check_fail(world, "never stuck", "%s: %s is still %s", node->name, vm->id,
                       vm_state_names[vm->state]);
    }
}

/* What is written on a level is what is true on the hosts. */
static void check_truth(struct sim_world *world, struct sim_node *node) {
    const struct book *book = role_book(node->role);
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &book->vms) {
        const struct vm *vm = &container_of(at, struct book_vm, by_age)->record;
        uint32_t found = 0;
        for (uint32_t i = 0; i < world->nodes_count; i++) {
            const struct sim_domain *domain = host_domain(&world->nodes[i], vm->id);
            found += domain != NULL;
            if (domain && domain->state != vm->state)
                check_fail(world, "wanted is actual", "%s says %s is %s, it is %s", node->name,
                           vm->id, vm_state_names[vm->state], vm_state_names[domain->state]);
        }
        if (found != (vm->state == VM_LOST ? 0 : 1))
            check_fail(world, "wanted is actual", "%s says %s is %s, it has %u domains",
                       node->name, vm->id, vm_state_names[vm->state], found);
    }
    list_each(at, next, &node->domains) {
        const struct sim_domain *domain = container_of(at, struct sim_domain, node);
        if (!book_vm(role_book(world_upstream(world)->role), domain->vm))
            check_fail(world, "no orphan", "%s has %s, which nobody knows above", node->name,
                       domain->vm);
    }
}

void check_end(struct sim_world *world) {
    const struct book *cloud = role_book(world_upstream(world)->role);
    struct list *at = NULL, *next = NULL;
    for (uint32_t i = 0; i < world->nodes_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (!node->role)
            check_fail(world, "comes back", "%s is down", node->name);
        check_quiet(world, node);
        check_truth(world, node);
    }
    list_each(at, next, &world->accepted) {
        const struct sim_accepted *accepted = container_of(at, struct sim_accepted, node);
        if (!book_op(cloud, accepted->op))
            check_fail(world, "nothing lost", "%s was answered and is not known", accepted->op);
    }
}
