/* Amounts of limits, quotas and capacity, and names of what may be used: as words, and as what is
 * changed of them. */
#include "cli/amounts.h"

#include <string.h>

#include "base/memory.h"

/* "3 of 10", or "3" where there is no limit. */
static struct words of_limit(struct words used, struct words limit, uint64_t most) {
    struct words words;
    text_format(words.text, sizeof(words.text), "%.12s%s%.12s", used.text, most ? " of " : "",
                most ? limit.text : "");
    return words;
}

static struct words words_count(uint64_t count) {
    struct words words;
    text_format(words.text, sizeof(words.text), "%llu", (unsigned long long)count);
    return words;
}

static struct words words_gib(uint64_t gib) {
    struct words words;
    text_format(words.text, sizeof(words.text), "%llu GiB", (unsigned long long)gib);
    return words;
}

void words_amounts(const struct amounts *used, const struct amounts *limits,
                   struct words out_words[amounts_count]) {
    out_words[0] = of_limit(words_count(used->vms), words_count(limits->vms), limits->vms);
    out_words[1] = of_limit(words_count(used->cpus), words_count(limits->cpus), limits->cpus);
    out_words[2] = of_limit(words_mib(used->memory_mib), words_mib(limits->memory_mib),
                            limits->memory_mib);
    out_words[3] = of_limit(words_gib(used->disk_gib), words_gib(limits->disk_gib),
                            limits->disk_gib);
}

void sheet_amounts(struct sheet *sheet, const struct amounts *used,
                   const struct amounts *limits) {
    static const char *const names[amounts_count] = {"vms", "cpus", "memory", "disk"};
    struct words words[amounts_count];
    words_amounts(used, limits, words);
    for (size_t i = 0; i < amounts_count; i++)
        sheet_pair(sheet, names[i], "%s", words[i].text);
}

static struct words of_capacity(struct words free, const char *between, struct words total) {
    struct words words;
    text_format(words.text, sizeof(words.text), "%.27s%s%.27s", free.text, between, total.text);
    return words;
}

static void words_capacity(const struct capacity *capacity, const char *between,
                           struct words out_words[3]) {
    out_words[0] = of_capacity(words_count(capacity->cpus_free), between,
                               words_count(capacity->cpus_total));
    out_words[1] = of_capacity(words_mib(capacity->memory_mib_free), between,
                               words_mib(capacity->memory_mib_total));
    out_words[2] = of_capacity(words_gib(capacity->disk_gib_free), between,
                               words_gib(capacity->disk_gib_total));
}

void sheet_add_capacity(struct sheet *sheet, const struct capacity *capacity) {
    struct words words[3];
    words_capacity(capacity, "/", words);
    for (size_t i = 0; i < array_size(words); i++)
        sheet_add(sheet, "%s", words[i].text);
}

void sheet_capacity(struct sheet *sheet, const struct capacity *capacity) {
    static const char *const names[] = {"cpus", "memory", "disk"};
    struct words words[3];
    words_capacity(capacity, " free of ", words);
    for (size_t i = 0; i < array_size(words); i++)
        sheet_pair(sheet, names[i], "%s", words[i].text);
}

void sheet_doubts(struct sheet *sheet, bool overclaims, uint64_t unreadable) {
    if (overclaims)
        sheet_pair(sheet, "says it has", "more than is believed (max_cpus and the like)");
    if (unreadable)
        sheet_pair(sheet, "not understood", "%llu of its messages, since the manager's start: "
                   "see the log", (unsigned long long)unreadable);
}

struct amounts amounts_given(const struct options *options,
                             const struct amounts *now) {
    const struct amounts *given = &options->limits;
    return (struct amounts){
        .vms = options_given(options, "vms") ? given->vms : now->vms,
        .cpus = options_given(options, "cpus") ? given->cpus : now->cpus,
        .memory_mib = options_given(options, "memory-mib") ? given->memory_mib : now->memory_mib,
        .disk_gib = options_given(options, "disk-gib") ? given->disk_gib : now->disk_gib,
    };
}

int view_put_limits(const struct view *view, const struct options *options, const char *way,
                    const struct amounts *now) {
    struct amounts limits = amounts_given(options, now);
    struct text body = {0}, put = {0};
    if (!options_own(options, 0)) {
        say("%s %s needs at least one of --vms, --cpus, --memory-mib and --disk-gib",
            options->words[0], options->words[1]);
        return EXIT_USAGE;
    }
    codec_encode(&amounts_table, &limits, FIELD_API, &body);
    text_addf(&put, "PUT %s", way);
    int result = view_change(view, options, put.data, &body);
    text_deinit(&body);
    text_deinit(&put);
    return result;
}

const char *words_or_all(const char *words) { return words && *words ? words : "all"; }

void words_replace(char **words, const char *given) {
    if (!given)
        return;
    memory_free(*words);
    *words = text_equal(given, "all") ? NULL : memory_text(given);
}
