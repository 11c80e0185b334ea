/* Several upstream managers on one cluster: each has the room that is kept for it, whatever the
 * others ask; and sees what its owner lets it see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cluster.h"
#include "message/owner.h"

enum { dimensions = 3 };
struct sums {
    uint64_t of[dimensions];
};


/* Of each manager: what it was told last, and how often. */
static struct capacity seen[2];
static size_t told[2];

static void look(void) {
    for (size_t i = 0; i < bench.effects.count; i++) {
        const struct effect *effect = &bench.effects.items[i];
        if (effect->kind != EFFECT_SEND || effect->send.message.kind != MESSAGE_CAPACITY)
            continue;
        size_t which = text_equal(effect->send.address, other->setting.address);
        record_clear(&capacity_table, &seen[which]);
        record_clone(&capacity_table, &effect->send.message.capacity, &seen[which]);
        told[which]++;
    }
}

static void pass(void) {
    look();
    bench_pass(&bench, 200);
    look();
}

static int set_up(void **state) {
    (void)state;
    memset(told, 0, sizeof(told));
    cluster_open((const uint64_t[]){2, 2, 2}, 3, (struct amounts){0});
    look();
    pass();
    return 0;
}

static int tear_down(void **state) {
    for (size_t i = 0; i < 2; i++) {
        record_clear(&capacity_table, &seen[i]);
        seen[i] = (struct capacity){0};
    }
    return cluster_tear_down(state);
}

static const struct owned_lending *ask(const char *who, struct request request) {
    text_set(request.key, who);
    const struct reply *reply = bench_ask(&bench, &request);
    assert_int_equal(reply->kind, REPLY_RECORD);
    return reply->record.data;
}

static void share(const char *who, struct share share) {
    (void)ask(who, (struct request){.kind = REQUEST_SHARE_SET, .share = share});
    look();
}

static char *name_of(char prefix, size_t number, char *out) {
    text_format(out, 8, "%c%zu", prefix, number);
    return out;
}

static void room_that_is_kept_is_neither_shown_nor_given_to_another(void **state) {
    (void)state;
    share("manager-1", (struct share){.kept = {.cpus = 22}}); /* of 24 */
    pass();
    assert_int_equal(seen[0].cpus_free, 2);
    assert_int_equal(seen[0].cpus_total, 24);
    assert_int_equal(seen[0].fits[0].count, 2);
    assert_int_equal(seen[0].fits[1].count, 0);
    assert_int_equal(seen[1].cpus_free, 24);
    assert_int_equal(seen[1].fits[1].count, 6);
    bench_say(&bench, cloud, bench_define("1", "1", 1, &bench_shapes[1])); /* in spite of that */
    cluster_image(CODE_OK);
    cluster_assert_result(cloud, CODE_NO_CAPACITY, VM_FAILED);
    cluster_run_vm(cloud, "2", "2");
    bench_say(&bench, other, bench_define("3", "3", 1, &bench_shapes[1]));
    cluster_image(CODE_OK);
    cluster_answer(CODE_OK, VM_RUNNING);
    cluster_assert_result(other, CODE_OK, VM_RUNNING);
}

/* What it takes of its own is free no more, and kept no more. */
static void what_one_does_with_its_own_shows_in_no_sum_of_another(void **state) {
    (void)state;
    share("manager-1", (struct share){.kept = {.cpus = 12, .memory_mib = 12288, .disk_gib = 150}});
    pass();
    for (size_t i = 0; i < 5; i++) {
        char name[8];
        bench_say(&bench, other, bench_define(name_of('b', i, name), name, 1, &bench_shapes[1]));
        pass();
        struct sums frees = {{seen[0].cpus_free, seen[0].memory_mib_free, seen[0].disk_gib_free}};
        uint64_t beyond = i < 3 ? 0 : i - 2;
        assert_int_equal(frees.of[0], 12 - 4 * beyond);
        assert_int_equal(frees.of[1], 12288 - 4096 * beyond);
        assert_int_equal(frees.of[2], 150 - 50 * beyond);
        assert_int_equal(seen[1].cpus_free, 24 - 4 * (i + 1));
    }
}

static void within_a_step_nothing_is_told(void **state) {
    (void)state;
    share("manager-0", (struct share){.steps = {.vms = 4, .cpus = 10, .memory_mib = 10000}});
    pass();
    assert_int_equal(seen[0].cpus_total, 20);
    assert_int_equal(seen[0].cpus_free, 20);
    assert_int_equal(seen[0].memory_mib_free, 20000);
    assert_int_equal(seen[0].disk_gib_free, 300); /* without a step: exactly */
    assert_int_equal(seen[0].fits[0].count, 4);
    share("manager-0", (struct share){.steps = {.vms = 4, .cpus = 10, .memory_mib = 10000,
                                                .disk_gib = 1000}});
    pass();
    assert_int_equal(seen[0].disk_gib_total, 0);
    size_t exact = told[1], coarse = told[0];
    bench_hello(&bench, bench_agent(&bench, 2), 1); /* one VM less of each */
    pass();
    assert_int_equal(told[0], coarse);
    assert_int_equal(told[1], exact + 1);
    bench_hello(&bench, bench_agent(&bench, 1), 0);
    pass();
    assert_int_equal(told[0], coarse + 1);
    assert_int_equal(seen[0].cpus_free, 10);
    assert_int_equal(seen[0].fits[0].count, 0);
}

