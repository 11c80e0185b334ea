/* What one durable commit costs on this disk: our own store, one VM and one operation in each. It
 * begins with commits that are not counted, until the write-ahead log has its full size, as that
 * of a daemon has after its first few hundred.
 *
 *     bench-commit FILE COUNT */
#include <stdio.h>

#include "base/text.h"
#include "io/store/store.h"
#include "measure.h"
#include "message/model.h"

static void put(struct store *store, const struct table *table, void *data) {
    struct record record = record_copy(table, data);
    store_put(store, &record);
}

static void commit(struct store *store, size_t number) {
    struct error err = {0};
    struct stored_vm stored = {.vm = {.name = "bench", .asker = "acme", .place = "north",
                                      .shape = "nano", .image = "empty", .state = VM_RUNNING}};
    struct vm *vm = &stored.vm;
    char place[] = "north";
    struct timeline_entry timeline[] = {{.at_ms = 1, .step = STEP_ACCEPTED, .by = BY_ASKER},
                                        {.at_ms = 2, .step = STEP_PLACED, .place = place},
                                        {.at_ms = 3, .step = STEP_INSTRUCTED},
                                        {.at_ms = 4, .step = STEP_ENDED, .by = BY_PLACE}};
    struct operation op = {.vm_name = "bench", .asker = "acme", .state = OP_SUCCEEDED,
                           .timeline = timeline, .timeline_count = array_size(timeline)};
    text_format(vm->id, sizeof(vm->id), "vm-%026zu", number);
    text_format(op.id, sizeof(op.id), "op-%026zu", number);
    text_format(op.vm, sizeof(op.vm), "%s", vm->id);
    text_format(vm->digest, sizeof(vm->digest), "%064zu", number);
    put(store, &stored_vm_table, &stored);
    put(store, &operation_table, &op);
    if (store_commit(store, &err))
        measure_fail("commit", err.text);
}

enum { warm_commits = 400 };

int main(int count, char **arguments) {
    if (count != 3)
        measure_fail("run", "usage: bench-commit FILE COUNT");
    struct error err = {0};
    struct store *store = store_open(arguments[1], "bench", &err);
    if (!store)
        measure_fail("open the store", err.text);
    for (size_t i = 0; i < warm_commits; i++)
        commit(store, i);
    struct series series = {0};
    size_t wanted = measure_number(arguments[2]);
    series_begin(&series);
    for (size_t i = 0; i < wanted; i++) {
        double begin_us = measure_now_us();
        commit(store, warm_commits + i);
        series_add(&series, measure_now_us() - begin_us);
    }
    series_end(&series);
    series_print(&series);
    series_deinit(&series);
    store_close(store);
    return 0;
}
