/* Tenants and the operator: valid and invalid requests, repeats with the same idempotency key,
 * deletes that race creates. */
#include "sim/actors/workload.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "core/books/book.h"
#include "core/books/lifecycle.h"
#include "core/event.h"
#include "core/role.h"
#include "sim/parts/step.h"
#include "sim/parts/reach/ways.h"
#include "sim/world/fact.h"
#include "sim/world/node.h"

static uint64_t pick(struct sim_world *world, uint64_t bound) {
    return prng_below(&world->workload, bound);
}

void workload_send(struct sim_world *world, struct sim_node *cloud, struct request *request) {
    struct event event = {.kind = EVENT_REQUEST, .request = request};
    if (!node_serves(cloud))
        return; /* connection refused */
    request->handle = ++world->last_handle;
    text_format(request->stream.secret, sizeof(request->stream.secret), "%llu",
                (unsigned long long)request->handle); /* each has its own */
    text_set(request->stream.key, "key");
    world->stats.requests++;
    world_observe(world, &(struct fact){FACT_ASKED, cloud, .request = request});
    ways_ask(world, cloud, request);
    step_give(world, cloud, &event);
}

/* The rule of a group goes by its name, so that it can be checked at any time. */
static void ask_where(struct sim_world *world, struct vm_create *wish) {
    static const char *const kinds[] = {"kind=apple", "kind=pear", "zone=a", "kind=quince"};
    if (!world->settings.placing || pick(world, 1000) >= world->settings.placing)
        return;
    uint64_t group = pick(world, GROUP_RULE_COUNT);
    wish->placing.rule = (enum group_rule)group;
    wish->placing.strategy = pick(world, 3) ? STRATEGY_SPREAD : STRATEGY_PACK;
    if (group)
        text_format(wish->group, sizeof(wish->group), "%s%u", group_rule_names[group],
                    (unsigned)pick(world, 3));
    if (pick(world, 4) == 0)
        wish->placing.must = memory_text(kinds[pick(world, array_size(kinds))]);
    if (pick(world, 3) == 0)
        wish->placing.prefer = memory_text(kinds[pick(world, array_size(kinds))]);
    if (pick(world, 6) == 0)
        wish->host_must = memory_text(kinds[pick(world, array_size(kinds))]);
    if (pick(world, 6) == 0)
        wish->host_prefer = memory_text(kinds[pick(world, array_size(kinds))]);
    if (pick(world, 3) == 0)
        wish->placing.avoid = memory_text(kinds[pick(world, array_size(kinds))]);
}

static char *some_rules(struct sim_world *world) {
    static const char *const rules[] = {"tcp:22", "none", "icmp,tcp:80-90@192.0.2.0/24"};
    return memory_text(rules[pick(world, array_size(rules))]);
}

static void ask_networks(struct sim_world *world, struct vm_create *wish) {
    static const char *const networks[] = {"lan-blue", "lan-red", "lan-blue,lan-red",
                                           "lan-red,lan-red", "lan-blue,none"};
    if (!world->settings.networks || pick(world, 1000) >= world->settings.networks)
        return;
    wish->networks = memory_text(networks[pick(world, array_size(networks))]);
    if (world->settings.allow && pick(world, 1000) < world->settings.allow)
        wish->allow = some_rules(world);
}

enum on_drain workload_on_drain(const struct sim_world *world, const char *name) {
    unsigned long number = strtoul(name + strlen("plum"), NULL, 10);
    return (enum on_drain)(number % (world->settings.live ? ON_DRAIN_COUNT : ON_DRAIN_MIGRATE));
}

enum on_loss workload_on_loss(const struct sim_world *world, const char *name) {
    uint64_t chance = map_hash(world->settings.seed ^ 0x9999, name, strlen(name)) % 1000;
    uint64_t then = map_hash(world->settings.seed ^ 0xbbbb, name, strlen(name)) % 1000;
    enum on_loss restarts = then < world->settings.anywhere ? ON_LOSS_ANYWHERE : ON_LOSS_RESTART;
    return chance < world->settings.leases ? restarts : ON_LOSS_STAY;
}

enum restart_from workload_restart_from(const struct sim_world *world, const char *name) {
    uint64_t chance = map_hash(world->settings.seed ^ 0xdddd, name, strlen(name)) % 1000;
    return workload_on_loss(world, name) == ON_LOSS_RESTART && chance < world->settings.from_copy
               ? RESTART_FROM_COPY
               : RESTART_FROM_IMAGE;
}

