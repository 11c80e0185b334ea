/* Several upstream managers on one cluster: each has its part of a host's attention and the room
 * that is kept for it, whatever the others ask; and sees what its owner lets it see. */
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

static void connect(size_t hosts, uint64_t room) {
    bench_welcome(&bench, cloud);
    bench_welcome(&bench, other);
    for (size_t i = 0; i < hosts; i++)
        bench_hello(&bench, bench_agent(&bench, i), room);
    pass();
}

/* One host, on which so many operations may be under way at a time. */
static void open_narrow(uint32_t at_once) {
    cluster_open((const uint64_t[]){0}, 1, (struct owner_limits){0});
    bench.agents[0].at_once = at_once;
    bench_restart(&bench);
    connect(1, 40);
}

static int set_up(void **state) {
    (void)state;
    memset(told, 0, sizeof(told));
    cluster_open((const uint64_t[]){2, 2, 2}, 3, (struct owner_limits){0});
    look();
    pass();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bench_deinit(&bench);
    for (size_t i = 0; i < 2; i++) {
        record_clear(&capacity_table, &seen[i]);
        seen[i] = (struct capacity){0};
    }
    return 0;
}

static const struct lending *ask(const char *who, struct request request) {
    (void)text_copy(request.key, sizeof(request.key), who);
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

/* Instructions that have gone out since the effects were cleared, of that manager's VMs. */
static size_t instructed(char prefix) {
    size_t count = 0;
    for (size_t i = 0; i < bench.effects.count; i++) {
        const struct effect *effect = &bench.effects.items[i];
        if (effect->kind == EFFECT_SEND && effect->send.message.kind == MESSAGE_INSTRUCT)
            count += effect->send.message.instruct.definition.name[0] == prefix;
    }
    return count;
}

/* The manager defines so many VMs; how many go to the host. */
static size_t flood(struct far *manager, char prefix, size_t from, size_t count) {
    size_t went = 0;
    for (size_t i = from; i < from + count; i++) {
        char name[8];
        struct message define = bench_define(name_of(prefix, i, name), name, 1, &bench_shapes[0]);
        define.instruct.definition.name[0] = prefix;
        bench_say(&bench, manager, define);
        cluster_image(CODE_OK);
        went += instructed(prefix);
    }
    return went;
}

/* The host says that the VM runs. */
static void answer(char prefix, size_t number) {
    char name[8];
    struct message define = bench_define(name_of(prefix, number, name), name, 1, &bench_shapes[0]);
    bench_say(&bench, bench_agent(&bench, 0), bench_result(&define, CODE_OK, VM_RUNNING));
    message_clear(&define);
}

static void a_flood_of_one_does_not_make_another_wait(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(4);
    assert_int_equal(flood(cloud, 'a', 0, 12), 4); /* while it is alone it has all of them */
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(other, 'b', 1, 4), 1); /* its part is two of four */
}

static void what_gets_free_goes_to_who_has_least_for_its_weight(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(6);
    share("manager-0", (struct share){.weight = 4});
    share("manager-1", (struct share){.weight = 3});
    assert_int_equal(flood(cloud, 'a', 0, 8), 6);
    assert_int_equal(flood(other, 'b', 0, 4), 2); /* 6 x 3 / 7 */
    answer('a', 0);
    answer('a', 1);
    assert_int_equal(instructed('a') + instructed('b'), 0); /* six are under way */
    answer('a', 2); /* 3 of 4 are more than 2 of 3 */
    assert_int_equal(instructed('a'), 0);
    assert_int_equal(instructed('b'), 1);
    answer('b', 0);
    assert_int_equal(instructed('b'), 1);
    answer('a', 3); /* it began more of late, and its newest one is not answered */
    assert_int_equal(instructed('a'), 0);
    bench_pass(&bench, 10);
    assert_int_equal(instructed('a'), 1);
}

static void who_is_ahead_begins_one_at_a_time(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    assert_int_equal(flood(cloud, 'a', 0, 4), 4); /* alone, it is not held */
    assert_int_equal(flood(other, 'b', 0, 3), 3); /* it is behind */
    assert_int_equal(flood(cloud, 'a', 4, 6), 0); /* its newest one is under way */
    bench_pass(&bench, 9);
    assert_int_equal(instructed('a'), 0);
    bench_pass(&bench, 1);
    assert_int_equal(instructed('a'), 1); /* however long they take */
    answer('a', 0);
    assert_int_equal(instructed('a'), 0);
    answer('a', 4);
    assert_int_equal(instructed('a'), 1);
    assert_int_equal(flood(other, 'b', 3, 5), 5); /* from six on, in turns: six is not ahead of six */
}

