/* When a delivery is sealed and sent, when it is tried again, and when it is given up. */
#include "core/manager/deliveries.h"

#include "base/memory.h"
#include "core/books/book.h"
#include "core/effect.h"
#include "message/owner.h"

enum {
    minute_ms = 60000,
    in_minute_most = 5,   /* then they are gathered */
    waiting_most = 8,     /* at one contact: what comes then is gathered */
    under_way_most = 64,
    unfetched_ms = 60000, /* from then on its contact says so */
};
static const uint64_t pauses_ms[] = {10000, 60000, 300000, 1800000, 7200000, 28800000, 86400000};

struct contact_asker {
    char tenant[limit_name_size];
    struct list contacts; /* contact_entry.by_asker */
    size_t count;
};

struct row {
    struct delivery record;
    struct list by_contact;
    struct contact_entry *contact;
};

void deliveries_init(struct deliveries *deliveries, uint64_t seed, unsigned usual) {
    *deliveries = (struct deliveries){.usual = usual};
    prng_init(&deliveries->ids.prng, seed);
    map_init(&deliveries->askers, seed);
    map_init(&deliveries->contacts, seed);
    map_init(&deliveries->rows, seed);
    list_init(&deliveries->by_age);
    list_init(&deliveries->fetched);
}

static struct contact_asker *asker_of(struct deliveries *deliveries, const char *tenant) {
    struct contact_asker *asker = map_get(&deliveries->askers, tenant);
    if (asker)
        return asker;
    asker = memory_new(1, sizeof(*asker));
    text_set_sized(asker->tenant, sizeof(asker->tenant), tenant);
    list_init(&asker->contacts);
    map_put(&deliveries->askers, asker->tenant, asker);
    return asker;
}

static unsigned wants_of(const struct deliveries *deliveries, const struct contact *contact) {
    unsigned wants = 0, usual = *contact->tenant ? contact_tenants_events : deliveries->usual;
    for (unsigned i = 0; contact->events && i < NOTICE_EVENT_COUNT; i++)
        wants |= words_have(contact->events, notice_event_names[i]) ? 1U << i : 0;
    return contact->events ? wants : usual;
}

static struct contact_entry *add_contact(struct deliveries *deliveries,
                                         const struct contact *record) {
    struct contact_entry *contact = memory_new(1, sizeof(*contact));
    record_clone(&contact_table, record, &contact->record);
    contact->wants = wants_of(deliveries, record);
    if (!contact_quiet_read(record->quiet, &contact->quiet))
        contact->quiet = (struct quiet_hours){0};
    list_init(&contact->rows);
    list_init(&contact->by_fetch);
    contact->asker = asker_of(deliveries, record->tenant);
    contact->asker->count++;
    list_add(&contact->asker->contacts, &contact->by_asker);
    list_add(&deliveries->by_age, &contact->by_age);
    map_put(&deliveries->contacts, contact->record.id, contact);
    return contact;
}

static struct row *first_row(const struct contact_entry *contact) {
    return list_is_empty(&contact->rows)
               ? NULL : container_of(contact->rows.next, struct row, by_contact);
}

static struct row *add_row(struct deliveries *deliveries, struct contact_entry *contact,
                           const struct delivery *record) {
    struct row *row = memory_new(1, sizeof(*row));
    record_clone(&delivery_table, record, &row->record);
    row->contact = contact;
    list_add(&contact->rows, &row->by_contact);
    contact->rows_count++;
    map_put(&deliveries->rows, row->record.id, row);
    return row;
}

static void drop_row(struct deliveries *deliveries, struct row *row) {
    (void)map_remove(&deliveries->rows, row->record.id);
    list_remove(&row->by_contact);
    row->contact->rows_count--;
    record_clear(&delivery_table, &row->record);
    memory_free(row);
}

static void drop_contact(struct deliveries *deliveries, struct contact_entry *contact) {
    for (struct row *row; (row = first_row(contact));)
        drop_row(deliveries, row);
    struct contact_asker *asker = contact->asker;
    (void)map_remove(&deliveries->contacts, contact->record.id);
    heap_remove(&deliveries->due, &contact->timer);
    list_remove(&contact->by_asker);
    list_remove(&contact->by_age);
    list_remove(&contact->by_fetch);
    record_clear(&contact_table, &contact->record);
    memory_free(contact);
    if (--asker->count)
        return;
    (void)map_remove(&deliveries->askers, asker->tenant);
    memory_free(asker);
}