uint32_t workload_copy_every_s(const struct sim_world *world, const char *name) {
    enum { least_s = 600, parts = 3 };
    uint64_t drawn = map_hash(world->settings.seed ^ 0xeeee, name, strlen(name));
    return drawn % 1000 < world->settings.intervals
               ? least_s + (uint32_t)(drawn / 1000 % parts) * least_s
               : 0;
}

static void ask_create(struct sim_world *world, struct request *request) {
    struct vm_create *wish = &request->vm_create;
    request->kind = REQUEST_VM_CREATE;
    text_format(wish->name, sizeof(wish->name), "plum%u",
                (unsigned)pick(world, world->settings.names));
    text_format(wish->shape, sizeof(wish->shape), "shape%u",
                (unsigned)pick(world, world->settings.shapes));
    text_format(wish->image, sizeof(wish->image), "tiny");
    wish->start = pick(world, 4) != 0;
    /* What may become of it goes by the name, so that it can be checked at any time. */
    wish->on_drain = workload_on_drain(world, wish->name);
    wish->on_loss = (enum on_loss_wish)(LOSS_WISH_STAY + workload_on_loss(world, wish->name));
    wish->restart_from = workload_restart_from(world, wish->name);
    wish->copy_every_s = workload_copy_every_s(world, wish->name);
    ask_where(world, wish);
    ask_networks(world, wish);
    if (pick(world, 3) == 0)
        wish->user_data = memory_text("#cloud-config of people\n");
    if (pick(world, 50) == 0)
        text_format(wish->shape, sizeof(wish->shape), "none");
    if (pick(world, 50) == 0)
        text_format(wish->image, sizeof(wish->image), "none");
    if (pick(world, 50) == 0)
        text_format(wish->placing.cluster, sizeof(wish->placing.cluster), "nowhere");
}

/* A VM that is there, mostly; NULL: any name. */
static const struct vm *some_vm(struct sim_world *world, const struct sim_node *cloud) {
    const struct book *book = role_book(cloud->role);
    if (!book->vms_count || pick(world, 8) == 0)
        return NULL;
    uint64_t chosen = pick(world, book->vms_count);
    const struct list *at = book->vms.next;
    while (chosen--)
        at = at->next;
    return &container_of(at, struct book_vm, by_age)->record;
}

static bool is_open_to(const struct vm *vm, enum verb verb) {
    return lifecycle_permits(verb, vm->state) && !vm->locked_ms == (verb != VERB_UNLOCK);
}

static enum verb any_verb(struct sim_world *world) {
    static const enum verb verbs[] = {VERB_START,   VERB_STOP,  VERB_SHUTDOWN, VERB_REBOOT,
                                      VERB_DELETE,  VERB_START, VERB_PAUSE,    VERB_RESUME,
                                      VERB_SUSPEND, VERB_RESUME};
    static const enum verb above[] = {VERB_LOCK, VERB_UNLOCK, VERB_UNLOCK, VERB_RENAME,
                                      VERB_EDIT};
    return pick(world, 6) ? verbs[pick(world, array_size(verbs))]
                          : above[pick(world, array_size(above))];
}

/* Draws a verb that is legal now, mostly. */
static enum verb some_verb(struct sim_world *world, const struct vm *vm) {
    enum verb verb = any_verb(world);
    for (int i = 0; i < 8 && vm && pick(world, 10) && !is_open_to(vm, verb); i++)
        verb = any_verb(world);
    return verb;
}

/* What makes sense for the VM, mostly. */
static void ask_reshape(struct sim_world *world, const struct vm *vm, struct request *request) {
    static const enum verb verbs[] = {VERB_RESIZE, VERB_RESIZE, VERB_SNAPSHOT,
                                      VERB_REVERT, VERB_REBUILD, VERB_SNAPSHOT_DELETE};
    struct vm_reshape *wish = &request->reshape;
    request->verb = verbs[pick(world, array_size(verbs))];
    text_format(wish->shape, sizeof(wish->shape), "shape%u",
                (unsigned)pick(world, world->settings.shapes));
    text_format(wish->image, sizeof(wish->image), "%s", pick(world, 2) ? "other" : "");
    text_format(wish->snapshot, sizeof(wish->snapshot), "dawn%u", (unsigned)pick(world, 3));
    if (pick(world, 50) == 0)
        text_format(wish->shape, sizeof(wish->shape), "none");
    if (vm && vm->snapshots_count && pick(world, 2))
        request->verb = pick(world, 4) ? VERB_REVERT : VERB_SNAPSHOT_DELETE;
    bool old = request->verb == VERB_REVERT || request->verb == VERB_SNAPSHOT_DELETE;
    if (old && vm && vm->snapshots_count)
        text_set(wish->snapshot, vm->snapshots[pick(world, vm->snapshots_count)].name);
}

