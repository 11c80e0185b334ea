/* Contacts: where tenants and operators want to be told of what happens, and what is on its way to
 * them. */
#pragma once

#include "message/model.h"

enum contact_kind {
    CONTACT_WEBHOOK, /* a POST by Standard Webhooks */
    CONTACT_JOURNAL, /* a line in the manager's log; no tenant's */
    CONTACT_MAIL,    /* a mail in plain text */
    CONTACT_XMPP,    /* a message in a chat, which isthmus-xmpp fetches and sends */
    CONTACT_KIND_COUNT,
};
extern const char *const contact_kind_names[CONTACT_KIND_COUNT];

enum { contact_secret_size = 56, contact_challenge_size = 48, contact_quiet_size = 12 };

struct contact {
    char id[limit_id_size];       /* the key */
    char tenant[limit_name_size]; /* whose it is; "": the operators', or the owner's */
    uint64_t tenant_ms;           /* when that tenant was made */
    char name[limit_name_size];   /* among its tenant's */
    enum contact_kind kind;
    char *address; /* of a webhook: its URL; of mail: the address; of xmpp: the JID */
    char *events;                 /* names, a blank between them; NULL: those that are usual */
    char quiet[contact_quiet_size]; /* "22:00-07:00", UTC: it is told nothing then; "": always */
    char secret[contact_secret_size];       /* "whsec_…": what a webhook's messages are signed by */
    char challenge[contact_challenge_size]; /* what is to come back from it, until it did: by the
                                             * webhook's answer; of others by a request */
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

/* Is it one that a chat can be had with? An account's bare JID, in lower case: a part of RFC 7622,
 * with the letters of a mail address but & ' and /. */
bool contact_is_chat_address(const char *text);

/* A part of each day, in minutes of it, UTC; over midnight where it ends before it begins. */
struct quiet_hours {
    uint32_t from, until; /* as much as each other: there is none */
};

/* "HH:MM-HH:MM". False: it is not written so, or never ends. */
bool contact_quiet_read(const char *text, struct quiet_hours *out);

/* When it is over, if it is quiet at this wall clock, else that itself. */
uint64_t quiet_hours_after_ms(const struct quiet_hours *quiet, uint64_t wall_ms);

enum notice_event {
    NOTICE_OPERATION_ENDED,
    NOTICE_VM_DIED,
    NOTICE_VM_RECOVERED,
    NOTICE_CLUSTER_AWAY,
    NOTICE_CLUSTER_BACK,
    NOTICE_QUOTA,
    NOTICE_CERTIFICATE,
    NOTICE_VM_RESTARTED, /* its host or cluster was lost, and it is made anew elsewhere */
    NOTICE_COPY_LATE,    /* the newest copy of its disk is older than it may become */
    NOTICE_COPY_IN_TIME, /* it is no more */
    NOTICE_HOST_AWAY,    /* this and the next are a cluster's owner's */
    NOTICE_HOST_BACK,
    NOTICE_UPSTREAM_AWAY,
    NOTICE_UPSTREAM_BACK,
    NOTICE_EVENT_COUNT,
};
extern const char *const notice_event_names[NOTICE_EVENT_COUNT];

/* Who has contacts, and what each may be told: bits of events. */
extern const unsigned contact_tenants_events, contact_operators_events, contact_owners_events;

/* Do the words, a blank between them, name what is none of these events? Then the first such. */
bool notice_events_have_other(const char *words, unsigned events,
                              char out_word[limit_name_size]);

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
    char host[limit_name_size];     /* NOTICE_HOST_… */
    char upstream[limit_name_size]; /* NOTICE_UPSTREAM_… */
    char quota[limit_name_size]; /* which one */
    uint32_t percent;            /* of it, that is used */
    char certificate[limit_setting_size]; /* which setting names its file */
    uint64_t expires_ms;                  /* NOTICE_CERTIFICATE */
    uint64_t restored_ms; /* NOTICE_VM_RESTARTED: as vm.restored_ms; 0: its disk is its image's */
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

/* What isthmus-xmpp fetches: a delivery, and of its contact what it has to know of it: the name,
 * whose it is, the address, and, where there are no notices, the challenge. */
struct chat_delivery {
    struct delivery delivery;
    struct contact contact;
};
extern const struct table chat_delivery_table;

/* What has become of a delivery to a contact. */
enum delivered {
    DELIVERED_DONE,
    DELIVERED_FAILED, /* it is to be tried again */
    DELIVERED_GONE,   /* its address says that it is gone for good */
    DELIVERED_COUNT,
};

/* POST /v1/deliveries/{delivery}/end */
struct delivery_end {
    enum delivered outcome;
    char why[limit_text_size]; /* not DELIVERED_DONE: in words for people */
};
extern const struct table delivery_end_table;
