/* What a node has committed, as the bytes of the store's face: what that loses is lost. And what
 * goes wrong with disks and the processes that write to them. */
#pragma once

#include "sim/world/world.h"

/* A committed record. */
struct sim_row {
    struct list node;
    const struct table *table;
    char *bytes; /* in the packed form */
    size_t length;
    char key[];
};

/* Draws from the disks' stream. Even worlds (pair.c) have their faults elsewhere. */
uint64_t disk_draw(struct sim_world *world, uint64_t bound);
bool disk_fault(struct sim_world *world, uint32_t per_mille);

void disk_put(struct sim_world *world, struct sim_node *node, const struct record *record);
void disk_delete(struct sim_node *node, const struct record *record);
const struct sim_row *disk_row(const struct sim_node *node, const struct table *table,
                               const char *key);

/* All is gone but the keys, which stand in the configuration, too. */
void disk_lose(struct sim_node *node);

/* Fills the record whose key is set from its row. False: there is none. */
bool disk_fetch(struct sim_world *world, const struct sim_node *node, struct record *record);

/* Fills *out_record from the row; the caller deinits. */
void disk_read(struct sim_world *world, const struct sim_row *row, struct record *out_record);

/* Is it on the agent's disk that the VM is in this state? */
bool disk_says(struct sim_world *world, const struct sim_node *node, const char *vm,
               enum vm_state state);
void disk_free(struct sim_node *node);