void deliveries_deinit(struct deliveries *deliveries) {
    list_for(struct contact_entry, contact, &deliveries->by_age, by_age)
        drop_contact(deliveries, contact);
    heap_deinit(&deliveries->due);
    map_deinit(&deliveries->askers);
    map_deinit(&deliveries->contacts);
    map_deinit(&deliveries->rows);
}

/* When it may go, by the wall clock: what it was asked to send back goes at any hour. */
static uint64_t due_of(const struct row *row, uint64_t wall_ms) {
    uint64_t due_ms = row->record.due_ms > wall_ms ? row->record.due_ms : wall_ms;
    return row->record.notices_count ? quiet_hours_after_ms(&row->contact->quiet, due_ms) : due_ms;
}

/* When the contact's first one is due, unless one is under way. */
static void arm(struct deliveries *deliveries, const struct moment *moment,
                struct contact_entry *contact) {
    const struct row *row = first_row(contact);
    heap_remove(&deliveries->due, &contact->timer);
    if (row && !contact->is_busy)
        heap_set(&deliveries->due, &contact->timer,
                 moment->now_ms + due_of(row, moment->wall_ms) - moment->wall_ms);
}

void deliveries_load(struct deliveries *deliveries, const struct record *record) {
    if (record->table == &contact_table) {
        id_seen(&deliveries->ids, ((const struct contact *)record->data)->id);
        (void)!add_contact(deliveries, record->data);
    } else if (record->table == &delivery_table) {
        const struct delivery *delivery = record->data;
        struct contact_entry *contact = map_get(&deliveries->contacts, delivery->contact);
        id_seen(&deliveries->ids, delivery->id);
        if (contact)
            (void)!add_row(deliveries, contact, delivery);
    }
}

void deliveries_start(struct deliveries *deliveries, const struct moment *moment) {
    list_for(struct contact_entry, contact, &deliveries->by_age, by_age)
        arm(deliveries, moment, contact);
}

static void save_row(const struct moment *moment, const struct row *row) {
    effects_save(moment->out, &delivery_table, &row->record);
}

static void save_contact(const struct moment *moment, const struct contact_entry *contact) {
    effects_save(moment->out, &contact_table, &contact->record);
}

static struct row *begin_row(struct deliveries *deliveries, const struct moment *moment,
                             struct contact_entry *contact, const struct delivery *record) {
    struct delivery delivery = *record;
    text_set(delivery.id, id_make(&deliveries->ids, "nt", moment->wall_ms).text);
    text_set(delivery.contact, contact->record.id);
    struct row *row = add_row(deliveries, contact, &delivery);
    save_row(moment, row);
    arm(deliveries, moment, contact);
    return row;
}

struct contact_entry *deliveries_add(struct deliveries *deliveries, const struct moment *moment,
                                     struct contact *record) {
    text_set(record->id, id_make(&deliveries->ids, "ct", moment->wall_ms).text);
    struct contact_entry *contact = add_contact(deliveries, record);
    save_contact(moment, contact);
    if (*record->challenge)
        (void)!begin_row(deliveries, moment, contact,
                         &(struct delivery){.is_sealed = true, .due_ms = moment->wall_ms});
    return contact;
}

static void forget_rows(struct deliveries *deliveries, const struct moment *moment,
                        struct contact_entry *contact) {
    for (struct row *row; (row = first_row(contact));) {
        effects_forget(moment->out, &delivery_table, row->record.id);
        drop_row(deliveries, row);
    }
}

void deliveries_remove(struct deliveries *deliveries, const struct moment *moment,
                       struct contact_entry *contact) {
    forget_rows(deliveries, moment, contact);
    effects_forget(moment->out, &contact_table, contact->record.id);
    drop_contact(deliveries, contact);
}

/* It is not there to be fetched any more. */
static void end_fetching(struct deliveries *deliveries, struct contact_entry *contact) {
    list_remove(&contact->by_fetch);
    heap_remove(&deliveries->due, &contact->timer);
    contact->is_busy = false;
}

static void set_proven(const struct moment *moment, struct contact_entry *contact) {
    contact->record.proven_ms = moment->wall_ms;
    contact->record.challenge[0] = 0;
    contact->record.failed_ms = 0;
    contact->record.why[0] = 0;
}

void deliveries_prove(struct deliveries *deliveries, const struct moment *moment,
                      struct contact_entry *contact) {
    set_proven(moment, contact);
    save_contact(moment, contact);
    if (!list_is_empty(&contact->by_fetch))
        end_fetching(deliveries, contact);
    if (contact->is_busy) /* it ends by itself */
        return;
    forget_rows(deliveries, moment, contact);
    arm(deliveries, moment, contact);
}

