/* What of a contact stands in the store, what its API shows, and what is told of each thing that
 * happened. */
#include "message/records/contact.h"

#include <string.h>

#include "base/text.h"

const char *const contact_kind_names[CONTACT_KIND_COUNT] = {
    [CONTACT_WEBHOOK] = "webhook", [CONTACT_JOURNAL] = "journal",
    [CONTACT_MAIL] = "mail", [CONTACT_XMPP] = "xmpp"};

const char *const notice_event_names[NOTICE_EVENT_COUNT] = {
    [NOTICE_OPERATION_ENDED] = "operation-ended", [NOTICE_VM_DIED] = "vm-died",
    [NOTICE_VM_RECOVERED] = "vm-recovered",       [NOTICE_CLUSTER_AWAY] = "cluster-away",
    [NOTICE_CLUSTER_BACK] = "cluster-back",       [NOTICE_QUOTA] = "quota-nearly-full",
    [NOTICE_CERTIFICATE] = "certificate-expires",
    [NOTICE_VM_RESTARTED] = "vm-restarted",       [NOTICE_COPY_LATE] = "copy-late",
    [NOTICE_COPY_IN_TIME] = "copy-in-time",       [NOTICE_HOST_AWAY] = "host-away",
    [NOTICE_HOST_BACK] = "host-back",             [NOTICE_UPSTREAM_AWAY] = "upstream-away",
    [NOTICE_UPSTREAM_BACK] = "upstream-back"};

enum {
    of_tenants = 1 << NOTICE_OPERATION_ENDED | 1 << NOTICE_VM_DIED | 1 << NOTICE_VM_RECOVERED |
                 1 << NOTICE_VM_RESTARTED | 1 << NOTICE_COPY_LATE | 1 << NOTICE_COPY_IN_TIME |
                 1 << NOTICE_QUOTA,
    of_operators = 1 << NOTICE_CLUSTER_AWAY | 1 << NOTICE_CLUSTER_BACK | 1 << NOTICE_CERTIFICATE,
};
const unsigned contact_tenants_events = of_tenants;
const unsigned contact_operators_events = of_tenants | of_operators;
const unsigned contact_owners_events = 1U << NOTICE_HOST_AWAY | 1U << NOTICE_HOST_BACK |
                                       1U << NOTICE_UPSTREAM_AWAY | 1U << NOTICE_UPSTREAM_BACK |
                                       1U << NOTICE_CERTIFICATE;