static void a_share_outlives_a_restart_until_it_is_reset(void **state) {
    (void)state;
    static const struct share configured[2] = {{.weight = 2, .kept = {.cpus = 3}}};
    bench.settings.shares = configured; /* somebody edits the file meanwhile */
    share("manager-0", (struct share){.weight = 5, .steps = {.vms = 2}});
    bench_restart(&bench);
    const struct owned_lending *shown =
        ask("manager-0", (struct request){.kind = REQUEST_UPSTREAM_SHOW});
    assert_int_equal(shown->share.weight, 5);
    assert_int_equal(shown->share.kept.cpus, 0);
    assert_int_equal(shown->share.steps.vms, 2);
    assert_int_equal(shown->share_from, ORIGIN_SET);
    shown = ask("manager-0", (struct request){.kind = REQUEST_SHARE_RESET});
    assert_int_equal(shown->share.weight, 2);
    assert_int_equal(shown->share.kept.cpus, 3);
    assert_int_equal(shown->share_from, ORIGIN_CONFIGURED);
    bench_restart(&bench);
    shown = ask("manager-0", (struct request){.kind = REQUEST_UPSTREAM_SHOW});
    assert_int_equal(shown->share.weight, 2);
}

/* What the role was told, remembered by other means. */
struct model {
    struct prng prng;
    uint64_t room[3];
    bool up[3], cordoned[3];
    struct amounts limits[2];
    struct share shares[2];
    uint64_t vms[2];
};

