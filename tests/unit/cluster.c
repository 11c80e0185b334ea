#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bench bench;
struct far *cloud, *other;

void cluster_open(const uint64_t *rooms, size_t hosts, struct amounts limit) {
    const struct amounts limits[2] = {limit, {0}};
    const struct role_settings settings = {.kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000,
                                           .hold_down_ms = 30000, .agents_count = hosts,
                                           .managers_count = 2, .limits = limits,
                                           .hash = bench_hash,
                                           .stream_url = "wss://cluster.example",
                                           .stream_pin = bench_pin};
    bench_init(&bench, &settings);
    bench.settings.limits = NULL;
    cloud = bench_manager(&bench, 0);
    other = bench_manager(&bench, 1);
    bench_welcome(&bench, cloud);
    bench_welcome(&bench, other);
    for (size_t i = 0; i < hosts; i++)
        bench_hello(&bench, bench_agent(&bench, i), rooms[i]);
    bench_pass(&bench, 200);
}

int cluster_tear_down(void **state) {
    (void)state;
    bench_deinit(&bench);
    return 0;
}

void cluster_reopen(const uint64_t *rooms, size_t hosts, struct amounts limit) {
    bench_deinit(&bench);
    cluster_open(rooms, hosts, limit);
}

void cluster_image(enum code code) {
    struct event event = {.kind = EVENT_IMAGE, .image.code = code};
    const struct effect *asked = bench_last(&bench, EFFECT_IMAGE);
    assert_non_null(asked);
    text_set(event.image.digest, asked->image.digest);
    event.image.link = asked->image.link;
    effects_clear(&bench.effects);
    bench_step(&bench, event);
}

struct far *cluster_instructed(struct message *out_instruct) {
    for (size_t i = 0; i < bench.settings.agents_count; i++) {
        const struct message *told =
            bench_told(&bench, bench_agent(&bench, i), MESSAGE_INSTRUCT);
        if (!told)
            continue;
        *out_instruct = *told;
        return bench_agent(&bench, i);
    }
    return NULL;
}

void cluster_answer(enum code code, enum vm_state vm) {
    struct message instruct;
    struct far *host = cluster_instructed(&instruct);
    assert_non_null(host);
    bench_say(&bench, host, bench_result(&instruct, code, vm));
}

void cluster_assert_result(struct far *manager, enum code code, enum vm_state vm) {
    const struct message *told = bench_told(&bench, manager, MESSAGE_RESULT);
    assert_non_null(told);
    if (told->result.code != code)
        fail_msg("%s instead of %s", code_names[told->result.code], code_names[code]);
    assert_int_equal(told->result.state, vm);
}

void cluster_run_vm(struct far *manager, const char *op, const char *vm) {
    bench_say(&bench, manager, bench_define(op, vm, 1, &bench_shapes[0]));
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    cluster_assert_result(manager, CODE_OK, VM_RUNNING);
}

const struct capacity *cluster_shown(struct far *manager) {
    const struct message *told = bench_told(&bench, manager, MESSAGE_CAPACITY);
    assert_non_null(told);
    return &told->capacity;
}
