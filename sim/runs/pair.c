/* Law 1 as non-interference. Two worlds from one seed: in one a cluster has few large hosts, in the
 * other many small ones of the same sum, and the only shape has one cpu, so that what fits is the
 * same. Hosts do the same to the same VM in both (settings.even), fail and hang alike; faults are
 * at the top: frames of uplinks get lost, repeated and reordered, its server and the upstreams
 * die. Then whatever differs upward was told by the inside. */
#include "sim/runs/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "sim/laws/law.h"
#include "sim/laws/laws.h"
#include "sim/runs/run.h"

enum { cpus = 8, frames_least = 50 };

static struct sim_settings even_settings(const struct sim_settings *from, uint32_t agents) {
    struct sim_settings settings = *from;
    settings.even = 1;
    settings.shapes = 1;
    settings.agents = agents;
    settings.host_cpus = cpus / agents;
    settings.power_loss = settings.clock_jump = settings.owner_changes = 0;
    return settings;
}

/* The messages of one world, in the order of time; of one millisecond in that of the alphabet,
 * since what happens in the same instant has no order. */
struct messages {
    char **lines;
    size_t count;
};

static int compare_lines(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Of one host both come in one frame, of two in one instant, in either order: then the step is
 * told or not. Is `line` such a step, taken and ended in the same millisecond? */
static bool is_overtaken(const struct messages *messages, size_t at) {
    static const char said[] = "{\"progress\":{\"op\":";
    const char *line = messages->lines[at], *step = strstr(line, said);
    if (!step)
        return false;
    const char *op = step + sizeof(said) - 1;
    char prefix[limit_text_size];
    text_format(prefix, sizeof(prefix), "%.*s{\"result\":{\"op\":%.*s", (int)(step - line), line,
                (int)strcspn(op, ","), op);
    for (size_t i = 0; i < messages->count; i++)
        if (text_starts(messages->lines[i], prefix))
            return true;
    return false;
}

static void drop_overtaken(struct messages *messages) {
    size_t kept = 0;
    char **lines = memory_new(messages->count, sizeof(char *));
    for (size_t i = 0; i < messages->count; i++)
        if (!is_overtaken(messages, i))
            lines[kept++] = messages->lines[i];
    memory_free(messages->lines);
    *messages = (struct messages){lines, kept};
}

/* Cuts `text` up, which has to stay. */
static struct messages sort_messages(struct text *text) {
    struct messages messages = {0};
    char *rest = text->data, *line = NULL;
    messages.lines = memory_new(text->length + 1, sizeof(char *));
    while ((line = strsep(&rest, "\n")) && *line)
        messages.lines[messages.count++] = line;
    qsort(messages.lines, messages.count, sizeof(char *), compare_lines);
    drop_overtaken(&messages);
    return messages;
}

static void compare(struct sim_world *world, const struct messages *left,
                    const struct messages *right) {
    size_t i = 0;
    while (i < left->count && i < right->count && text_equal(left->lines[i], right->lines[i]))
        i++;
    if (i == left->count && i == right->count)
        return;
    law_fail(world, "wall", "%u hosts tell the upstream another thing:\n%s\n%s",
             world->settings.agents, i < left->count ? left->lines[i] : "(nothing)",
             i < right->count ? right->lines[i] : "(nothing)");
}

/* A comparison of silence would hold always. */
static void check_substance(struct sim_world *world, const char *bytes) {
    static const char *const kinds[] = {"{\"hello\"", "{\"capacity\"", "{\"result\"",
                                        "{\"beat\""};
    for (size_t i = 0; i < array_size(kinds); i++)
        if (!strstr(bytes, kinds[i]))
            law_fail(world, "wall", "no %s went up: the pair compares nothing", kinds[i]);
    if (world->stats.uplink_frames < frames_least)
        law_fail(world, "wall", "only %llu frames went up",
                 (unsigned long long)world->stats.uplink_frames);
}

static struct messages run_one(const struct sim_settings *settings, struct text *uplinks,
                               const struct messages *other, struct stats *stats) {
    struct sim_world *world = run_world(settings, uplinks);
    laws_check_end(world);
    if (!other)
        check_substance(world, text_data(uplinks));
    struct messages messages = sort_messages(uplinks);
    if (other)
        compare(world, other, &messages);
    world->stats.runs++;
    world->stats.simulated_ms += world->now_ms;
    world->stats.hash = world->hash;
    stats_add(stats, &world->stats);
    run_free(world);
    return messages;
}

void run_pair(const struct sim_settings *settings, struct stats *stats) {
    static const uint32_t hosts[] = {1, 2, 4, 8};
    struct text uplinks[array_size(hosts)] = {0};
    struct messages messages[array_size(hosts)];
    for (size_t i = 0; i < array_size(hosts); i++) {
        struct sim_settings these = even_settings(settings, hosts[i]);
        messages[i] = run_one(&these, &uplinks[i], i ? &messages[0] : NULL, stats);
    }
    for (size_t i = 0; i < array_size(hosts); i++) {
        memory_free(messages[i].lines);
        text_deinit(&uplinks[i]);
    }
}