void deliveries_remove_all(struct deliveries *deliveries, const struct moment *moment,
                           const char *tenant) {
    for (struct contact_entry *contact; (contact = deliveries_next(deliveries, tenant, NULL));)
        deliveries_remove(deliveries, moment, contact);
}

struct contact_entry *deliveries_next(const struct deliveries *deliveries, const char *tenant,
                                      const struct contact_entry *after) {
    const struct contact_asker *asker = map_get(&deliveries->askers, tenant);
    const struct list *node = after ? after->by_asker.next : asker ? asker->contacts.next : NULL;
    return !asker || node == &asker->contacts
               ? NULL
               : container_of((struct list *)node, struct contact_entry, by_asker);
}

static void add_notice(struct delivery *delivery, const struct notice *notice) {
    if (delivery->notices_count == limit_delivery_notices) {
        delivery->left_out += delivery->left_out < UINT32_MAX;
        return;
    }
    delivery->notices = memory_resize(delivery->notices, (delivery->notices_count + 1) *
                                                             sizeof(*delivery->notices));
    delivery->notices[delivery->notices_count++] = *notice;
}

/* Has it heard so much lately, or does so much wait for it, that more is told together? */
static bool is_crowded(struct contact_entry *contact, const struct moment *moment) {
    if (moment->now_ms - contact->minute_ms >= minute_ms) {
        contact->minute_ms = moment->now_ms;
        contact->in_minute = 0;
    }
    return contact->in_minute++ >= in_minute_most || contact->rows_count >= waiting_most;
}

void deliveries_tell(struct deliveries *deliveries, const struct moment *moment,
                     struct contact_entry *contact, const struct notice *notice) {
    const struct contact *record = &contact->record;
    struct notice told = *notice;
    if (!record->proven_ms || record->off_ms || !(contact->wants >> notice->event & 1))
        return;
    struct row *last = first_row(contact)
                           ? container_of(contact->rows.previous, struct row, by_contact) : NULL;
    if (last && !last->record.is_sealed) {
        add_notice(&last->record, notice);
        save_row(moment, last);
        return;
    }
    uint64_t wall_ms = moment->wall_ms;
    bool is_quiet = quiet_hours_after_ms(&contact->quiet, wall_ms) > wall_ms;
    bool gathers = is_crowded(contact, moment) || is_quiet;
    (void)!begin_row(deliveries, moment, contact,
                     &(struct delivery){.notices = &told, .notices_count = 1,
                                        .is_sealed = !gathers,
                                        .due_ms = wall_ms + (gathers ? minute_ms : 0)});
}

/* Does it carry a code that has come back already? */
static bool is_needless(const struct row *row) {
    return !row->record.notices_count && row->contact->record.proven_ms;
}

static void send_first(struct deliveries *deliveries, const struct moment *moment,
                       struct contact_entry *contact) {
    struct row *row = first_row(contact);
    if (is_needless(row)) { /* the manager was killed while it was under way */
        effects_forget(moment->out, &delivery_table, row->record.id);
        drop_row(deliveries, row);
        arm(deliveries, moment, contact);
        return;
    }
    if (!row->record.is_sealed) { /* from here on it stays as it is */
        row->record.is_sealed = true;
        save_row(moment, row);
    }
    contact->is_busy = true;
    if (contact->record.kind == CONTACT_XMPP) {
        list_add(&deliveries->fetched, &contact->by_fetch);
        heap_set(&deliveries->due, &contact->timer, moment->now_ms + unfetched_ms);
        return;
    }
    deliveries->under_way++;
    struct record to = record_copy(&contact_table, &contact->record);
    struct record what = record_copy(&delivery_table, &row->record);
    struct effect_deliver *effect = &effects_add(moment->out, EFFECT_DELIVER)->deliver;
    effect->contact = to;
    effect->delivery = what;
    effect->wall_ms = moment->wall_ms;
}

/* It waits on: whoever looks at the contact sees why. */
static void note_unfetched(const struct moment *moment, struct contact_entry *contact) {
    static const char why[] = "the program for chats (isthmus-xmpp) does not fetch it";
    if (!contact->record.failed_ms)
        contact->record.failed_ms = moment->wall_ms;
    if (text_equal(contact->record.why, why))
        return;
    text_set(contact->record.why, why);
    save_contact(moment, contact);
}

