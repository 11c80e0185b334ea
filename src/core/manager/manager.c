/* In which order what both managers have begins and ends, and what of it is due first. */
#include "core/manager/manager.h"

#include "core/below/step.h"

void manager_init(struct manager *manager, const struct manager_kind *kind,
                  const struct role_settings *settings) {
    *manager = (struct manager){.kind = kind};
    incarnation_init(&manager->own, settings->seed);
    manager->own.lease_ms = settings->lease_ms; /* or a longer one that was given before */
    prng_init(&manager->prng, settings->seed);
    prng_init(&manager->ids.prng, prng_next(&manager->prng));
    book_init(&manager->book, kind->books, prng_next(&manager->prng), &manager->moment);
    downlink_init(&manager->downlink, settings, &manager->book, &manager->prng);
    manager->downlink.own = &manager->own;
    enrol_init(&manager->enrol);
    audit_init(&manager->audit, settings);
    list_init(&manager->evictions);
    list_init(&manager->reads);
    list_init(&manager->streams.all);
    manager->streams.hash = settings->hash;
    text_set(manager->streams.url, settings->stream_url ? settings->stream_url : "");
    text_set(manager->streams.pin, settings->stream_pin);
}

void manager_deinit(struct manager *manager) {
    audit_deinit(&manager->audit);
    enrol_deinit(&manager->enrol);
    downlink_deinit(&manager->downlink);
    book_deinit(&manager->book);
}

void manager_load_incarnations(struct manager *manager, const struct record *record) {
    incarnation_load(&manager->own, record);
    for (size_t i = 0; record->table == &known_incarnation_table && i < manager->downlink.count;
         i++) {
        struct peer *peer = &manager->downlink.peers[i];
        incarnation_load_known(&peer->known, peer_pinned(peer), record);
    }
}

static void give_way(struct manager *manager) {
    struct effects *out = manager->moment.out;
    manager->deposed = manager->stopping = true;
    effects_add(out, EFFECT_DEPOSED)->deposed = (struct effect_deposed){
        manager->own.incarnation.term, manager->own.later};
    effects_add(out, EFFECT_DONE);
}

bool manager_begin(struct manager *manager) {
    if (manager->own.later)
        give_way(manager);
    else
        incarnation_begin(&manager->own, &manager->moment);
    return !manager->deposed;
}

void manager_on_disk(struct manager *manager, const struct event *event) {
    manager->disk_full = event->disk.is_full;
    manager->downlink.changed = true;
    effects_note_disk(manager->moment.out, manager->disk_full, "of the books");
}

void manager_on_end_of_step(struct manager *manager) {
    if (!manager->downlink.deposed) {
        downlink_on_end_of_step(&manager->downlink);
        return;
    }
    incarnation_depose(&manager->own, manager->downlink.deposed, &manager->moment);
    give_way(manager);
}

uint64_t manager_deadline_ms(const struct manager *manager) {
    uint64_t due = downlink_deadline_ms(&manager->downlink);
    uint64_t audit = audit_deadline_ms(&manager->audit);
    const struct timer *op = heap_first(&manager->book.timers);
    due = audit < due ? audit : due;
    return op && op->due_ms < due ? op->due_ms : due;
}

void manager_check(const struct manager *manager) {
    book_check(&manager->book);
    downlink_check(&manager->downlink);
}
