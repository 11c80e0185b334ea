/* What a rule matches and says, in few words; a change replaces what options give of it, and the
 * rest stays. */
#include "cli/account/rules.h"

#include <stdio.h>

#include "base/memory.h"
#include "cli/amounts.h"
#include "cli/call.h"
#include "cli/watch.h"

/* Adds "name value", behind what is there by a comma. */
static void add_word(struct text *out, const char *name, const char *value) {
    if (value)
        text_addf(out, "%s%s %s", out->length ? "; " : "", name, value);
}

static void add_matches(const struct rule *rule, struct text *out) {
    add_word(out, "tenants", rule->tenants);
    add_word(out, "images", rule->images);
    add_word(out, "shapes", rule->shapes);
    add_word(out, "labels", rule->labels);
}

static void add_says(const struct rule *rule, struct text *out) {
    const struct ruling *ruling = &rule->ruling;
    add_word(out, "refuse:", rule->refuse);
    add_word(out, "clusters", ruling->clusters);
    add_word(out, "must", ruling->must);
    add_word(out, "must not", ruling->must_not);
    add_word(out, "prefer", ruling->prefer);
    add_word(out, "avoid", ruling->avoid);
    add_word(out, "strategy",
             ruling->strategy ? ruled_strategy_names[ruling->strategy] : NULL);
    add_word(out, "networks", rule->networks);
    add_word(out, "on loss", rule->on_loss ? on_loss_wish_names[rule->on_loss] : NULL);
}

static void add_rule(struct sheet *sheet, const void *record) {
    const struct rule *rule = record;
    auto_clean(text_deinit) struct text matches = {0}, says = {0};
    add_matches(rule, &matches);
    add_says(rule, &says);
    sheet_add(sheet, "%s", rule->name);
    sheet_add(sheet, "%u", rule->position);
    sheet_add(sheet, "%s", matches.length ? matches.data : "every VM");
    sheet_add(sheet, "%s", says.length ? says.data : "anywhere");
}

static void pair(struct sheet *sheet, const char *name, const char *value) {
    if (value)
        sheet_pair(sheet, name, "%s", value);
}

static void show_rule(const void *record) {
    const struct rule *rule = record;
    const struct ruling *ruling = &rule->ruling;
    struct sheet sheet = {0};
    sheet_pair(&sheet, "rule", "%s", rule->name);
    sheet_pair(&sheet, "position", "%u", rule->position);
    sheet_pair(&sheet, "tenants", "%s", words_or_all(rule->tenants));
    sheet_pair(&sheet, "images", "%s", words_or_all(rule->images));
    sheet_pair(&sheet, "shapes", "%s", words_or_all(rule->shapes));
    pair(&sheet, "labels", rule->labels);
    pair(&sheet, "refuses", rule->refuse);
    if (!rule->refuse)
        sheet_pair(&sheet, "clusters", "%s", words_or_all(ruling->clusters));
    pair(&sheet, "must", ruling->must);
    pair(&sheet, "must not", ruling->must_not);
    pair(&sheet, "prefer", ruling->prefer);
    pair(&sheet, "avoid", ruling->avoid);
    pair(&sheet, "strategy", ruling->strategy ? ruled_strategy_names[ruling->strategy] : NULL);
    pair(&sheet, "networks", rule->networks);
    pair(&sheet, "on loss", rule->on_loss ? on_loss_wish_names[rule->on_loss] : NULL);
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

static const struct view rules = {"/v1/rules", &rule_table, "RULE POSITION MATCHES SAYS", add_rule,
                                  show_rule};

int rule_list(const struct options *options) { return watch_or_list(&rules, options); }

int rule_show(const struct options *options) {
    return view_show(&rules, options, options->words[2]);
}

/* NULL: it was not given; "": nothing. */
static void text_replace(char **text, const char *given) {
    if (!given)
        return;
    memory_free(*text);
    *text = *given ? memory_text(given) : NULL;
}

/* False: one of them cannot be; said. */
static bool fill(const struct options *options, struct rule *rule) {
    struct ruling *ruling = &rule->ruling;
    words_replace(&rule->tenants, options->tenants);
    words_replace(&rule->images, options->images);
    words_replace(&rule->shapes, options->shapes);
    text_replace(&rule->labels, options_given(options, "labels") ? options->labels : NULL);
    words_replace(&ruling->clusters, options->clusters);
    text_replace(&ruling->must, options->must);
    text_replace(&ruling->must_not, options->must_not);
    text_replace(&ruling->prefer, options->prefer);
    text_replace(&ruling->avoid, options->avoid);
    text_replace(&rule->networks, options->network);
    text_replace(&rule->refuse, options->refuse);
    return call_set(&rule_table, rule, "strategy", options->strategy) &&
           call_set(&rule_table, rule, "on_loss", options->on_loss);
}

int rule_add(const struct options *options) {
    struct rule rule = {.position = options->position};
    int result = EXIT_USAGE;
    if (fill(options, &rule))
        result = view_create(&rules, options, &rule_table, &rule);
    record_clear(&rule_table, &rule);
    return result;
}

int rule_set(const struct options *options) {
    struct rule rule;
    auto_clean(text_deinit) struct text body = {0};
    if (!options_own(options, 0)) {
        say("rule set needs at least one option: 'isthmus rule set --help' lists them");
        return EXIT_USAGE;
    }
    int result = view_read(&rules, options, &rule);
    if (result != EXIT_DONE)
        return result;
    if (fill(options, &rule)) {
        codec_encode(&rule_set_table, &rule, FIELD_API, &body);
        result = view_change(&rules, options, "PUT ", &body);
    } else {
        result = EXIT_USAGE;
    }
    record_clear(&rule_table, &rule);
    return result;
}

int rule_move(const struct options *options) {
    struct rule_move move = {0};
    auto_clean(text_deinit) struct text body = {0};
    if (!call_set(&rule_move_table, &move, "position", options->words[3]))
        return EXIT_USAGE;
    codec_encode(&rule_move_table, &move, FIELD_API, &body);
    return view_change(&rules, options, "POST /move", &body);
}

int rule_delete(const struct options *options) {
    return view_delete(&rules, options, "deleted");
}