static void who_is_alone_again_is_not_held(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 0, 3), 2);
    bench_pass(&bench, 10);
    assert_int_equal(instructed('a'), 1);
    bench_pass(&bench, 500); /* what was begun is none of late any more */
    assert_int_equal(flood(cloud, 'a', 3, 5), 5);
}

static void a_weight_counts_in_who_is_ahead(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(100);
    share("manager-0", (struct share){.weight = 3});
    assert_int_equal(flood(other, 'b', 0, 2), 2);
    assert_int_equal(flood(cloud, 'a', 0, 9), 7); /* the seventh is more than three for each */
}

/* Of who is held, hosts take turns; one that is gone takes none. */
static void hosts_take_turns_for_who_is_held(void **state) {
    (void)state;
    assert_int_equal(flood(cloud, 'a', 0, 2), 2);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 2, 3), 0); /* on each of three hosts one */
    bench_say(&bench, cloud, bench_instruct("d", "a2", 2, VERB_DELETE));
    for (size_t i = 0; i < 3; i++) {
        bench_pass(&bench, 10);
        assert_int_equal(instructed('a') + (i == 0), 1);
    }
    bench_pass(&bench, 100);
    assert_int_equal(instructed('a'), 0);
}

static void a_weight_that_is_set_holds_for_those_that_wait(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(8);
    assert_int_equal(flood(cloud, 'a', 0, 9), 8);
    assert_int_equal(flood(other, 'b', 0, 9), 4);
    share("manager-1", (struct share){.weight = 7});
    assert_int_equal(instructed('b'), 3);
    assert_int_equal(instructed('a'), 0);
}

/* Somebody speaks on each link, so that nobody is given up for silence. */
static void wait_out_deadlines(void) {
    for (size_t i = 0; i < 13; i++) {
        struct message settled = {.kind = MESSAGE_SETTLED}, beat = {.kind = MESSAGE_BEAT};
        (void)text_copy(settled.settled.op, limit_id_size, "op-00000000000000000000000000");
        bench_say(&bench, cloud, settled);
        bench_say(&bench, other, settled);
        bench_say(&bench, bench_agent(&bench, 0), beat);
        bench_pass(&bench, 10000);
    }
}

static void an_end_lets_the_next_one_go(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(cloud, 'a', 0, 1), 1);
    assert_int_equal(flood(other, 'b', 0, 2), 1);
    assert_int_equal(flood(cloud, 'a', 1, 2), 0);
    answer('a', 0);
    assert_int_equal(instructed('a'), 1);
    assert_int_equal(instructed('b'), 0);
    wait_out_deadlines(); /* of two that were never answered, and two that waited for them */
    assert_int_equal(flood(cloud, 'a', 5, 1), 1);
    assert_int_equal(flood(other, 'b', 5, 1), 1);
}

static void a_delete_takes_the_turn_of_what_it_supersedes(void **state) {
    (void)state;
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(other, 'b', 0, 1), 1);
    assert_int_equal(flood(cloud, 'a', 0, 3), 1);
    bench_say(&bench, cloud, bench_instruct("d", "a0", 2, VERB_DELETE));
    const struct message *last = bench_told(&bench, bench_agent(&bench, 0), MESSAGE_INSTRUCT);
    assert_int_equal(instructed('a') + (last && last->instruct.verb == VERB_DELETE), 1);
}

static void what_waits_goes_on_after_a_restart(void **state) {
    (void)state;
    struct message hello = {.kind = MESSAGE_HELLO,
                            .hello = {protocol_version, protocol_version_oldest, "", 0}};
    bench_deinit(&bench);
    open_narrow(2);
    assert_int_equal(flood(cloud, 'a', 0, 5), 2);
    bench_restart(&bench);
    bench_agent(&bench, 0)->number += 100;
    bench_agent(&bench, 0)->sent = 0;
    bench_say(&bench, bench_agent(&bench, 0), hello);
    assert_int_equal(instructed('a'), 2);
}