static uint64_t pick(struct model *model, uint64_t bound) {
    return prng_below(&model->prng, bound);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static struct sums of_limits(const struct amounts *limits) {
    return (struct sums){{limits->cpus, limits->memory_mib, limits->disk_gib}};
}

static struct sums of_vms(uint64_t count, size_t shape) {
    const struct size *size = &bench_shapes[shape].size;
    return (struct sums){{count * size->cpus, count * size->memory_mib, count * size->disk_gib}};
}

static uint64_t all_room(const struct model *model) {
    uint64_t sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += model->up[i] && !model->cordoned[i] ? model->room[i] : 0;
    return sum;
}

/* Of what is free: as much as the manager may have beside the other one. */
static struct sums left(const struct model *model, size_t which) {
    const struct model *m = model;
    struct sums free = of_vms(all_room(model), 1), used = of_vms(m->vms[!which], 0);
    struct sums kept = of_limits(&m->shares[!which].kept), most = of_limits(&m->limits[!which]);
    for (size_t i = 0; i < dimensions; i++) {
        uint64_t whole = most.of[i] ? least(most.of[i], kept.of[i]) : kept.of[i];
        free.of[i] = minus(free.of[i], minus(whole, used.of[i]));
    }
    return free;
}

static uint64_t down(uint64_t count, uint64_t step) { return step ? count / step * step : count; }

static void assert_shown(const struct model *model, size_t which) {
    const struct capacity *shown = &seen[which];
    struct sums whole = of_vms(all_room(model), 1), free = left(model, which);
    struct sums most = of_limits(&model->limits[which]), used = of_vms(model->vms[which], 0);
    struct sums steps = of_limits(&model->shares[which].steps), whole_free = free;
    uint64_t totals[] = {shown->cpus_total, shown->memory_mib_total, shown->disk_gib_total};
    uint64_t frees[] = {shown->cpus_free, shown->memory_mib_free, shown->disk_gib_free};
    for (size_t i = 0; i < dimensions; i++) {
        if (most.of[i]) {
            whole.of[i] = least(whole.of[i], most.of[i]);
            free.of[i] = least(free.of[i], minus(most.of[i], used.of[i]));
        }
        assert_int_equal(totals[i], down(whole.of[i], steps.of[i]));
        assert_int_equal(frees[i], down(free.of[i], steps.of[i]));
    }
    for (size_t shape = 0; shape < 2; shape++) {
        uint64_t fits = all_room(model), vms = model->limits[which].vms;
        struct sums size = of_vms(1, shape), kept = of_limits(&model->shares[!which].kept);
        for (size_t i = 0; i < dimensions; i++) {
            fits = kept.of[i] ? least(fits, whole_free.of[i] / size.of[i]) : fits;
            fits = most.of[i] ? least(fits, minus(most.of[i], used.of[i]) / size.of[i]) : fits;
        }
        fits = vms ? least(fits, minus(vms, model->vms[which])) : fits;
        assert_int_equal(shown->fits[shape].count, down(fits, model->shares[which].steps.vms));
    }
}

/* Some is kept for the other: would one small VM take of that? */
static bool intrudes(const struct model *model, size_t which) {
    struct sums free = left(model, which), size = of_vms(1, 0);
    struct sums used = of_vms(model->vms[!which], 0);
    struct sums kept = of_limits(&model->shares[!which].kept);
    struct sums most = of_limits(&model->limits[!which]);
    bool intrudes = false;
    for (size_t i = 0; i < dimensions; i++) {
        uint64_t whole = most.of[i] ? least(most.of[i], kept.of[i]) : kept.of[i];
        intrudes |= whole > used.of[i] && free.of[i] < size.of[i];
    }
    return intrudes;
}

static bool exceeds(const struct model *model, size_t which) {
    const struct amounts *limits = &model->limits[which];
    struct sums most = of_limits(limits), next = of_vms(model->vms[which] + 1, 0);
    bool exceeds = limits->vms && model->vms[which] >= limits->vms;
    for (size_t i = 0; i < dimensions; i++)
        exceeds |= most.of[i] && next.of[i] > most.of[i];
    return exceeds;
}

static void defines(struct model *model) {
    size_t which = pick(model, 2);
    char name[8], prefix = which ? 'b' : 'a';
    struct message instruct;
    if (model->vms[which] == 6)
        return;
    (void)name_of(prefix, model->vms[which], name);
    bench_say(&bench, which ? other : cloud, bench_define(name, name, 1, &bench_shapes[0]));
    bool permitted = bench_last(&bench, EFFECT_IMAGE) != NULL;
    assert_int_equal(permitted, !exceeds(model, which));
    if (permitted) {
        cluster_image(CODE_OK);
        bool placed = cluster_instructed(&instruct) != NULL;
        assert_int_equal(placed, all_room(model) && !intrudes(model, which));
        permitted = placed;
        look();
        if (placed)
            cluster_answer(CODE_OK, VM_RUNNING);
    }
    struct message settled = {.kind = MESSAGE_SETTLED};
    const struct message *result =
        bench_told(&bench, which ? other : cloud, MESSAGE_RESULT);
    assert_non_null(result);
    text_set(settled.settled.op, result->result.op);
    look();
    bench_say(&bench, which ? other : cloud, settled);
    model->vms[which] += permitted;
}

static struct amounts some(struct model *model, uint64_t most) {
    struct amounts amounts = {.vms = pick(model, most), .cpus = pick(model, most) * 3,
                              .memory_mib = pick(model, most) * 1000,
                              .disk_gib = pick(model, most) * 20};
    return pick(model, 2) ? amounts : (struct amounts){0};
}

static void decides(struct model *model) {
    static const char *const names[] = {"manager-0", "manager-1"};
    size_t which = pick(model, 2), host = pick(model, 3);
    struct request cordon = {.kind = model->cordoned[host] ? REQUEST_HOST_UNCORDON
                                                           : REQUEST_HOST_CORDON};
    switch (pick(model, 3)) {
    case 0:
        model->limits[which] = some(model, 8);
        (void)ask(names[which], (struct request){.kind = REQUEST_LIMITS_SET,
                                                 .limits = model->limits[which]});
        return;
    case 1:
        model->shares[which] = (struct share){.kept = some(model, 6), .steps = some(model, 4)};
        model->shares[which].kept.vms = 0;
        share(names[which], model->shares[which]);
        return;
    default:
        text_format(cordon.key, sizeof(cordon.key), "agent-%zu", host);
        (void)bench_ask(&bench, &cordon);
        model->cordoned[host] = !model->cordoned[host];
    }
}

static void a_random_step(struct model *model) {
    size_t host = pick(model, 3);
    switch (pick(model, 3)) {
    case 0:
        model->room[host] = pick(model, 5);
        model->up[host] = true;
        bench_hello(&bench, bench_agent(&bench, host), model->room[host]);
        return;
    case 1:
        defines(model);
        return;
    default:
        decides(model);
    }
}

/* What each is shown after any history is what is computed from scratch. */
static void what_is_shown_is_what_there_is_by_the_owners_policy(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct model model = {.room = {2, 2, 2}, .up = {true, true, true}};
        (void)tear_down(NULL);
        (void)set_up(NULL);
        prng_init(&model.prng, seed);
        for (size_t i = 0; i < 150; i++) {
            /* each has heard of the last step */
            struct message beat = {.kind = MESSAGE_BEAT};
            for (size_t k = 0; k < 3; k++)
                bench_say(&bench, bench_agent(&bench, k), beat);
            a_random_step(&model);
            pass();
            assert_shown(&model, 0);
            assert_shown(&model, 1);
        }
    }
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_cluster(room_that_is_kept_is_neither_shown_nor_given_to_another),
        with_cluster(what_one_does_with_its_own_shows_in_no_sum_of_another),
        with_cluster(within_a_step_nothing_is_told),
        with_cluster(a_share_outlives_a_restart_until_it_is_reset),
        with_cluster(what_is_shown_is_what_there_is_by_the_owners_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