static void ask_interface(struct sim_world *world, struct request *request) {
    static const char *const networks[] = {"lan-blue", "lan-red", "lan-blue", "lan-red",
                                           "no-network"};
    struct vm_reshape *wish = &request->reshape;
    request->verb = pick(world, 5) < 3 ? VERB_INTERFACE_ADD : VERB_INTERFACE_REMOVE;
    text_set(wish->network, networks[pick(world, array_size(networks))]);
    text_set(wish->interface, wish->network);
}

static void ask_act(struct sim_world *world, const struct sim_node *cloud,
                    struct request *request) {
    const struct vm *vm = some_vm(world, cloud);
    request->kind = REQUEST_VM_ACT;
    if (world->settings.reshape && pick(world, 1000) < world->settings.reshape)
        ask_reshape(world, vm, request);
    else
        request->verb = some_verb(world, vm);
    if (world->settings.copies && pick(world, 1000) < world->settings.copies)
        request->verb = VERB_COPY;
    if (world->settings.reallow && pick(world, 1000) < world->settings.reallow) {
        request->verb = VERB_ALLOW;
        request->vm_allow.allow = pick(world, 4) ? some_rules(world) : NULL;
    }
    if (world->settings.interfaces && pick(world, 1000) < world->settings.interfaces)
        ask_interface(world, request);
    request->hard = request->verb == VERB_REBOOT && world->requests % 2;
    text_format(request->vm_rename.name, sizeof(request->vm_rename.name), "plum%u",
                (unsigned)pick(world, 2 * world->settings.names));
    if (request->verb == VERB_EDIT && pick(world, 4))
        request->vm_edit.metadata = memory_text("stage=test");
    if (!vm) {
        text_format(request->key, sizeof(request->key), "plum%u",
                    (unsigned)pick(world, world->settings.names));
        return;
    }
    text_set(request->key, vm->id);
    if (pick(world, 10)) /* else somebody else's, as likely as not */
        text_format(request->token_hash, sizeof(request->token_hash), "%064u",
                    (unsigned)(vm->asker[6] - '0'));
}

static void ask_log(struct sim_world *world, const struct sim_node *cloud,
                    struct request *request) {
    const struct vm *vm = some_vm(world, cloud);
    request->kind = REQUEST_VM_LOG;
    text_set(request->key, vm ? vm->id : "plum0");
    if (vm && pick(world, 10)) /* else somebody else's, as likely as not */
        text_format(request->token_hash, sizeof(request->token_hash), "%064u",
                    (unsigned)(vm->asker[6] - '0'));
}

static void ask_stream(struct sim_world *world, const struct sim_node *cloud,
                       struct request *request) {
    ask_log(world, cloud, request);
    static const enum request_kind kinds[] = {REQUEST_VM_CONSOLE, REQUEST_VM_FORWARD,
                                              REQUEST_VM_SCREEN};
    request->kind = kinds[pick(world, array_size(kinds))];
    if (request->kind == REQUEST_VM_FORWARD)
        request->vm_forward.port = 1 + (uint32_t)pick(world, 3);
}

static void ask_other(struct sim_world *world, struct request *request) {
    static const enum request_kind kinds[] = {
        REQUEST_VM_LIST,    REQUEST_VM_SHOW,     REQUEST_OP_LIST,      REQUEST_OP_SHOW,
        REQUEST_SHAPE_LIST, REQUEST_IMAGE_LIST,  REQUEST_CLUSTER_LIST, REQUEST_TENANT_LIST,
        REQUEST_WHOAMI,     REQUEST_IMAGE_DELETE, REQUEST_TENANT_DELETE, REQUEST_CLUSTER_SHOW,
    };
    request->kind = kinds[pick(world, array_size(kinds))];
    text_format(request->key, sizeof(request->key), "plum%u",
                (unsigned)pick(world, world->settings.names));
    uint64_t who = pick(world, 4);
    if (who == 0)
        text_format(request->token_hash, sizeof(request->token_hash), "operator");
    else if (who == 1)
        text_format(request->token_hash, sizeof(request->token_hash), "unknown");
}

