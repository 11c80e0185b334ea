#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world.h"

static const struct sim_faults all_faults = {
    .lose = 20, .repeat = 20, .reorder = 20, .crash = 2, .server_death = 200, .job_failure = 50,
    .guest_ignores = 200, .guest_dies = 20, .power_loss = 20, .job_hangs = 10,
};

static uint64_t number(const char *text) {
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end) {
        fprintf(stderr, "isthmus-sim: '%s' is not a number\n", text);
        exit(2);
    }
    return value;
}

/* One seed: a time of faults, then the world heals and progress is demanded. */
static uint64_t run(const struct sim_settings *settings, uint64_t *out_steps) {
    enum { heal_ms = 4 * 3600 * 1000 };
    struct sim_world *world = world_new(settings);
    while (world->requests < settings->operations)
        world_run(world, world->now_ms + 60000);
    world->healing = true;
    for (uint32_t i = 0; i < sim_servers; i++)
        if (!world->servers[i].up)
            world_server(world, i, PRESENCE_UP);
    world_run(world, world->now_ms + heal_ms);
    check_end(world);
    uint64_t hash = world->hash;
    *out_steps += world->steps;
    world_free(world);
    return hash;
}

static void usage(void) {
    puts("usage: isthmus-sim [--seed N] [--seeds COUNT] [--operations N] [--clusters N]\n"
         "                   [--agents N] [--calm] [--trace]\n"
         "Runs the core in a simulated world; each seed twice, with the same outcome demanded.");
}

int main(int count, char **words) {
    struct sim_settings settings = {
        .seed = 1, .clusters = 2, .agents = 3, .tenants = 3, .operations = 200,
        .faults = all_faults,
    };
    uint64_t seeds = 1, steps = 0;
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : "";
        if (!strcmp(word, "--trace"))
            settings.trace = true;
        else if (!strcmp(word, "--calm"))
            settings.faults = (struct sim_faults){0};
        else if (!strcmp(word, "--help"))
            return usage(), 0;
        else if (++i && !strcmp(word, "--seed"))
            settings.seed = number(value);
        else if (!strcmp(word, "--seeds"))
            seeds = number(value);
        else if (!strcmp(word, "--operations"))
            settings.operations = (uint32_t)number(value);
        else if (!strcmp(word, "--clusters"))
            settings.clusters = (uint32_t)number(value);
        else if (!strcmp(word, "--agents"))
            settings.agents = (uint32_t)number(value);
        else
            return usage(), 2;
    }
    uint64_t first = settings.seed;
    for (; settings.seed < first + seeds; settings.seed++) {
        uint64_t hash = run(&settings, &steps);
        if (!settings.trace && run(&settings, &steps) != hash) {
            fprintf(stderr, "seed %llu does not repeat itself\n",
                    (unsigned long long)settings.seed);
            return 1;
        }
    }
    printf("%llu seeds, %u operations each, %llu steps: every law held\n",
           (unsigned long long)seeds, settings.operations, (unsigned long long)steps);
    return 0;
}
