/* What a law remembers: entries of the law's own struct, each by a node and a name. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "sim/world/world.h"

/* What a law's struct begins with. */
struct entry {
    struct list in_ledger;
    const struct sim_node *node;
    char key[128]; /* "node/name" */
};

struct ledger {
    struct map by_key;
    struct list entries;
    size_t size; /* of one */
};

void ledger_init(struct ledger *ledger, size_t size);
void ledger_deinit(struct ledger *ledger);

/* NULL: there is none. */
void *ledger_get(const struct ledger *ledger, const struct sim_node *node, const char *name);

/* The one that is there, or a new one, zeroed. */
void *ledger_put(struct ledger *ledger, const struct sim_node *node, const char *name);

/* The entry may be NULL. */
void ledger_drop(struct ledger *ledger, void *entry);
const char *ledger_name(const struct entry *entry);
