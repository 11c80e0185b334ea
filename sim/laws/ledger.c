/* Entries are found by a text, and kept in the order in which they came. */
#include "sim/laws/ledger.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void ledger_init(struct ledger *ledger, size_t size) {
    map_init(&ledger->by_key, 0);
    list_init(&ledger->entries);
    ledger->size = size;
}

void ledger_deinit(struct ledger *ledger) {
    struct list *at = NULL, *next = NULL;
    list_each(at, next, &ledger->entries)
        memory_free(container_of(at, struct entry, in_ledger));
    map_deinit(&ledger->by_key);
}

static void write_key(char *key, size_t size, const struct sim_node *node, const char *name) {
    struct text text = {.data = key, .capacity = size, .limit = size - 1}; /* so it never grows */
    text_add_number(&text, node->index);
    text_add(&text, "/");
    text_add(&text, name);
}

void *ledger_get(const struct ledger *ledger, const struct sim_node *node, const char *name) {
    char key[sizeof(((struct entry *)NULL)->key)];
    write_key(key, sizeof(key), node, name);
    return map_get(&ledger->by_key, key);
}

void *ledger_put(struct ledger *ledger, const struct sim_node *node, const char *name) {
    struct entry *entry = ledger_get(ledger, node, name);
    if (entry)
        return entry;
    entry = memory_new(1, ledger->size);
    entry->node = node;
    write_key(entry->key, sizeof(entry->key), node, name);
    map_put(&ledger->by_key, entry->key, entry);
    list_add(&ledger->entries, &entry->in_ledger);
    return entry;
}

void ledger_drop(struct ledger *ledger, void *entry) {
    struct entry *it = entry;
    if (!it)
        return;
    (void)map_remove(&ledger->by_key, it->key);
    list_remove(&it->in_ledger);
    memory_free(it);
}

const char *ledger_name(const struct entry *entry) { return strchr(entry->key, '/') + 1; }
