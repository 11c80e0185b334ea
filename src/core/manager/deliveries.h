/* What contacts are told, from the moment that something happened until it has arrived. A delivery
 * is stored with what it tells of, in one transaction, and sent when that is on disk, as often as
 * it takes: so it arrives at least once, always with the same id.
 *
 *   gathering --its time, or at once where there are few--> sealed --sent--> gone
 *                     sealed --failed--> sealed, later        --too often--> given up
 *
 * One contact has one under way at a time. Who has heard much within a minute, cannot be reached,
 * or wants to be left alone at this hour, is told the rest together.
 *
 * What is told by chat is not sent but fetched, as often as its fetcher likes, and stays until that
 * one has said what became of it. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/event.h"
#include "core/moment.h"
#include "message/id.h"
#include "message/records/contact.h"

struct deliveries {
    unsigned usual; /* what those who are no tenant's are told where nothing is said */
    struct id_maker ids;
    struct map askers, contacts, rows; /* by tenant; by id */
    struct list by_age;   /* contact_entry */
    struct heap due;      /* contact_entry.timer */
    uint32_t under_way;
    struct list fetched;  /* contact_entry.by_fetch: whose first delivery is there to be fetched */
};

struct contact_asker; /* a tenant, or the operators or owner, with contacts */

struct contact_entry {
    struct contact record;
    unsigned wants; /* bits 1 << enum notice_event */
    struct quiet_hours quiet;
    struct list by_age, by_asker;
    struct contact_asker *asker;
    struct list rows; /* its deliveries, the oldest first */
    size_t rows_count;
    struct timer timer;
    bool is_busy;
    struct list by_fetch;
    uint64_t minute_ms;
    uint32_t in_minute; /* deliveries that were begun since */
};

void deliveries_init(struct deliveries *deliveries, uint64_t seed, unsigned usual);
void deliveries_deinit(struct deliveries *deliveries);

/* Stored records; others are left alone. */
void deliveries_load(struct deliveries *deliveries, const struct record *record);

/* All are loaded: what is on its way goes on. */
void deliveries_start(struct deliveries *deliveries, const struct moment *moment);

/* The contact is known from here on, copied; its challenge is sent where it has one. */
struct contact_entry *deliveries_add(struct deliveries *deliveries, const struct moment *moment,
                                     struct contact *record);
void deliveries_remove(struct deliveries *deliveries, const struct moment *moment,
                       struct contact_entry *contact);
void deliveries_remove_all(struct deliveries *deliveries, const struct moment *moment,
                           const char *tenant);

/* Its code came back: it is told from here on, and no code is sent any more. */
void deliveries_prove(struct deliveries *deliveries, const struct moment *moment,
                      struct contact_entry *contact);

/* The contacts of a tenant, or of the operators or owner (""), one after the other; NULL: no
 * more. */
struct contact_entry *deliveries_next(const struct deliveries *deliveries, const char *tenant,
                                      const struct contact_entry *after);

/* It is to be told of this, if it wants to be and is proven. */
void deliveries_tell(struct deliveries *deliveries, const struct moment *moment,
                     struct contact_entry *contact, const struct notice *notice);

/* What is due is sent. */
void deliveries_on_tick(struct deliveries *deliveries, const struct moment *moment);
void deliveries_on_delivered(struct deliveries *deliveries, const struct moment *moment,
                             const struct event_delivered *event);

/* What there is to be fetched at this wall clock, one contact after the other; NULL: no more.
 * Borrowed. */
const struct contact_entry *deliveries_next_fetched(const struct deliveries *deliveries,
                                                    uint64_t wall_ms,
                                                    const struct contact_entry *after,
                                                    struct chat_delivery *out);

/* What became of a delivery that was fetched. False: there is no such one (any more). */
bool deliveries_end_fetched(struct deliveries *deliveries, const struct moment *moment,
                            const struct event_delivered *event);
uint64_t deliveries_deadline_ms(const struct deliveries *deliveries);