static struct request *copy_request(const struct request *request) {
    struct request *copy = memory_copy(request, sizeof(*request));
    record_clone(&vm_create_table, &request->vm_create, &copy->vm_create);
    record_clone(&vm_edit_table, &request->vm_edit, &copy->vm_edit);
    record_clone(&vm_allow_table, &request->vm_allow, &copy->vm_allow);
    return copy;
}

static void on_retry(struct sim_world *world, struct occurrence *occurrence) {
    workload_send(world, occurrence->node, occurrence->request);
}

/* A tenant that got no answer, or none that it liked, asks again with the same key. */
static void retry(struct sim_world *world, struct sim_node *cloud,
                  const struct request *request) {
    for (int i = 0; *request->idempotency_key && i < 2; i++) {
        if (pick(world, 3) != 0)
            continue;
        uint64_t delay_ms = i ? pick(world, 60000) : pick(world, 10);
        world_later(world, cloud, delay_ms, on_retry)->request = copy_request(request);
    }
}

static void on_request(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    if (world->requests >= world->settings.operations)
        return;
    /* What is asked depends on how many asked before, not on what came of it. */
    prng_init(&world->workload, map_hash(world->settings.seed ^ 0x1111,
                                         (const char *)&world->requests,
                                         sizeof(world->requests)));
    world_later(world, NULL, 1 + pick(world, world->settings.pause_ms), on_request);
    struct sim_node *cloud = world->nodes[pick(world, world->settings.upstreams)];
    struct request request = {0};
    world->requests++;
    text_format(request.token_hash, sizeof(request.token_hash), "%064u",
                (unsigned)pick(world, world->settings.tenants));
    uint64_t kind = pick(world, 20);
    world_note(world, STREAM_WORKLOAD, world->now_ms * 20 + kind);
    if (!cloud->role)
        return;
    if (world->settings.logs && pick(world, 1000) < world->settings.logs)
        ask_log(world, cloud, &request);
    else if (world->settings.streams && pick(world, 1000) < world->settings.streams)
        ask_stream(world, cloud, &request);
    else if (kind < 8)
        ask_create(world, &request);
    else if (kind < 19)
        ask_act(world, cloud, &request);
    else
        ask_other(world, &request);
    if (pick(world, 3) == 0)
        request.deadline_ms = 1000 + pick(world, 60000);
    if (pick(world, 2)) {
        text_format(request.idempotency_key, sizeof(request.idempotency_key), "key%u",
                    world->requests);
        request.body_hash = pick(world, UINT64_MAX);
    }
    if (pick(world, 4) == 0)
        request.wait_ms = pick(world, 20000);
    workload_send(world, cloud, &request);
    retry(world, cloud, &request);
    record_clear(&vm_create_table, &request.vm_create);
    record_clear(&vm_edit_table, &request.vm_edit);
    record_clear(&vm_allow_table, &request.vm_allow);
}

/* Tenants and the image are there from the beginning; repeated until they have taken. */
static void on_prepare(struct sim_world *world, struct occurrence *occurrence) {
    struct sim_node *cloud = occurrence->node;
    for (uint32_t i = 0; i < world->settings.tenants; i++) {
        struct request request = {.kind = REQUEST_TENANT_CREATE};
        text_format(request.token_hash, sizeof(request.token_hash), "operator");
        text_format(request.new_token_hash, sizeof(request.new_token_hash), "%064u", i);
        text_format(request.tenant_create.name, sizeof(request.tenant_create.name), "people%u",
                    i);
        workload_send(world, cloud, &request);
    }
    static const char *const images[] = {"tiny", "other"};
    for (size_t i = 0; i < (world->settings.reshape ? 2 : 1); i++) {
        struct request request = {.kind = REQUEST_IMAGE_ADD, .image = {.disk_gib = 1}};
        text_format(request.token_hash, sizeof(request.token_hash), "operator");
        text_format(request.image.name, sizeof(request.image.name), "%s", images[i]);
        text_format(request.image.digest, sizeof(request.image.digest), "%064zu", 7 + i);
        workload_send(world, cloud, &request);
    }
}

void workload_begin(struct sim_world *world) {
    for (uint32_t i = 0; i < world->settings.upstreams; i++)
        for (uint64_t k = 0; k < 4; k++)
            world_later(world, world->nodes[i], 1 + k * 30000, on_prepare);
    world_later(world, NULL, 5000, on_request);
}
