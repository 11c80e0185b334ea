/* Law 1 as non-interference. Two worlds from one seed: in one a cluster has few large hosts, in the
 * other many small ones of the same sum, and the only shape has one cpu, so that what fits is the
 * same. Hosts do the same to the same VM in both (settings.even), fail and hang alike; faults are
 * at the top: its server and the upstreams die. In half of the worlds frames of uplinks get lost,
 * repeated, reordered and late; in the others all hosts of a cluster lose their link at once: one
 * host with n VMs, or n hosts with one. Then whatever differs upward was told by the inside. */
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
    settings.losses = settings.seed % 2;
    if (settings.losses) /* a capacity more, which is not compared, would shift what these do */
        settings.lose = settings.repeat = settings.reorder = settings.slow_link = 0;
    settings.power_loss = settings.disk_full = settings.clock_jump = 0;
    settings.owner_changes = 0;
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

/* Hosts that come back in one instant are counted one after the other: a sum that something else
 * makes known meanwhile is of some of them, and neither it nor what corrects it has an order; nor
 * have the words that go out with each sum, of what it counts from then on. */
static bool is_capacity(const struct messages *messages, size_t at) {
    return strstr(messages->lines[at], " {\"capacity\"") ||
           strstr(messages->lines[at], ",\"step\":\"taken\"}}");
}

/* Of one host the words of two VMs come in one frame, behind the sum of both; of two hosts each
 * comes with its own. Is `line` a capacity of an instant in which words of two operations go up? */
static bool is_between_words(const struct messages *messages, size_t at) {
    static const char *const kinds[] = {"{\"progress\":{\"op\":", "{\"result\":{\"op\":"};
    const char *line = messages->lines[at], *said = strstr(line, "{\"capacity\""), *first = NULL;
    size_t moment = said ? (size_t)(said - line) : 0;
    for (size_t i = 0; said && i < messages->count; i++) {
        const char *other = messages->lines[i];
        if (strncmp(other, line, moment) != 0)
            continue;
        for (size_t k = 0; k < array_size(kinds); k++) {
            if (!text_starts(other + moment, kinds[k]))
                continue;
            const char *op = other + moment + strlen(kinds[k]);
            if (first && strncmp(op, first, strcspn(first, ",")) != 0)
                return true;
            first = op;
        }
    }
    return false;
}

static void drop(struct messages *messages, bool (*is_dropped)(const struct messages *, size_t)) {
    size_t kept = 0;
    char **lines = memory_new(messages->count, sizeof(char *));
    for (size_t i = 0; i < messages->count; i++)
        if (!is_dropped(messages, i))
            lines[kept++] = messages->lines[i];
    memory_free(messages->lines);
    *messages = (struct messages){lines, kept};
}

/* Cuts `text` up, which has to stay. */
static struct messages sort_messages(const struct sim_settings *settings, struct text *text) {
    struct messages messages = {0};
    char *rest = text->data, *line = NULL;
    messages.lines = memory_new(text->length + 1, sizeof(char *));
    while ((line = strsep(&rest, "\n")) && *line)
        messages.lines[messages.count++] = line;
    qsort(messages.lines, messages.count, sizeof(char *), compare_lines);
    drop(&messages, is_between_words);
    drop(&messages, is_overtaken);
    if (settings->losses)
        drop(&messages, is_capacity);
    return messages;
}

/* Was it said before? What is sent again comes together. */
static bool is_repeat(const struct messages *messages, size_t at, const char *said) {
    for (size_t i = 0; i < at; i++)
        if (strstr(messages->lines[i], said))
            return true;
    return false;
}

/* Of several VMs that go away in one moment each is told by itself: who sees them come together
 * counts a host's. Two may meet. */
static void check_spread(struct sim_world *world, const struct messages *messages) {
    enum { together_most = 3, moment_and_name = 27 };
    size_t together = 0;
    const char *first = NULL;
    for (size_t i = 0; i < messages->count; i++) {
        const char *line = messages->lines[i], *said = strstr(line, "{\"vm\":{");
        if (!said || !strstr(said, "\"unheard_ms\"") || is_repeat(messages, i, said))
            continue;
        together = first && strncmp(first, line, moment_and_name) == 0 ? together + 1 : 1;
        first = line;
        if (together > together_most)
            law_fail(world, "wall", "%zu VMs go away above in one moment:\n%s", together, line);
    }
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

/* A comparison of silence would hold always. Where owners show no room, nothing has a result. */
static void check_substance(struct sim_world *world, const char *bytes) {
    static const char *const kinds[] = {"{\"hello\"", "{\"capacity\"", "{\"beat\"",
                                        "{\"result\""};
    bool is_used = world->stats.ended[VERB_DEFINE][CODE_OK];
    for (size_t i = 0; i < array_size(kinds) - !is_used; i++)
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
    struct messages messages = sort_messages(settings, uplinks);
    check_spread(world, &messages);
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
