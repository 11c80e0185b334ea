/* The field tables of where VMs go, and which clusters a rule lets them be in. */
#include "message/vm/placing.h"

#include "message/labels.h"

const char *const group_rule_names[GROUP_RULE_COUNT] = {
    [GROUP_ANYHOW] = "anyhow", [GROUP_TOGETHER] = "together", [GROUP_APART] = "apart",
    [GROUP_APART_CLUSTERS] = "apart-clusters",
};
const char *const strategy_names[STRATEGY_COUNT] = {
    [STRATEGY_SPREAD] = "spread", [STRATEGY_PACK] = "pack",
};
const char *const ruled_strategy_names[RULED_STRATEGY_COUNT] = {
    [RULED_ANYHOW] = "anyhow", [RULED_SPREAD] = "spread", [RULED_PACK] = "pack",
};

static const struct field placing_fields[] = {
    {field_of(struct placing, cluster), .number = 1,
     .about = "Name of the cluster to use; absent: any.", .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct placing, must), .number = 2, .about = "Labels that the cluster must have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct placing, prefer), .number = 3, .about = "Labels that it should have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct placing, avoid), .number = 4, .about = "Labels that it should not have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {.name = "group_rule", .number = 5, .about = "Beside others of its group.", .kind = FIELD_ENUM,
     field_at(struct placing, rule), field_names(group_rule_names)},
    {field_of(struct placing, strategy), .number = 6, .about = "Where most room is, or least.",
     .kind = FIELD_ENUM, field_names(strategy_names)},
};
const struct table placing_table = {"placing", "Where a VM may go.", sizeof(struct placing),
                                    field_rows(placing_fields)};

static const struct field ruling_fields[] = {
    {field_of(struct ruling, clusters), .number = 1,
     .about = "Clusters that it may be in, by name, a blank between; * stands for any characters; "
              "absent: all.",
     .kind = FIELD_BLOB, .most = limit_rule_words, .check = CHECK_PATTERNS},
    {field_of(struct ruling, must), .number = 2, .about = "Labels that the cluster must have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct ruling, must_not), .number = 3, .about = "Labels that it must not have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct ruling, prefer), .number = 4, .about = "Labels that it should have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct ruling, avoid), .number = 5, .about = "Labels that it should not have.",
     .kind = FIELD_BLOB, .most = limit_labels, .check = CHECK_LABELS},
    {field_of(struct ruling, strategy), .number = 6,
     .about = "Where most room is, or least, whatever its request says; absent: as that says.",
     .kind = FIELD_ENUM, field_names(ruled_strategy_names)},
};
const struct table ruling_table = {"ruling", "Where VMs go, by a rule.", sizeof(struct ruling),
                                   field_rows(ruling_fields)};

bool ruling_allows(const struct ruling *ruling, const char *cluster, const char *labels) {
    size_t length = 0;
    return patterns_fit(ruling->clusters, cluster) &&
           !labels_missing(labels, ruling->must, &length) &&
           !labels_matching(labels, ruling->must_not);
}

bool ruling_bounds(const struct ruling *ruling) {
    return ruling->clusters || ruling->must || ruling->must_not;
}

bool ruling_says(const struct ruling *ruling) {
    return ruling_bounds(ruling) || ruling->prefer || ruling->avoid || ruling->strategy;
}
