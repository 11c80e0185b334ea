/* A sorted array: what ends comes near its end, what goes for want of room goes near its begin. */
#include "core/upstream/archive.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const char op_prefix[] = "op", vm_prefix[] = "vm";

/* The number in an id of this kind; false: it is of another, or not of 128 bits. */
static bool number_of(const char *id, const char *prefix, char out[id_number_bytes]) {
    char packed[id_packed_most];
    size_t length = id_pack(id, packed), before = strlen(prefix);
    if (length != before + id_number_bytes || memcmp(packed, prefix, before) != 0)
        return false;
    memcpy(out, packed + before, id_number_bytes);
    return true;
}

static bool half_of(const char *vm, uint64_t *out) {
    char number[id_number_bytes];
    if (!number_of(vm, vm_prefix, number))
        return false;
    memcpy(out, number + id_number_bytes - sizeof(*out), sizeof(*out));
    return true;
}

void archive_deinit(struct archive *archive) {
    memory_free(archive->items);
    *archive = (struct archive){0};
}

size_t archive_count(const struct archive *archive) { return archive->end - archive->first; }

/* The first place whose number is not smaller. */
static size_t place_of(const struct archive *archive, const char number[id_number_bytes]) {
    size_t low = archive->first, high = archive->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(archive->items[middle].op, number, id_number_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t archive_before(const struct archive *archive, const char *op) {
    char number[id_number_bytes];
    return *op && number_of(op, op_prefix, number) ? place_of(archive, number) : archive->end;
}

size_t archive_find(const struct archive *archive, const char *op) {
    char number[id_number_bytes];
    if (!number_of(op, op_prefix, number))
        return archive->end;
    size_t at = place_of(archive, number);
    bool found = at < archive->end && !memcmp(archive->items[at].op, number, id_number_bytes);
    return found ? at : archive->end;
}

/* Room behind the end: what went at the begin is used again before the array grows. */
static void make_room(struct archive *archive) {
    size_t count = archive_count(archive);
    if (archive->end < archive->capacity)
        return;
    if (archive->first > archive->capacity / 16) {
        memmove(archive->items, archive->items + archive->first, count * sizeof(*archive->items));
        archive->first = 0;
        archive->end = count;
        return;
    }
    archive->capacity += archive->capacity / 16 + 64;
    archive->items = memory_resize(archive->items, archive->capacity * sizeof(*archive->items));
}

bool archive_add(struct archive *archive, const struct operation *op,
                 struct tenant_entry *tenant) {
    struct archived archived = {.tenant = tenant};
    if (!number_of(op->id, op_prefix, archived.op) || !half_of(op->vm, &archived.vm))
        return false;
    make_room(archive);
    size_t at = place_of(archive, archived.op);
    memmove(archive->items + at + 1, archive->items + at,
            (archive->end - at) * sizeof(*archive->items));
    archive->items[at] = archived;
    archive->end++;
    return true;
}

void archive_remove(struct archive *archive, size_t at) {
    assert(at >= archive->first && at < archive->end);
    memmove(archive->items + archive->first + 1, archive->items + archive->first,
            (at - archive->first) * sizeof(*archive->items));
    archive->first++;
}

size_t archive_oldest(const struct archive *archive, const struct tenant_entry *tenant) {
    size_t at = archive->first;
    while (at < archive->end && archive->items[at].tenant != tenant)
        at++;
    return at;
}

bool archive_is_of(const struct archived *archived, const char *vm) {
    uint64_t half = 0;
    return half_of(vm, &half) && archived->vm == half;
}

void archive_id(const struct archived *archived, char out_op[limit_id_size]) {
    char packed[sizeof(op_prefix) - 1 + id_number_bytes];
    memcpy(packed, op_prefix, sizeof(op_prefix) - 1);
    memcpy(packed + sizeof(op_prefix) - 1, archived->op, id_number_bytes);
    id_unpack(packed, sizeof(packed), out_op);
}
