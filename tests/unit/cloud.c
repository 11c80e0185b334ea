#include "cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *const tokens[] = {
    [cloud_nobody] = "",
    [cloud_stranger] = "9999999999999999999999999999999999999999999999999999999999999999",
    [cloud_operator] = "0000000000000000000000000000000000000000000000000000000000000000",
    [cloud_alice] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    [cloud_bob] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    [cloud_chat] = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
};

struct request cloud_request(struct cloud *cloud, enum cloud_user user, enum request_kind kind) {
    struct request request = {.kind = kind, .handle = ++cloud->handle};
    text_set(request.token_hash, tokens[user]);
    return request;
}

struct request cloud_wish(struct cloud *cloud, enum cloud_user user, const char *name) {
    struct request request = cloud_request(cloud, user, REQUEST_VM_CREATE);
    struct vm_create *wish = &request.vm_create;
    text_set(wish->name, name);
    text_set(wish->shape, "small");
    text_set(wish->image, "debian");
    wish->start = true;
    return request;
}

struct request cloud_act(struct cloud *cloud, enum cloud_user user, enum verb verb,
                         const char *key) {
    struct request request = cloud_request(cloud, user, REQUEST_VM_ACT);
    request.verb = verb;
    text_set(request.key, key);
    return request;
}

void cloud_add_tenant(struct cloud *cloud, const char *name, enum cloud_user user) {
    struct request request = cloud_request(cloud, cloud_operator, REQUEST_TENANT_CREATE);
    text_set(request.tenant_create.name, name);
    text_set(request.new_token_hash, tokens[user]);
    assert_int_equal(bench_ask(&cloud->bench, &request)->kind, REPLY_CREATED);
}

static void add_image(struct cloud *cloud, const char *name, int digest, uint32_t disk_gib) {
    struct request request = cloud_request(cloud, cloud_operator, REQUEST_IMAGE_ADD);
    request.image.disk_gib = disk_gib;
    text_set(request.image.name, name);
    text_format(request.image.digest, limit_digest_size, "%064d", digest);
    assert_int_equal(bench_ask(&cloud->bench, &request)->kind, REPLY_CREATED);
}

int cloud_set_up(void **state) {
    static const struct network networks[] = {{"lan", "of people"}, {"wan", ""}};
    struct cloud *cloud = *state;
    struct role_settings settings = {.kind = ROLE_UPSTREAM, .seed = 5, .beat_ms = 10000,
                                     .usage_ms = 60000,
                                     .hold_down_ms = 30000, .operation_ms = 60000,
                                     .shapes = bench_shapes, .shapes_count = 2,
                                     .networks = networks, .networks_count = 2,
                                     .agents_count = 2, .hash = bench_hash, .mails = true,
                                     .stream_url = "wss://cloud.example",
                                     .stream_pin = bench_pin};
    text_set(settings.operator_token_hash, tokens[cloud_operator]);
    text_set(settings.chat_token_hash, tokens[cloud_chat]);
    *cloud = (struct cloud){.handle = 100};
    bench_init(&cloud->bench, &settings);
    cloud->north = bench_agent(&cloud->bench, 0);
    cloud->south = bench_agent(&cloud->bench, 1);
    cloud_add_tenant(cloud, "alice", cloud_alice);
    cloud_add_tenant(cloud, "bob", cloud_bob);
    add_image(cloud, "debian", 1, 5);
    add_image(cloud, "huge", 2, 6);
    bench_hello(&cloud->bench, cloud->north, 2);
    bench_hello(&cloud->bench, cloud->south, 1);
    return 0;
}

int cloud_tear_down(void **state) {
    struct cloud *cloud = *state;
    bench_deinit(&cloud->bench);
    return 0;
}

void cloud_assert_refused(struct cloud *cloud, const struct request *request, enum code code,
                          const char *field) {
    uint64_t vms = role_book(cloud->bench.role)->vms_count;
    uint64_t ops = role_book(cloud->bench.role)->ops_count;
    const struct reply *reply = bench_ask(&cloud->bench, request);
    assert_non_null(reply);
    assert_int_equal(reply->kind, REPLY_PROBLEM);
    if (reply->code != code)
        fail_msg("%s instead of %s: %s", code_names[reply->code], code_names[code], reply->text);
    assert_string_equal(reply->field, field);
    assert_true(*reply->text);
    assert_int_equal(bench_done(&cloud->bench), 1); /* the reply alone: nothing is half-made */
    assert_int_equal(role_book(cloud->bench.role)->vms_count, vms);
    assert_int_equal(role_book(cloud->bench.role)->ops_count, ops);
}

struct id cloud_begin(struct cloud *cloud, const struct request *request) {
    struct id id;
    const struct reply *reply = bench_ask(&cloud->bench, request);
    assert_non_null(reply);
    if (reply->kind != REPLY_OPERATION)
        fail_msg("no operation: %s", reply->text);
    text_set(id.text, ((const struct operation *)reply->record.data)->id);
    return id;
}

struct id cloud_run_vm(struct cloud *cloud, enum cloud_user user, const char *name) {
    struct request wish = cloud_wish(cloud, user, name);
    struct id vm, op = cloud_begin(cloud, &wish);
    text_set(vm.text, cloud_op(cloud, op.text)->vm);
    cloud_answer(cloud, CODE_OK, VM_RUNNING);
    assert_int_equal(cloud_op(cloud, op.text)->state, OP_SUCCEEDED);
    return vm;
}

struct far *cloud_instructed(struct cloud *cloud, struct message *out_instruct) {
    struct far *clusters[] = {cloud->north, cloud->south};
    for (size_t i = 0; i < array_size(clusters); i++) {
        const struct message *told = bench_told(&cloud->bench, clusters[i], MESSAGE_INSTRUCT);
        if (!told)
            continue;
        *out_instruct = *told; /* its numbers; what it owns stays with the effect */
        return clusters[i];
    }
    return NULL;
}

void cloud_answer(struct cloud *cloud, enum code code, enum vm_state state) {
    struct message instruct;
    struct far *cluster = cloud_instructed(cloud, &instruct);
    assert_non_null(cluster);
    bench_say(&cloud->bench, cluster, bench_result(&instruct, code, state));
    assert_non_null(bench_told(&cloud->bench, cluster, MESSAGE_SETTLED));
}

const struct operation *cloud_op(const struct cloud *cloud, const char *id) {
    const struct book_op *op = book_op(role_book(cloud->bench.role), id);
    return op ? &op->record : NULL;
}

const struct vm *cloud_vm(const struct cloud *cloud, const char *id) {
    const struct book_vm *vm = book_vm(role_book(cloud->bench.role), id);
    return vm ? &vm->record : NULL;
}