static void what_is_too_much_at_a_time_is_refused_as_busy(void **state) {
    (void)state;
    bench.settings.backlog = 2;
    bench_restart(&bench);
    connect(3, 8);
    assert_int_equal(flood(cloud, 'a', 0, 2), 2);
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_BUSY, VM_FAILED);
    assert_int_equal(flood(other, 'b', 0, 1), 1); /* another's is another's */
    bench_say(&bench, cloud, bench_instruct("d", "a0", 2, VERB_DELETE)); /* it gives back */
    assert_null(bench_told(&bench, cloud, MESSAGE_RESULT));
    bench_pass(&bench, 1000);
    const struct message *superseded = bench_told(&bench, cloud, MESSAGE_RESULT);
    assert_int_equal(superseded->result.code, CODE_SUPERSEDED);
    bench_restart(&bench);
    connect(3, 8);
    bench_say(&bench, cloud, bench_define("3", "3", 1, &bench_shapes[0]));
    cluster_assert_result(cloud, CODE_BUSY, VM_FAILED);
}

static void with_one_upstream_manager_nothing_is_held_back(void **state) {
    (void)state;
    bench_deinit(&bench);
    const struct role_settings settings = {.kind = ROLE_DOWNSTREAM, .seed = 3, .beat_ms = 10000,
                                           .hold_down_ms = 30000, .agents_count = 1,
                                           .managers_count = 1};
    bench_init(&bench, &settings);
    bench.agents[0].at_once = 1;
    bench_restart(&bench);
    bench_welcome(&bench, cloud);
    bench_hello(&bench, bench_agent(&bench, 0), 40);
    assert_int_equal(flood(cloud, 'a', 0, 8), 8);
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
    const struct lending *shown = ask("manager-0", (struct request){.kind = REQUEST_UPSTREAM_SHOW});
    assert_int_equal(shown->share.weight, 5);
    assert_int_equal(shown->share.kept.cpus, 0);
    assert_int_equal(shown->share.steps.vms, 2);
    assert_int_equal(shown->share_from, LIMITS_SET);
    shown = ask("manager-0", (struct request){.kind = REQUEST_SHARE_RESET});
    assert_int_equal(shown->share.weight, 2);
    assert_int_equal(shown->share.kept.cpus, 3);
    assert_int_equal(shown->share_from, LIMITS_CONFIGURED);
    bench_restart(&bench);
    shown = ask("manager-0", (struct request){.kind = REQUEST_UPSTREAM_SHOW});
    assert_int_equal(shown->share.weight, 2);
}

/* What the role was told, remembered by other means. */
struct model {
    struct prng prng;
    uint64_t room[3];
    bool up[3], cordoned[3];
    struct owner_limits limits[2];
    struct share shares[2];
    uint64_t vms[2];
};

static uint64_t pick(struct model *model, uint64_t bound) {
    return prng_below(&model->prng, bound);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }
static uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

static struct sums of_limits(const struct owner_limits *limits) {
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
    const struct owner_limits *limits = &model->limits[which];
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
    (void)text_copy(settled.settled.op, limit_id_size, result->result.op);
    look();
    bench_say(&bench, which ? other : cloud, settled);
    model->vms[which] += permitted;
}

static struct owner_limits some(struct model *model, uint64_t most) {
    struct owner_limits amounts = {.vms = pick(model, most), .cpus = pick(model, most) * 3,
                                   .memory_mib = pick(model, most) * 1000,
                                   .disk_gib = pick(model, most) * 20};
    return pick(model, 2) ? amounts : (struct owner_limits){0};
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
        with_cluster(a_flood_of_one_does_not_make_another_wait),
        with_cluster(what_gets_free_goes_to_who_has_least_for_its_weight),
        with_cluster(who_is_ahead_begins_one_at_a_time),
        with_cluster(who_is_alone_again_is_not_held),
        with_cluster(a_weight_counts_in_who_is_ahead),
        with_cluster(hosts_take_turns_for_who_is_held),
        with_cluster(a_weight_that_is_set_holds_for_those_that_wait),
        with_cluster(an_end_lets_the_next_one_go),
        with_cluster(a_delete_takes_the_turn_of_what_it_supersedes),
        with_cluster(what_waits_goes_on_after_a_restart),
        with_cluster(what_is_too_much_at_a_time_is_refused_as_busy),
        with_cluster(with_one_upstream_manager_nothing_is_held_back),
        with_cluster(room_that_is_kept_is_neither_shown_nor_given_to_another),
        with_cluster(what_one_does_with_its_own_shows_in_no_sum_of_another),
        with_cluster(within_a_step_nothing_is_told),
        with_cluster(a_share_outlives_a_restart_until_it_is_reset),
        with_cluster(what_is_shown_is_what_there_is_by_the_owners_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
