/* What stands in the store and in the API of a rule, and which VMs it matches. */
#include "message/records/rule.h"

#include "message/labels.h"

static const struct field rule_fields[] = {
    {field_of(struct rule, name), .number = 1, .about = "The rule's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
    {field_of(struct rule, position), .number = 2,
     .about = "Its place in the list, from 1 on: the first rule that matches a VM applies; absent "
              "of a new one: it is the last.",
     .kind = FIELD_U32, .most = limit_rules},
    {field_of(struct rule, tenants), .number = 3,
     .about = "It matches VMs of these tenants: names, a blank between, * stands for any "
              "characters; absent: all.",
     .kind = FIELD_BLOB, .most = limit_rule_words, .check = CHECK_PATTERNS},
    {field_of(struct rule, images), .number = 4, .about = "Made from these images; absent: all.",
     .kind = FIELD_BLOB, .most = limit_rule_words, .check = CHECK_PATTERNS},
    {field_of(struct rule, shapes), .number = 5, .about = "Of these shapes; absent: all.",
     .kind = FIELD_BLOB, .most = limit_rule_words, .check = CHECK_PATTERNS},
    {field_of(struct rule, labels), .number = 6,
     .about = "With all of these in their metadata: name=value, by commas.", .kind = FIELD_BLOB,
     .most = limit_labels, .check = CHECK_METADATA},
    {.name = "clusters", .number = 7,
     .about = "They may be in these clusters alone; absent: in all.", .kind = FIELD_BLOB,
     field_at(struct rule, ruling.clusters), .most = limit_rule_words, .check = CHECK_PATTERNS},
    {.name = "must", .number = 8, .about = "Labels that the cluster must have.",
     .kind = FIELD_BLOB, field_at(struct rule, ruling.must), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "must_not", .number = 9, .about = "Labels of which it must have none.",
     .kind = FIELD_BLOB, field_at(struct rule, ruling.must_not), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "prefer", .number = 10, .about = "Labels that it should have.", .kind = FIELD_BLOB,
     field_at(struct rule, ruling.prefer), .most = limit_labels, .check = CHECK_LABELS},
    {.name = "avoid", .number = 11, .about = "Labels that it should not have.",
     .kind = FIELD_BLOB, field_at(struct rule, ruling.avoid), .most = limit_labels,
     .check = CHECK_LABELS},
    {.name = "strategy", .number = 12,
     .about = "Where most room is (spread), or least that is enough (pack), whatever a request "
              "says; anyhow: as that says.",
     .kind = FIELD_ENUM, field_at(struct rule, ruling.strategy),
     field_names(ruled_strategy_names)},
    {field_of(struct rule, on_loss), .number = 13,
     .about = "What becomes of them when their host is lost, where a request does not say it.",
     .kind = FIELD_ENUM, field_names(on_loss_wish_names)},
    {field_of(struct rule, refuse), .number = 14,
     .about = "There are to be no such VMs: what is said to whoever asks for one.",
     .kind = FIELD_BLOB, .most = limit_rule_refusal, .check = CHECK_PRINTABLE},
    {field_of(struct rule, networks), .number = 15,
     .about = "Networks that they are in, where a request names none, by commas: an interface for "
              "each.",
     .kind = FIELD_BLOB, .most = limit_vm_network_names, .check = CHECK_NETWORKS},
};
enum { rule_key_fields = 2 }; /* name and position */

const struct table rule_table = {"rule", "Where VMs go that an operator has a rule for.",
                                 sizeof(struct rule), field_rows(rule_fields)};
const struct table rule_set_table = {"rule-set", "What a rule matches and says.",
                                     sizeof(struct rule), .fields = rule_fields + rule_key_fields,
                                     .fields_count = array_size(rule_fields) - rule_key_fields};

static const struct field rule_move_fields[] = {
    {field_of(struct rule_move, position),
     .about = "Its new place in the list, from 1 on; beyond the end: the last.",
     .kind = FIELD_U32, .mask = FIELD_REQUIRED, .least = 1, .most = limit_rules},
};
const struct table rule_move_table = {"rule-move", "Where a rule is to stand.",
                                      sizeof(struct rule_move), field_rows(rule_move_fields)};

bool rule_matches(const struct rule *rule, const struct ruled_vm *vm) {
    size_t length = 0;
    return patterns_fit(rule->tenants, vm->tenant) && patterns_fit(rule->images, vm->image) &&
           patterns_fit(rule->shapes, vm->shape) &&
           !labels_missing(vm->metadata, rule->labels, &length);
}
