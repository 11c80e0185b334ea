/* Which contacts there may be, and how many. */
#include "core/manager/contacts.h"

#include <string.h>

#include "message/owner.h"

enum { hour_ms = 3600000, in_hour_most = 16 };

/* By id, or by name. */
static struct contact_entry *find(const struct contact_holder *holder, const char *key) {
    struct contact_entry *contact = NULL;
    while ((contact = deliveries_next(holder->deliveries, holder->tenant, contact)))
        if (text_equal(contact->record.id, key) || text_equal(contact->record.name, key))
            return contact;
    return NULL;
}

static size_t count(const struct contact_holder *holder) {
    size_t found = 0;
    struct contact_entry *contact = NULL;
    while ((contact = deliveries_next(holder->deliveries, holder->tenant, contact)))
        found++;
    return found;
}

/* A challenge goes wherever a tenant says: not too often. */
static bool admit_challenge(const struct call *call, const struct contact_holder *holder) {
    struct contact_budget *budget = holder->budget;
    if (!budget)
        return true;
    if (call->moment->now_ms - budget->hour_ms >= hour_ms)
        *budget = (struct contact_budget){.hour_ms = call->moment->now_ms};
    return budget->made++ < in_hour_most;
}

/* Can it be told there? */
static bool admit_address(const struct call *call, const struct contact_holder *holder) {
    const struct contact *wish = &call->request->contact;
    const char *address = wish->address ? wish->address : "";
    switch (wish->kind) {
    case CONTACT_JOURNAL:
        if (*holder->tenant)
            call_problem(call, holder->refusal, "kind", "%s",
                         "the manager's journal is its operators', not a tenant's");
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
        if (!holder->mails)
            call_problem(call, holder->refusal, "kind", "%s",
                         "no mail is sent from here: the manager's configuration names no mail "
                         "server ([notify] smtp_url)");
        else if (!contact_is_mail_address(address))
            call_problem(call, CODE_INVALID, "address", "%s",
                         "a mail address is written like anna@example.org");
        else
            return true;
        return false;
    case CONTACT_XMPP:
        if (!holder->chats)
            call_problem(call, holder->refusal, "kind", "%s",
                         "nobody is told by chat from here: that takes an upstream manager with a "
                         "token for isthmus-xmpp ([notify] chat_token_file)");
        else if (!contact_is_chat_address(address))
            call_problem(call, CODE_INVALID, "address", "%s",
                         "a chat address is written like anna@chat.example, in lower case");
        else
            return true;
        return false;
    case CONTACT_KIND_COUNT:
        break;
    }
    return false;
}

static bool admit(const struct call *call, const struct contact_holder *holder) {
    const struct contact *wish = &call->request->contact;
    char word[limit_name_size];
    struct quiet_hours quiet;
    if (find(holder, wish->name))
        call_problem(call, CODE_CONFLICT, "name", "there is a contact '%s' already", wish->name);
    else if (count(holder) >= limit_contacts)
        call_problem(call, CODE_FULL, "", "there are %d contacts, the most that may be: remove one",
                     limit_contacts);
    else if (!admit_address(call, holder))
        return false;
    else if (wish->events && notice_events_have_other(wish->events, ~0U, word))
        call_problem(call, CODE_INVALID, "events", "'%s' is none of what happens", word);
    else if (wish->events && notice_events_have_other(wish->events, holder->events, word))
        call_problem(call, holder->refusal, "events", "'%s' is told to others alone: operators "
                     "watch clusters and certificates, a cluster's owner its hosts", word);
    else if (*wish->quiet && !contact_quiet_read(wish->quiet, &quiet))
        call_problem(call, CODE_INVALID, "quiet", "%s",
                     "quiet hours are written like 22:00-07:00, in UTC");
    else if (!admit_challenge(call, holder))
        call_problem(call, CODE_FULL, "", "%d contacts were made within an hour: wait",
                     in_hour_most);
    else
        return true;
    return false;
}

static void add(const struct call *call, const struct contact_holder *holder) {
    struct contact contact = call->request->contact; /* borrowed; copied by the book */
    if (!admit(call, holder))
        return;
    contact.created_ms = call->moment->wall_ms;
    text_set(contact.tenant, holder->tenant);
    contact.tenant_ms = holder->tenant_ms;
    if (contact.kind == CONTACT_JOURNAL) { /* it is there */
        contact.proven_ms = call->moment->wall_ms;
        contact.challenge[0] = 0;
    }
    if (contact.kind != CONTACT_WEBHOOK) /* nothing of it is signed */
        contact.secret[0] = 0;
    const struct contact_entry *added =
        deliveries_add(holder->deliveries, call->moment, &contact);
    call_answer(call, REPLY_CREATED, &contact_table, &added->record);
}

static void list(const struct call *call, const struct contact_holder *holder) {
    struct page page = page_begin(call, &contact_table);
    struct contact_entry *contact = NULL;
    bool passed = false;
    while ((contact = deliveries_next(holder->deliveries, holder->tenant, contact))) {
        struct contact shown = contact->record; /* borrowed */
        shown.waiting = (uint32_t)contact->rows_count;
        if (!page_skips(call, shown.id, &passed) && !page_add(&page, &shown))
            return;
    }
}

static void remove_one(const struct call *call, const struct contact_holder *holder) {
    struct contact_entry *contact = find(holder, call->request->key);
    if (!contact) {
        call_not_found(call, "contact");
        return;
    }
    call_answer(call, REPLY_GONE, &contact_table, &contact->record);
    deliveries_remove(holder->deliveries, call->moment, contact);
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

static void prove(const struct call *call, const struct contact_holder *holder) {
    struct contact_entry *contact = find(holder, call->request->key);
    const char *said = call->request->contact.challenge;
    if (!contact)
        call_not_found(call, "contact");
    else if (contact->record.kind == CONTACT_WEBHOOK)
        call_problem(call, CODE_CONFLICT, "", "%s",
                     "a webhook is proven by its answer to the challenge");
    else if (!contact->record.proven_ms && !is_code(contact->record.challenge, said))
        call_problem(call, CODE_INVALID, "code", "%s", "it is not the code that was sent there");
    else {
        if (!contact->record.proven_ms)
            deliveries_prove(holder->deliveries, call->moment, contact);
        struct contact shown = contact->record; /* borrowed */
        shown.waiting = (uint32_t)contact->rows_count;
        call_answer(call, REPLY_RECORD, &contact_table, &shown);
    }
}

void contacts_on_request(const struct call *call, const struct contact_holder *holder) {
    if (call->request->kind == REQUEST_CONTACT_ADD)
        add(call, holder);
    else if (call->request->kind == REQUEST_CONTACT_LIST)
        list(call, holder);
    else if (call->request->kind == REQUEST_CONTACT_REMOVE)
        remove_one(call, holder);
    else
        prove(call, holder);
}
