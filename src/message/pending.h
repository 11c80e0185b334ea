/* What is to be written with the next commit: of each row its newest record, or that it is to be
 * deleted. A row that a turn changes five times is written once. */
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "message/field.h"

struct pending_row {
    struct list node;
    struct record record;
    bool is_deletion;
    char key[]; /* "table key" */
};

struct pending {
    struct map by_key;
    struct list rows; /* in the order in which they were first changed */
};

void pending_init(struct pending *pending);

/* Frees the rows; what is added later begins anew. */
void pending_clear(struct pending *pending);
void pending_deinit(struct pending *pending);

/* Takes the record, which is left empty. */
void pending_add(struct pending *pending, struct record *record, bool is_deletion);

/* The key of a stored record: its table's first field. */
const char *pending_key(const struct record *record);