void deliveries_on_tick(struct deliveries *deliveries, const struct moment *moment) {
    struct timer *timer;
    while (deliveries->under_way < under_way_most && (timer = heap_first(&deliveries->due)) &&
           timer->due_ms <= moment->now_ms) {
        struct contact_entry *contact = container_of(timer, struct contact_entry, timer);
        heap_remove(&deliveries->due, timer);
        if (contact->is_busy)
            note_unfetched(moment, contact);
        else
            send_first(deliveries, moment, contact);
    }
}

static void on_done(struct deliveries *deliveries, const struct moment *moment, struct row *row) {
    struct contact_entry *contact = row->contact;
    bool is_proof = !row->record.notices_count;
    effects_forget(moment->out, &delivery_table, row->record.id);
    drop_row(deliveries, row);
    if (!is_proof && !contact->record.failed_ms)
        return;
    if (is_proof && contact->record.kind == CONTACT_WEBHOOK) /* it sent back the challenge */
        set_proven(moment, contact);
    contact->record.failed_ms = 0;
    contact->record.why[0] = 0;
    save_contact(moment, contact);
}

static void on_failed(struct deliveries *deliveries, const struct moment *moment, struct row *row,
                      const char *why) {
    struct contact *contact = &row->contact->record;
    bool is_given_up = row->record.tries >= array_size(pauses_ms);
    bool is_news = !contact->failed_ms || !text_equal(contact->why, why) || is_given_up;
    if (!contact->failed_ms)
        contact->failed_ms = moment->wall_ms;
    text_set(contact->why, why);
    contact->lost += is_given_up && contact->lost < UINT32_MAX;
    if (is_news)
        save_contact(moment, row->contact);
    if (is_given_up) {
        effects_forget(moment->out, &delivery_table, row->record.id);
        drop_row(deliveries, row);
        return;
    }
    uint64_t pause_ms = pauses_ms[row->record.tries++];
    row->record.due_ms =
        moment->wall_ms + pause_ms + prng_next(&deliveries->ids.prng) % (pause_ms / 4);
    save_row(moment, row);
}

static void end_row(struct deliveries *deliveries, const struct moment *moment, struct row *row,
                    const struct event_delivered *event) {
    struct contact_entry *contact = row->contact;
    contact->is_busy = false;
    switch (is_needless(row) ? DELIVERED_DONE : event->outcome) {
    case DELIVERED_DONE:
        on_done(deliveries, moment, row);
        break;
    case DELIVERED_FAILED:
        on_failed(deliveries, moment, row, event->why);
        break;
    case DELIVERED_GONE:
        forget_rows(deliveries, moment, contact);
        contact->record.off_ms = moment->wall_ms;
        text_set(contact->record.why, event->why);
        save_contact(moment, contact);
        break;
    case DELIVERED_COUNT:
        break;
    }
    arm(deliveries, moment, contact);
}

void deliveries_on_delivered(struct deliveries *deliveries, const struct moment *moment,
                             const struct event_delivered *event) {
    struct row *row = map_get(&deliveries->rows, event->delivery);
    deliveries->under_way--;
    if (row) /* its contact was not removed meanwhile */
        end_row(deliveries, moment, row, event);
}

/* What was not fetched in time may have come into quiet hours. */
const struct contact_entry *deliveries_next_fetched(const struct deliveries *deliveries,
                                                    uint64_t wall_ms,
                                                    const struct contact_entry *after,
                                                    struct chat_delivery *out) {
    const struct list *node = after ? after->by_fetch.next : deliveries->fetched.next;
    for (; node != &deliveries->fetched; node = node->next) {
        const struct contact_entry *contact =
            container_of((struct list *)node, struct contact_entry, by_fetch);
        const struct row *row = first_row(contact);
        if (due_of(row, wall_ms) > wall_ms)
            continue;
        *out = (struct chat_delivery){row->record, contact->record};
        if (row->record.notices_count)
            out->contact.challenge[0] = 0;
        return contact;
    }
    return NULL;
}

bool deliveries_end_fetched(struct deliveries *deliveries, const struct moment *moment,
                            const struct event_delivered *event) {
    struct row *row = map_get(&deliveries->rows, event->delivery);
    if (!row || list_is_empty(&row->contact->by_fetch) || row != first_row(row->contact))
        return false;
    end_fetching(deliveries, row->contact);
    end_row(deliveries, moment, row, event);
    return true;
}

uint64_t deliveries_deadline_ms(const struct deliveries *deliveries) {
    const struct timer *first = heap_first(&deliveries->due);
    return first && deliveries->under_way < under_way_most ? first->due_ms : book_never;
}