static const struct field contact_fields[] = {
    {field_of(struct contact, id), .number = 1, .about = "The contact's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct contact, tenant), .number = 2, .about = "Whose it is; absent: the operators'.",
     .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct contact, tenant_ms), .number = 3, .about = "When that tenant was made.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct contact, name), .number = 4, .about = "The name that it was given.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct contact, kind), .number = 5, .about = "How it is told.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(contact_kind_names)},
    {field_of(struct contact, address), .number = 6,
     .about = "Of a webhook: its URL; of mail: the address; of xmpp: the JID.", .kind = FIELD_BLOB,
     .most = limit_contact_address, .check = CHECK_PRINTABLE},
    {field_of(struct contact, events), .number = 7,
     .about = "What it is told of, a blank between words; absent: what is usual.",
     .kind = FIELD_BLOB, .most = limit_contact_events},
    {field_of(struct contact, secret), .number = 8, .about = "What its messages are signed by.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE | FIELD_SECRET},
    {field_of(struct contact, challenge), .number = 9, .about = "What it is to send back.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE | FIELD_SECRET},
    {field_of(struct contact, created_ms), .number = 10, .about = "When it was made.",
     .kind = FIELD_U64},
    {field_of(struct contact, proven_ms), .number = 11,
     .about = "When it showed that it is there; absent: not yet, and it is told nothing.",
     .kind = FIELD_U64},
    {field_of(struct contact, off_ms), .number = 12,
     .about = "When it said that it is gone (410); it is told nothing more.", .kind = FIELD_U64},
    {field_of(struct contact, failed_ms), .number = 13,
     .about = "Since when nothing reaches it; absent: it does.", .kind = FIELD_U64},
    {field_of(struct contact, why), .number = 14, .about = "How the last one failed.",
     .kind = FIELD_TEXT, .check = CHECK_PRINTABLE},
    {field_of(struct contact, lost), .number = 15,
     .about = "Messages that were given up, after a day and a half of trying.", .kind = FIELD_U32},
    {field_of(struct contact, quiet), .number = 16,
     .about = "When it is told nothing, each day, UTC: HH:MM-HH:MM; absent: it is always told.",
     .kind = FIELD_TEXT, .check = CHECK_PRINTABLE},
    {field_of(struct contact, waiting), .about = "Messages that have not arrived yet.",
     .kind = FIELD_U32, .mask = FIELD_API},
};
const struct table contact_table = {"contact", "Where somebody wants to be told what happens.",
                                    sizeof(struct contact), field_rows(contact_fields)};

static const struct field contact_create_fields[] = {
    {field_of(struct contact, name), .about = "A name for the contact.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
    {field_of(struct contact, kind),
     .about = "How it is told: by a webhook, by mail, in a chat, or, but tenants, in the "
              "manager's journal.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(contact_kind_names)},
    {field_of(struct contact, address),
     .about = "Of a webhook: its URL; of mail: the address; of xmpp: the JID.", .kind = FIELD_BLOB,
     .most = limit_contact_address, .check = CHECK_PRINTABLE},
    {field_of(struct contact, events),
     .about = "operation-ended, vm-died, vm-recovered, vm-restarted, copy-late, copy-in-time, "
              "cluster-away, cluster-back, quota-nearly-full, certificate-expires, a blank between "
              "them; absent: of a tenant all of its own; of operators the last four. Of a "
              "cluster's owner: host-away, host-back, upstream-away, upstream-back, "
              "certificate-expires; absent: all.",
     .kind = FIELD_BLOB, .most = limit_contact_events},
    {field_of(struct contact, quiet),
     .about = "HH:MM-HH:MM, UTC, of each day: what happens then is told together at its end.",
     .kind = FIELD_TEXT, .check = CHECK_PRINTABLE},
};
const struct table contact_create_table = {"contact-create", "A contact to make.",
                                           sizeof(struct contact),
                                           field_rows(contact_create_fields)};

static const struct field contact_created_fields[] = {
    {field_of(struct contact, id), .about = "The contact's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct contact, name), .about = "The name that it was given.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct contact, kind), .about = "How it is told.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(contact_kind_names)},
    {field_of(struct contact, secret),
     .about = "What a webhook's messages are signed by. It is shown this once.",
     .kind = FIELD_TEXT, .mask = FIELD_API | FIELD_SECRET},
};
const struct table contact_created_table = {"contact-created", "A new contact.",
                                            sizeof(struct contact),
                                            field_rows(contact_created_fields)};

static const struct field contact_prove_fields[] = {
    {.name = "code", field_at(struct contact, challenge), .about = "The code that was sent.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED | FIELD_SECRET, .check = CHECK_PRINTABLE},
};
const struct table contact_prove_table = {"contact-prove", "What shows that what is sent arrives.",
                                          sizeof(struct contact),
                                          field_rows(contact_prove_fields)};

static const struct field notice_fields[] = {
    {field_of(struct notice, event), .number = 1, .about = "What happened.", .kind = FIELD_ENUM,
     .mask = FIELD_ALWAYS, field_names(notice_event_names)},
    {field_of(struct notice, at_ms), .number = 2, .about = "When.", .kind = FIELD_U64},
    {field_of(struct notice, tenant), .number = 3, .about = "Whose.", .kind = FIELD_TEXT},
    {field_of(struct notice, vm), .number = 4, .about = "The VM's id.", .kind = FIELD_TEXT},
    {field_of(struct notice, vm_name), .number = 5, .about = "Its name.", .kind = FIELD_TEXT},
    {.name = "operation", .number = 6, .about = "The operation's id.", .kind = FIELD_TEXT,
     field_at(struct notice, op)},
    {field_of(struct notice, verb), .number = 7, .about = "The operation's verb.",
     .kind = FIELD_ENUM, field_names(verb_names)},
    {field_of(struct notice, code), .number = 8, .about = "How it ended; absent: ok.",
     .kind = FIELD_ENUM, field_names(code_names)},
    {field_of(struct notice, state), .number = 9, .about = "The VM's state.",
     .kind = FIELD_ENUM, field_names(vm_state_names)},
    {field_of(struct notice, cluster), .number = 10, .about = "The cluster.", .kind = FIELD_TEXT},
    {field_of(struct notice, quota), .number = 11, .about = "Which quota.", .kind = FIELD_TEXT},
    {field_of(struct notice, percent), .number = 12, .about = "How much of it is used.",
     .kind = FIELD_U32},
    {field_of(struct notice, certificate), .number = 13,
     .about = "Which setting of the manager names the certificate.", .kind = FIELD_TEXT},
    {field_of(struct notice, expires_ms), .number = 14, .about = "When it expires.",
     .kind = FIELD_U64},
    {field_of(struct notice, restored_ms), .number = 15,
     .about = "vm-restarted: its disk is as it was then, or later; absent: as its image's.",
     .kind = FIELD_U64},
    {field_of(struct notice, host), .number = 16, .about = "The host.", .kind = FIELD_TEXT},
    {field_of(struct notice, upstream), .number = 17, .about = "The upstream manager.",
     .kind = FIELD_TEXT},
};
const struct table notice_table = {"notice", "What happened.", sizeof(struct notice),
                                   field_rows(notice_fields)};

static const struct field delivery_fields[] = {
    {field_of(struct delivery, id), .number = 1, .about = "Its id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct delivery, contact), .number = 2, .about = "To whom.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_list_of(struct delivery, notices, notices_count), .number = 3, .about = "What happened.",
     .kind = FIELD_LIST, .most = limit_delivery_notices, .table = &notice_table},
    {field_of(struct delivery, left_out), .number = 4, .about = "More, which had no room.",
     .kind = FIELD_U32},
    {field_of(struct delivery, is_sealed), .number = 5, .about = "Nothing is added.",
     .kind = FIELD_FLAG},
    {field_of(struct delivery, tries), .number = 6, .about = "How often it failed.",
     .kind = FIELD_U32},
    {field_of(struct delivery, due_ms), .number = 7, .about = "When it is to be sent.",
     .kind = FIELD_U64},
};
const struct table delivery_table = {"delivery", "What is on its way to a contact.",
                                     sizeof(struct delivery), field_rows(delivery_fields)};

static const struct field chat_delivery_fields[] = {
    {.name = "id", field_at(struct chat_delivery, delivery.id), .about = "The delivery's id.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {.name = "address", field_at(struct chat_delivery, contact.address), .about = "To whom: a JID.",
     .kind = FIELD_BLOB, .most = limit_contact_address, .mask = FIELD_REQUIRED,
     .check = CHECK_PRINTABLE},
    {.name = "name", field_at(struct chat_delivery, contact.name),
     .about = "The contact's name.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     .check = CHECK_NAME},
    {.name = "tenant", field_at(struct chat_delivery, contact.tenant),
     .about = "Whose it is; absent: the operators'.", .kind = FIELD_TEXT, .check = CHECK_NAME},
    {.name = "code", field_at(struct chat_delivery, contact.challenge),
     .about = "What proves the contact, once whoever reads it gives it back.", .kind = FIELD_TEXT,
     .mask = FIELD_API | FIELD_SECRET, .check = CHECK_PRINTABLE},
    {.name = "notices", field_list_at(struct chat_delivery, delivery.notices,
                                      delivery.notices_count),
     .about = "What happened; absent: it is the code that is to be told.", .kind = FIELD_LIST,
     .most = limit_delivery_notices, .table = &notice_table},
    {.name = "left_out", field_at(struct chat_delivery, delivery.left_out),
     .about = "More, which had no room.", .kind = FIELD_U32},
};
const struct table chat_delivery_table = {"chat-delivery", "What is to be told in a chat.",
                                          sizeof(struct chat_delivery),
                                          field_rows(chat_delivery_fields)};

static const char *const delivered_names[DELIVERED_COUNT] = {
    [DELIVERED_DONE] = "done", [DELIVERED_FAILED] = "failed", [DELIVERED_GONE] = "gone"};

static const struct field delivery_end_fields[] = {
    {field_of(struct delivery_end, outcome),
     .about = "done; failed: it is tried again later; gone: nothing more is sent there.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(delivered_names)},
    {field_of(struct delivery_end, why), .about = "Why, in words for people.", .kind = FIELD_TEXT,
     .check = CHECK_PRINTABLE},
};
const struct table delivery_end_table = {"delivery-end", "What has become of a delivery.",
                                         sizeof(struct delivery_end),
                                         field_rows(delivery_end_fields)};

/* "HH:MM" at `text`, in minutes. */
static bool read_time(const char *text, uint32_t *out) {
    const char form[] = "29:59"; /* the most that each may be; of hours less, see below */
    for (size_t i = 0; form[i]; i++)
        if (form[i] == ':' ? text[i] != ':' : text[i] < '0' || text[i] > form[i])
            return false;
    uint32_t hour = (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
    *out = hour * 60 + (uint32_t)(text[3] - '0') * 10 + (uint32_t)(text[4] - '0');
    return hour < 24;
}

bool contact_quiet_read(const char *text, struct quiet_hours *out) {
    return strlen(text) == contact_quiet_size - 1 && text[5] == '-' &&
           read_time(text, &out->from) && read_time(text + 6, &out->until) &&
           out->from != out->until;
}

uint64_t quiet_hours_after_ms(const struct quiet_hours *quiet, uint64_t wall_ms) {
    const uint64_t minute_ms = 60000, day_ms = 24 * 60 * minute_ms;
    const uint64_t from_ms = quiet->from * minute_ms, until_ms = quiet->until * minute_ms;
    uint64_t length_ms = (until_ms + day_ms - from_ms) % day_ms;
    uint64_t since_ms = (wall_ms % day_ms + day_ms - from_ms) % day_ms; /* it began last */
    return since_ms < length_ms ? wall_ms - since_ms + length_ms : wall_ms;
}

bool notice_events_have_other(const char *words, unsigned events,
                              char out_word[limit_name_size]) {
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        bool is_known = false;
        for (size_t i = 0; i < NOTICE_EVENT_COUNT && !is_known; i++)
            is_known = events >> i & 1 && strlen(notice_event_names[i]) == length &&
                       memcmp(notice_event_names[i], at, length) == 0;
        text_format(out_word, limit_name_size, "%.*s", (int)length, at);
        if (!is_known)
            return true;
        at += length;
    }
    return false;
}

static const char letters_and_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* Words of these bytes and letters and digits, one dot between them; at least `least` of them. */
static bool is_dotted(const char *text, size_t length, const char *more, size_t least) {
    size_t words = 0;
    for (const char *at = text, *end = text + length;; at++) {
        const char *begin = at;
        while (at < end && (strchr(letters_and_digits, *at) || strchr(more, *at)))
            at++;
        if (at == begin || (at < end && *at != '.'))
            return false;
        words++;
        if (at == end)
            return words >= least;
    }
}

bool contact_is_mail_address(const char *text) {
    enum { local_most = 64, whole_most = 254 }; /* RFC 5321, 4.5.3.1 */
    size_t length = strlen(text), local = strcspn(text, "@");
    return length <= whole_most && local <= local_most && text[local] &&
           is_dotted(text, local, "!#$%&'*+-/=?^_`{|}~", 1) && text[local + 1] != '-' &&
           is_dotted(text + local + 1, length - local - 1, "-", 1);
}

bool contact_is_chat_address(const char *text) {
    size_t length = strlen(text), local = strcspn(text, "@");
    for (const char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            return false;
    return length < limit_address_size && text[local] &&
           is_dotted(text, local, "!#$%*+-=?^_`{|}~", 1) &&
           is_dotted(text + local + 1, length - local - 1, "-", 1);
}
