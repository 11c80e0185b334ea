/* Where a VM may go: what its request says, and what its operator's rule says beside that. */
#pragma once

#include <stdbool.h>

#include "message/field.h"
#include "message/limits.h"

/* How a VM is placed beside those of its group that are somewhere already. */
enum group_rule {
    GROUP_ANYHOW,
    GROUP_TOGETHER,       /* in a cluster where one of them is */
    GROUP_APART,          /* on a host where none of them is */
    GROUP_APART_CLUSTERS, /* in a cluster where none of them is */
    GROUP_RULE_COUNT,
};
extern const char *const group_rule_names[GROUP_RULE_COUNT];

enum strategy {
    STRATEGY_SPREAD, /* where most room is */
    STRATEGY_PACK,   /* where least room is that is enough */
    STRATEGY_COUNT,
};
extern const char *const strategy_names[STRATEGY_COUNT];

/* What a rule says of that. */
enum ruled_strategy { RULED_ANYHOW, RULED_SPREAD, RULED_PACK, RULED_STRATEGY_COUNT };
extern const char *const ruled_strategy_names[RULED_STRATEGY_COUNT];

/* What a request says of where its VM may go; kept for the case that a place refuses. */
struct placing {
    char cluster[limit_name_size]; /* "": any */
    char *must, *prefer, *avoid;   /* labels; NULL: none */
    enum group_rule rule;
    enum strategy strategy;
};
extern const struct table placing_table;

/* What a rule says of where the VMs go that it matches (records/rule.h). */
struct ruling {
    char *clusters; /* patterns of names, a blank between: it goes to one of these; NULL: to any */
    char *must, *must_not; /* labels: the cluster has all of these, and none of those */
    char *prefer, *avoid;  /* labels: weighed as a request's own are, beside them */
    enum ruled_strategy strategy;
};
extern const struct table ruling_table;

/* Does it let a VM be in the cluster of this name, with these labels? */
bool ruling_allows(const struct ruling *ruling, const char *cluster, const char *labels);

/* Does it leave any cluster out? Does it say anything at all? */
bool ruling_bounds(const struct ruling *ruling);
bool ruling_says(const struct ruling *ruling);
