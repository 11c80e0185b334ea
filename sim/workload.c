#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/world.h"

enum { pause_most_ms = 2000 };

static uint64_t pick(struct sim_world *world, uint64_t bound) {
    return prng_below(&world->workload, bound);
}

static void send(struct sim_world *world, struct request *request) {
    struct sim_node *cloud = world_upstream(world);
    struct event event = {.kind = EVENT_REQUEST, .request = request};
    request->handle = ++world->last_handle;
    if (cloud->role)
        world_step(world, cloud, &event);
}

static void fill_tenant(struct sim_world *world, struct request *request) {
    text_format(request->token_hash, sizeof(request->token_hash), "%064u",
                (unsigned)pick(world, world->settings.tenants));
}

static void ask_create(struct sim_world *world, struct request *request) {
    struct vm_create *wish = &request->vm_create;
    request->kind = REQUEST_VM_CREATE;
    text_format(wish->name, sizeof(wish->name), "vm%u", (unsigned)pick(world, 30));
    text_format(wish->shape, sizeof(wish->shape), "shape%u", (unsigned)pick(world, 2));
    text_format(wish->image, sizeof(wish->image), "tiny");
    wish->start = pick(world, 4) != 0;
    if (pick(world, 3) == 0)
        wish->user_data = memory_text("#cloud-config\n");
    if (pick(world, 50) == 0)
        text_format(wish->shape, sizeof(wish->shape), "none");
}

static void ask_act(struct sim_world *world, struct request *request) {
    static const enum verb verbs[] = {VERB_START, VERB_STOP,   VERB_SHUTDOWN,
                                      VERB_REBOOT, VERB_DELETE, VERB_DELETE};
    request->kind = REQUEST_VM_ACT;
    request->verb = verbs[pick(world, array_size(verbs))];
    text_format(request->key, sizeof(request->key), "vm%u", (unsigned)pick(world, 30));
}

static void on_request(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    if (world->requests >= world->settings.operations)
        return;
    world->requests++;
    struct request request = {0};
    fill_tenant(world, &request);
    if (pick(world, 2))
        ask_create(world, &request);
    else
        ask_act(world, &request);
    if (pick(world, 3) == 0)
        request.deadline_ms = 1000 + pick(world, 60000);
    if (pick(world, 2)) {
        text_format(request.idempotency_key, sizeof(request.idempotency_key), "key%u",
                    (unsigned)pick(world, 1000000));
        request.body_hash = pick(world, UINT64_MAX);
    }
    if (pick(world, 4) == 0)
        request.wait_ms = pick(world, 20000);
    send(world, &request);
    if (*request.idempotency_key && pick(world, 3) == 0)
        send(world, &request); /* a tenant's retry */
    record_clear(&vm_create_table, &request.vm_create);
    world_later(world, NULL, 1 + pick(world, pause_most_ms), on_request);
}

/* Tenants and the image are there from the beginning; repeated until they have taken. */
static void on_prepare(struct sim_world *world, struct occurrence *occurrence) {
    (void)occurrence;
    for (uint32_t i = 0; i < world->settings.tenants; i++) {
        struct request request = {.kind = REQUEST_TENANT_CREATE};
        text_format(request.token_hash, sizeof(request.token_hash), "operator");
        text_format(request.new_token_hash, sizeof(request.new_token_hash), "%064u", i);
        text_format(request.tenant_create.name, sizeof(request.tenant_create.name), "tenant%u",
                    i);
        send(world, &request);
    }
    struct request request = {.kind = REQUEST_IMAGE_ADD, .image = {.disk_gib = 1}};
    text_format(request.token_hash, sizeof(request.token_hash), "operator");
    text_format(request.image.name, sizeof(request.image.name), "tiny");
    text_format(request.image.digest, sizeof(request.image.digest), "%064u", 7);
    send(world, &request);
}

void workload_begin(struct sim_world *world) {
    for (uint64_t i = 0; i < 4; i++)
        world_later(world, NULL, 1 + i * 30000, on_prepare);
    world_later(world, NULL, 5000, on_request);
}

void workload_on_reply(struct sim_world *world, const struct reply *reply) {
    world->replies++;
    if (reply->kind == REPLY_PROBLEM)
        world->problems++;
    if (reply->kind != REPLY_OPERATION)
        return;
    const struct operation *op = reply->record.data;
    struct sim_accepted *accepted = memory_new(1, sizeof(*accepted));
    (void)text_copy(accepted->op, sizeof(accepted->op), op->id);
    list_add(&world->accepted, &accepted->node);
    world->operations_accepted++;
}
