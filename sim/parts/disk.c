/* A node's disk: its stored records as the bytes that the store would hold, so that a restart
 * reads what was written and not what was meant. */
#include "sim/parts/disk.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "message/codec/pack.h"
#include "message/codec/unpack.h"
#include "message/pending.h"
#include "message/stored.h"
#include "sim/world/fact.h"

enum { row_key_size = 256 };

static void row_key(const struct table *table, const char *key, char *out_key) {
    size_t length = strlen(table->name);
    memcpy(out_key, table->name, length);
    out_key[length] = '/';
    text_set_sized(out_key + length + 1, row_key_size - length - 1, key);
}

uint64_t disk_draw(struct sim_world *world, uint64_t bound) {
    world_note(world, STREAM_DISK, world->disk.state[0]);
    return prng_below(&world->disk, bound);
}

bool disk_fault(struct sim_world *world, uint32_t per_mille) {
    return per_mille && !world->settings.even && !world->healing &&
           disk_draw(world, 1000) < per_mille;
}

const struct sim_row *disk_row(const struct sim_node *node, const struct table *table,
                               const char *key) {
    char full[row_key_size];
    row_key(table, key, full);
    return map_get(&node->disk, full);
}

static void remove_row(struct sim_node *node, struct sim_row *row) {
    (void)map_remove(&node->disk, row->key);
    list_remove(&row->node);
    node->rows_count--;
    memory_free(row->bytes);
    memory_free(row);
}

void disk_delete(struct sim_node *node, const struct record *record) {
    char key[row_key_size];
    row_key(record->table, pending_key(record), key);
    struct sim_row *row = map_get(&node->disk, key);
    if (row)
        remove_row(node, row);
}

void disk_lose(struct sim_node *node) {
    list_for(struct sim_row, row, &node->rows, node) {
        if (row->table != &pin_table && row->table != &next_pin_table)
            remove_row(node, row);
    }
}

void disk_put(struct sim_world *world, struct sim_node *node, const struct record *record) {
    char key[row_key_size];
    struct text text = {0};
    codec_pack(record->table, record->data, FIELD_STORE, &text);
    world_mix(world, text_data(&text), text.length);
    world->stats.saves++;
    row_key(record->table, pending_key(record), key);
    struct sim_row *row = map_get(&node->disk, key);
    if (!row) {
        size_t size = strlen(key) + 1;
        row = memory_new(1, sizeof(*row) + size);
        row->table = record->table;
        text_set_sized(row->key, size, key);
        map_put(&node->disk, row->key, row);
        list_add(&node->rows, &row->node);
        node->rows_count++;
    }
    memory_free(row->bytes);
    row->bytes = memory_copy(text_data(&text), text.length);
    row->length = text.length;
    text_deinit(&text);
}

void disk_read(struct sim_world *world, const struct sim_row *row, struct record *out_record) {
    struct codec_fault fault;
    *out_record = (struct record){row->table, memory_new(1, row->table->size)};
    struct codec_input input = {row->bytes, row->length, FIELD_STORE, CODEC_REFUSE_UNKNOWN};
    if (codec_unpack(row->table, &input, out_record->data, &fault))
        world_observe(world, &(struct fact){FACT_UNREADABLE, .unreadable = {row->key, &fault}});
}

bool disk_fetch(struct sim_world *world, const struct sim_node *node, struct record *record) {
    const struct sim_row *row = disk_row(node, record->table, pending_key(record));
    if (!row)
        return false;
    record_deinit(record);
    disk_read(world, row, record);
    return true;
}

bool disk_says(struct sim_world *world, const struct sim_node *node, const char *vm,
               enum vm_state state) {
    const struct sim_row *row = disk_row(node, &stored_vm_table, vm);
    struct record record = {0};
    if (!row)
        return false;
    disk_read(world, row, &record);
    bool is = ((const struct vm *)record.data)->state == state;
    record_deinit(&record);
    return is;
}

void disk_free(struct sim_node *node) {
    list_for(struct sim_row, row, &node->rows, node) {
        memory_free(row->bytes);
        memory_free(row);
    }
    map_deinit(&node->disk);
}
