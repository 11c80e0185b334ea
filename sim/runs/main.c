/* isthmus-sim: runs the core in simulated worlds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/text.h"
#include "sim/runs/commit.h"
#include "sim/runs/many.h"
#include "sim/runs/one_node.h"
#include "sim/runs/pair.h"
#include "sim/runs/run.h"
#include "sim/runs/scale.h"

static uint64_t number(const char *name, const char *text) {
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end) {
        fprintf(stderr, "isthmus-sim: %s: '%s' is not a number\n", name, text);
        exit(2);
    }
    return value;
}

static void usage(void) {
    puts("usage: isthmus-sim [OPTION [VALUE]]...\n"
         "Runs the managers' and agents' core in simulated worlds with faults, checks the laws\n"
         "after each step, heals the world and demands that wanted is actual. A seed replays\n"
         "exactly; each is run twice, and the same is demanded to happen.\n\n"
         "  --seed N      the first seed (1); --fresh: ISTHMUS_SIM_FRESH, else a random one,\n"
         "                which is printed\n"
         "  --seeds N     how many (1)\n"
         "  --seconds N   begin no new ones after so long; with it, N and the number of\n"
         "                seeds are times ISTHMUS_SIM_SECONDS / 60\n"
         "  --jobs N      at the same time (1)\n"
         "  --once        do not run each twice\n"
         "  --calm        no faults; those named after it are on\n"
         "  --trace 1     a line per event and effect\n"
         "  --minimize    shrink a failing run as far as it can be\n"
         "  --pair        law 1: two topologies, the same bytes upward\n"
         "  --one-node    law 2: what 1, 100 and 10000 agents cost upstream\n"
         "  --scale       a million hosts and VMs; options after it make it smaller\n");
    struct sim_settings usual = settings_default();
    puts("The world, with its defaults; faults are per thousand:");
    for (size_t i = 0; i < settings_count; i++)
        printf("  --%-14s %s (%u)\n", settings_table[i].name, settings_table[i].about,
               *setting_value(&usual, &settings_table[i]));
}

static void run_once_or_twice(const struct many *many, const struct sim_settings *settings,
                              struct stats *stats) {
    uint64_t hash = run_seed(settings, stats);
    if (many->once || settings->trace)
        return;
    if (run_seed(settings, stats) == hash)
        return;
    fprintf(stderr, "seed %llu does not repeat itself\n", (unsigned long long)settings->seed);
    exit(1);
}

static void run_a_pair(const struct many *many, const struct sim_settings *settings,
                       struct stats *stats) {
    (void)many;
    run_pair(settings, stats);
}

/* ISTHMUS_SIM_FRESH is where fresh seeds begin: a run of the tests takes it from the tree, so that
 * each change meets seeds of its own and meets the same ones again when it is tried again. */
static void fresh(struct sim_settings *settings) {
    const char *text = getenv("ISTHMUS_SIM_FRESH");
    uint32_t seed = text ? (uint32_t)number("ISTHMUS_SIM_FRESH", text) : 0;
    if (!text && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        exit(2);
    settings->seed = seed;
    printf("fresh seeds from %u\n", seed);
}

enum mode { MODE_RUN, MODE_MINIMIZE, MODE_ONE_NODE, MODE_SCALE };

/* A word without a value; false: it is not one. */
static bool take_flag(const char *word, struct many *many, enum mode *mode) {
    if (text_equal(word, "--fresh"))
        fresh(&many->settings);
    else if (text_equal(word, "--once"))
        many->once = 1;
    else if (text_equal(word, "--calm"))
        settings_calm(&many->settings);
    else if (text_equal(word, "--minimize"))
        *mode = MODE_MINIMIZE;
    else if (text_equal(word, "--one-node"))
        *mode = MODE_ONE_NODE;
    else if (text_equal(word, "--scale"))
        many->settings = scale_settings(), *mode = MODE_SCALE;
    else if (text_equal(word, "--pair"))
        many->run = run_a_pair, many->mode = "--pair ";
    else
        return false;
    return true;
}

static void take_value(const char *word, const char *value, struct many *many) {
    uint64_t wanted = number(word, value);
    if (text_equal(word, "--seed")) {
        many->settings.seed = wanted;
        return;
    }
    if (text_equal(word, "--seeds")) {
        many->seeds = wanted;
        return;
    }
    for (size_t i = 0; i < settings_count; i++)
        if (text_equal(word + 2, settings_table[i].name)) {
            *setting_value(&many->settings, &settings_table[i]) = (uint32_t)wanted;
            return;
        }
    if (text_equal(word, "--seconds"))
        many->seconds = (uint32_t)wanted;
    else if (text_equal(word, "--jobs") && wanted)
        many->jobs = (uint32_t)wanted;
    else if (text_equal(word, "--trace"))
        many->settings.trace = (uint32_t)wanted;
    else {
        fprintf(stderr, "isthmus-sim: there is no option '%s'; see --help\n", word);
        exit(2);
    }
}

/* Where the time is bounded, ISTHMUS_SIM_SECONDS is for 60 seconds what it says instead, and the
 * number of seeds goes with it. */
static void scale(struct many *many) {
    const char *text = getenv("ISTHMUS_SIM_SECONDS");
    if (!many->seconds || !text)
        return;
    uint64_t whole = number("ISTHMUS_SIM_SECONDS", text);
    uint64_t seconds = many->seconds * whole / 60;
    uint64_t seeds = many->seeds * whole / 60;
    many->seconds = seconds ? (uint32_t)seconds : 1;
    many->seeds = seeds ? seeds : 1;
}

static double core_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6;
}

int main(int count, char **words) {
    struct many many = {.settings = settings_default(), .seeds = 1, .jobs = 1,
                        .run = run_once_or_twice, .mode = "", .commit = SIM_COMMIT};
    struct stats stats = {0};
    enum mode mode = MODE_RUN;
    for (int i = 1; i < count; i++) {
        if (text_equal(words[i], "--help"))
            return usage(), 0;
        if (take_flag(words[i], &many, &mode))
            continue;
        if (!text_starts(words[i], "--") || i + 1 == count)
            return usage(), 2;
        take_value(words[i], words[i + 1], &many);
        i++;
    }
    if (mode == MODE_MINIMIZE)
        return many_minimize(&many);
    if (mode == MODE_ONE_NODE)
        return run_one_node(&many.settings);
    if (mode == MODE_SCALE)
        return run_scale(&many.settings);
    scale(&many);
    if (many_run(&many, &stats))
        return 1;
    if (!many.settings.trace)
        stats_print(&stats, core_seconds());
    printf("every law held\n");
    return 0;
}
