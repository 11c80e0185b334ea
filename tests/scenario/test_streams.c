/* Each kind of chance has a stream of random numbers of its own: another setting of one kind
 * leaves what the others decide where it was. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "sim/actors/faults.h"
#include "sim/actors/workload.h"
#include "sim/parts/loop.h"
#include "sim/runs/run.h"

/* What is drawn in turn, how often depends on all that happens, so only its beginning is held
 * against another world's; what is decided by the minute or the number of the request, too. */
static struct sim_notes notes_of(const struct sim_settings *settings) {
    struct sim_notes notes = {0};
    struct sim_world *world = run_begin(settings, NULL);
    world->notes = &notes;
    workload_begin(world);
    faults_begin(world);
    loop_run(world, 70 * 60000);
    run_free(world);
    return notes;
}

static struct sim_settings usual(void) {
    struct sim_settings settings = settings_default();
    settings.seed = 77;
    settings.operations = 1000;
    settings.spares = 1;
    return settings;
}

struct change {
    enum sim_stream stream; /* whose matter it is */
    const char *setting;
    uint32_t value;
};

static const struct change changes[] = {
    {STREAM_WORKLOAD, "pause_ms", 3000},   {STREAM_WORKLOAD, "names", 3},
    {STREAM_WORKLOAD, "tenants", 5},       {STREAM_NETWORK, "lose", 0},
    {STREAM_NETWORK, "repeat", 200},       {STREAM_NETWORK, "slow_link", 500},
    {STREAM_DISK, "crash", 0},             {STREAM_DISK, "slow_disk", 200},
    {STREAM_HOSTS, "job_failure", 500},    {STREAM_HOSTS, "job_hangs", 0},
    {STREAM_HOSTS, "guest_ignores", 0},    {STREAM_OWNER, "owner_acts", 0},
    {STREAM_OWNER, "owner_changes", 1000}, {STREAM_OWNER, "permits", 1000},
    {STREAM_FATE, "server_death", 0},      {STREAM_FATE, "power_loss", 300},
    {STREAM_FATE, "clock_jump", 0},        {STREAM_FATE, "drift", 0},
    {STREAM_LINKS, "cut", 0},
};

static void set(struct sim_settings *settings, const struct change *change) {
    for (size_t i = 0; i < settings_count; i++)
        if (strcmp(settings_table[i].name, change->setting) == 0) {
            *setting_value(settings, &settings_table[i]) = change->value;
            return;
        }
    fail_msg("no setting %s", change->setting);
}

static void a_change_of_one_kind_leaves_the_others_where_they_were(void **state) {
    (void)state;
    struct sim_settings settings = usual();
    struct sim_notes before = notes_of(&settings);
    for (int k = 0; k < STREAM_COUNT; k++)
        assert_int_equal(before.count[k], sim_notes_most);
    for (size_t i = 0; i < array_size(changes); i++) {
        settings = usual();
        set(&settings, &changes[i]);
        struct sim_notes after = notes_of(&settings);
        for (int k = 0; k < STREAM_COUNT; k++)
            if (k != (int)changes[i].stream && after.hash[k] != before.hash[k])
                fail_msg("%s changes what stream %d tells", changes[i].setting, k);
    }
}

static void another_seed_decides_otherwise_everywhere(void **state) {
    (void)state;
    struct sim_settings settings = usual();
    struct sim_notes before = notes_of(&settings);
    settings.seed++;
    struct sim_notes after = notes_of(&settings);
    for (int k = 0; k < STREAM_COUNT; k++)
        assert_true(before.hash[k] != after.hash[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_of_one_kind_leaves_the_others_where_they_were),
        cmocka_unit_test(another_seed_decides_otherwise_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
