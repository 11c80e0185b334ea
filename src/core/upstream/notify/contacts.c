/* Which contacts there may be, and how many. */
#include "core/upstream/notify/contacts.h"

#include <string.h>

#include "message/owner.h"

enum { hour_ms = 3600000, in_hour_most = 16 };

static const char *asker_of(const struct call *call) {
    return call->tenant ? call->tenant->record.name : "";
}

/* By id, or by name. */
static struct contact_entry *find(const struct call *call, const char *key) {
    const struct deliveries *deliveries = &call->upstream->deliveries;
    struct contact_entry *contact = NULL;
    while ((contact = deliveries_next(deliveries, asker_of(call), contact)))
        if (text_equal(contact->record.id, key) || text_equal(contact->record.name, key))
            return contact;
    return NULL;
}

static size_t count(const struct call *call) {
    size_t found = 0;
    struct contact_entry *contact = NULL;
    while ((contact = deliveries_next(&call->upstream->deliveries, asker_of(call), contact)))
        found++;
    return found;
}

static bool names_cluster(const char *events) {
    return words_have(events, notice_event_names[NOTICE_CLUSTER_AWAY]) ||
           words_have(events, notice_event_names[NOTICE_CLUSTER_BACK]);
}

/* A challenge goes wherever a tenant says: not too often. */
static bool admit_challenge(const struct call *call) {
    struct tenant_entry *tenant = call->tenant;
    if (!tenant)
        return true;
    if (call->moment->now_ms - tenant->contacts_hour_ms >= hour_ms) {
        tenant->contacts_hour_ms = call->moment->now_ms;
        tenant->contacts_made = 0;
    }
    return tenant->contacts_made++ < in_hour_most;
}

/* Can it be told there? */
static bool admit_address(const struct call *call) {
    const struct contact *wish = &call->request->contact;
    const char *address = wish->address ? wish->address : "";
    switch (wish->kind) {
    case CONTACT_JOURNAL:
        if (call->tenant)
            call_problem(call, CODE_FORBIDDEN, "kind", "%s",
                         "the manager's journal is its operators'");
        else if (*address)
            call_problem(call, CODE_INVALID, "address", "%s", "the journal has none");
        else
            return true;
        return false;
    case CONTACT_WEBHOOK:
        if (text_starts(address, "https://") || text_starts(address, "http://"))
            return true;
        call_problem(call, CODE_INVALID, "address", "%s", "a webhook's begins with https://");
        return false;
    case CONTACT_MAIL:
        if (!call->upstream->settings.mails)
            call_problem(call, CODE_FORBIDDEN, "kind", "%s",
                         "this cloud sends no mail: its operator has named no mail server "
                         "([notify] smtp_url)");
        else if (!contact_is_mail_address(address))
            call_problem(call, CODE_INVALID, "address", "%s",
                         "a mail address is written like anna@example.org");
        else
            return true;
        return false;
    case CONTACT_KIND_COUNT:
        break;
    }
    return false;
}

static bool admit(const struct call *call) {
    const struct contact *wish = &call->request->contact;
    char word[limit_name_size];
    if (find(call, wish->name))
        call_problem(call, CODE_CONFLICT, "name", "there is a contact '%s' already", wish->name);
    else if (count(call) >= limit_contacts)
        call_problem(call, CODE_FULL, "", "there are %d contacts, the most that may be: remove one",
                     limit_contacts);
    else if (!admit_address(call))
        return false;
    else if (wish->events && notice_events_have_other(wish->events, word))
        call_problem(call, CODE_INVALID, "events", "'%s' is none of what happens", word);
    else if (wish->events && call->tenant && names_cluster(wish->events))
        call_problem(call, CODE_FORBIDDEN, "events", "%s", "clusters are the operators' to watch");
    else if (!admit_challenge(call))
        call_problem(call, CODE_FULL, "", "%d contacts were made within an hour: wait",
                     in_hour_most);
    else
        return true;
    return false;
}

void contacts_add(const struct call *call) {
    struct contact contact = call->request->contact; /* borrowed; copied by the book */
    if (!admit(call))
        return;
    contact.created_ms = call->moment->wall_ms;
    if (call->tenant) {
        text_set(contact.tenant, call->tenant->record.name);
        contact.tenant_ms = call->tenant->record.created_ms;
    }
    if (contact.kind == CONTACT_JOURNAL) { /* it is there */
        contact.proven_ms = call->moment->wall_ms;
        contact.challenge[0] = 0;
    }
    if (contact.kind != CONTACT_WEBHOOK) /* nothing of it is signed */
        contact.secret[0] = 0;
    const struct contact_entry *added =
        deliveries_add(&call->upstream->deliveries, call->moment, &contact);
    call_answer(call, REPLY_CREATED, &contact_table, &added->record);
}

void contacts_list(const struct call *call) {
    struct page page = page_begin(call, &contact_table);
    struct contact_entry *contact = NULL;
    bool passed = false;
    while ((contact = deliveries_next(&call->upstream->deliveries, asker_of(call), contact))) {
        struct contact shown = contact->record; /* borrowed */
        shown.waiting = (uint32_t)contact->rows_count;
        if (!page_skips(call, shown.id, &passed) && !page_add(&page, &shown))
            return;
    }
}

void contacts_remove(const struct call *call) {
    struct contact_entry *contact = find(call, call->request->key);
    if (!contact) {
        call_not_found(call, "contact");
        return;
    }
    call_answer(call, REPLY_GONE, &contact_table, &contact->record);
    deliveries_remove(&call->upstream->deliveries, call->moment, contact);
}

/* Takes as long wherever they differ. */
static bool is_code(const char *code, const char *said) {
    size_t length = strlen(code);
    unsigned differ = 0;
    if (!length || strlen(said) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        differ |= (unsigned)(code[i] ^ said[i]);
    return !differ;
}

void contacts_prove(const struct call *call) {
    struct contact_entry *contact = find(call, call->request->key);
    const char *said = call->request->contact.challenge;
    if (!contact)
        call_not_found(call, "contact");
    else if (contact->record.kind == CONTACT_WEBHOOK)
        call_problem(call, CODE_CONFLICT, "", "%s",
                     "a webhook is proven by its answer to the challenge");
    else if (!contact->record.proven_ms && !is_code(contact->record.challenge, said))
        call_problem(call, CODE_INVALID, "code", "%s", "it is not the code that was mailed there");
    else {
        if (!contact->record.proven_ms)
            deliveries_prove(&call->upstream->deliveries, call->moment, contact);
        struct contact shown = contact->record; /* borrowed */
        shown.waiting = (uint32_t)contact->rows_count;
        call_answer(call, REPLY_RECORD, &contact_table, &shown);
    }
}

void contacts_begin(struct upstream *upstream) {
    const struct moment *moment = &upstream->manager.moment;
    list_for(struct contact_entry, contact, &upstream->deliveries.by_age, by_age) {
        const struct contact *record = &contact->record;
        const struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, record->tenant);
        if (*record->tenant && !(tenant && tenant->record.created_ms == record->tenant_ms))
            deliveries_remove(&upstream->deliveries, moment, contact);
    }
    deliveries_start(&upstream->deliveries, moment);
}
