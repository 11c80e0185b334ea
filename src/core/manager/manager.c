/* In which order what both managers have begins and ends, and what of it is due first. */
#include "core/manager/manager.h"

void manager_init(struct manager *manager, const struct manager_kind *kind,
                  const struct role_settings *settings) {
    *manager = (struct manager){.kind = kind};
    prng_init(&manager->prng, settings->seed);
    prng_init(&manager->ids.prng, prng_next(&manager->prng));
    book_init(&manager->book, kind->books, prng_next(&manager->prng), &manager->moment);
    downlink_init(&manager->downlink, settings, &manager->book, &manager->prng);
    enrol_init(&manager->enrol);
}

void manager_deinit(struct manager *manager) {
    enrol_deinit(&manager->enrol);
    downlink_deinit(&manager->downlink);
    book_deinit(&manager->book);
}

uint64_t manager_deadline_ms(const struct manager *manager) {
    uint64_t due = downlink_deadline_ms(&manager->downlink);
    const struct timer *op = heap_first(&manager->book.timers);
    return op && op->due_ms < due ? op->due_ms : due;
}

void manager_check(const struct manager *manager) {
    book_check(&manager->book);
    downlink_check(&manager->downlink);
}
