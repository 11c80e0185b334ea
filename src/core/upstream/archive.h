/* Operations that have ended and are in the store alone. In memory are their ids, the ids of their
 * VMs and whose they are, so that a list knows its rows without reading any; the shell reads those
 * of a page when the reply leaves (reply_fetch()). */
#pragma once

#include "message/id.h"
#include "message/model.h"

struct tenant_entry;

struct archived {
    char op[id_number_bytes]; /* without its prefix */
    uint64_t vm;              /* the random half of its number, which no other VM shares */
    struct tenant_entry *tenant;
};

/* By the operations' ids, so by their age: items[first] to items[end - 1]. */
struct archive {
    struct archived *items;
    size_t first, end, capacity;
};

void archive_deinit(struct archive *archive);
size_t archive_count(const struct archive *archive);

/* False: its id has no packed form. It is not there yet. */
bool archive_add(struct archive *archive, const struct operation *op, struct tenant_entry *tenant);
void archive_remove(struct archive *archive, size_t at);

/* Where it stands; archive->end: nowhere. */
size_t archive_find(const struct archive *archive, const char *op);

/* The place behind all that are older than the operation of this id; "": archive->end. */
size_t archive_before(const struct archive *archive, const char *op);

/* The tenant's oldest; archive->end: it has none. */
size_t archive_oldest(const struct archive *archive, const struct tenant_entry *tenant);

/* Is it of the VM of this id? */
bool archive_is_of(const struct archived *archived, const char *vm);

void archive_id(const struct archived *archived, char out_op[limit_id_size]);
