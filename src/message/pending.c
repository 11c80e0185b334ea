/* Rows by table and key, where the last word on a row is the one that counts. */
#include "message/pending.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

void pending_init(struct pending *pending) {
    map_init(&pending->by_key, 0);
    list_init(&pending->rows);
}

void pending_clear(struct pending *pending) {
    list_for(struct pending_row, row, &pending->rows, node) {
        (void)map_remove(&pending->by_key, row->key);
        list_remove(&row->node);
        record_deinit(&row->record);
        memory_free(row);
    }
}

void pending_deinit(struct pending *pending) {
    pending_clear(pending);
    map_deinit(&pending->by_key);
}

const char *pending_key(const struct record *record) {
    assert(record->table->fields[0].kind == FIELD_TEXT);
    return (const char *)record->data + record->table->fields[0].offset;
}

void pending_add(struct pending *pending, struct record *record, bool is_deletion) {
    const char *table = record->table->name, *key = pending_key(record);
    size_t size = strlen(table) + 1 + strlen(key) + 1;
    struct pending_row *row = memory_new(1, sizeof(*row) + size);
    text_format(row->key, size, "%s %s", table, key);
    struct pending_row *before = map_get(&pending->by_key, row->key);
    if (before) {
        memory_free(row);
        row = before;
        record_deinit(&row->record);
    } else {
        map_put(&pending->by_key, row->key, row);
        list_add(&pending->rows, &row->node);
    }
    row->record = *record;
    *record = (struct record){0};
    row->is_deletion = is_deletion;
}
