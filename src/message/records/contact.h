/* Contacts: where tenants and operators want to be told of what happens, and what is on its way to
 * them. */
#pragma once

#include "message/model.h"

enum contact_kind {
    CONTACT_WEBHOOK, /* a POST by Standard Webhooks */
    CONTACT_JOURNAL, /* a line in the manager's log; operators' alone */
    CONTACT_MAIL,    /* a mail in plain text */
    CONTACT_KIND_COUNT,
};
extern const char *const contact_kind_names[CONTACT_KIND_COUNT];

enum { contact_secret_size = 56, contact_challenge_size = 48 };

struct contact {
    char id[limit_id_size];       /* the key */
    char tenant[limit_name_size]; /* whose it is; "": the operators' */
    uint64_t tenant_ms;           /* when that tenant was made */
    char name[limit_name_size];   /* among its tenant's */
    enum contact_kind kind;
    char *address;                /* of a webhook: its URL; of mail: the address */
    char *events;                 /* names, a blank between them; NULL: those that are usual */
    char secret[contact_secret_size];       /* "whsec_…": what a webhook's messages are signed by */
    char challenge[contact_challenge_size]; /* what is to come back from it, until it did: by the
                                             * webhook's answer; of mail by a request */
    uint64_t created_ms;
    uint64_t proven_ms; /* 0: not yet, and it is told nothing */
    uint64_t off_ms;    /* it said that it is gone for good; 0: it is not */
    uint64_t failed_ms; /* since when deliveries to it fail; 0: they do not */
    char why[limit_text_size]; /* in words for people: how the last one failed */
    uint32_t lost;      /* deliveries that were given up */
    uint32_t waiting;   /* as the API shows it: deliveries that have not arrived yet */
};
extern const struct table contact_table, contact_create_table, contact_created_table,
    contact_prove_table;

/* Is it one that mail can be sent to? A part of RFC 5321 which needs no quotes: letters, digits and
 * !#$%&'*+-/=?^_`{|}~, dots between them, then @ and a domain of letters, digits, hyphens. */
bool contact_is_mail_address(const char *text);

enum notice_event {
    NOTICE_OPERATION_ENDED,
    NOTICE_VM_DIED,
    NOTICE_VM_RECOVERED,
    NOTICE_CLUSTER_AWAY,
    NOTICE_CLUSTER_BACK,
    NOTICE_QUOTA,
    NOTICE_EVENT_COUNT,
};
extern const char *const notice_event_names[NOTICE_EVENT_COUNT];

/* Do the words, a blank between them, name what is no event? Then the first such. */
bool notice_events_have_other(const char *words, char out_word[limit_name_size]);

/* One thing that happened. */
struct notice {
    enum notice_event event;
    uint64_t at_ms;
    char tenant[limit_name_size], vm[limit_id_size], vm_name[limit_name_size];
    char op[limit_id_size];
    enum verb verb; /* with `op` */
    enum code code;
    enum vm_state state; /* NOTICE_VM_… */
    char cluster[limit_name_size];
    char quota[limit_name_size]; /* which one */
    uint32_t percent;            /* of it, that is used */
};
extern const struct table notice_table;

/* One or more of them, on their way to a contact; none: the challenge. It has the same id and holds
 * the same however often it is sent. */
struct delivery {
    char id[limit_id_size];
    char contact[limit_id_size];
    struct notice *notices;
    uint32_t notices_count;
    uint32_t left_out; /* that there was no room for */
    bool is_sealed;    /* it may have been sent: nothing is added */
    uint32_t tries;
    uint64_t due_ms;   /* wall clock */
};
extern const struct table delivery_table;
