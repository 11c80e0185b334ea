/* Requests about contacts, at either manager: a tenant's, the operators' or the owner's own. */
#pragma once

#include "core/manager/call.h"
#include "core/manager/deliveries.h"

/* How many contacts were made within an hour. */
struct contact_budget {
    uint64_t hour_ms; /* since when */
    uint32_t made;
};

/* Whose contacts it is about, and what they may be. */
struct contact_holder {
    struct deliveries *deliveries;
    const char *tenant; /* "": the operators, or the owner */
    uint64_t tenant_ms; /* when that tenant was made */
    struct contact_budget *budget; /* NULL: unbounded */
    unsigned events;    /* bits of those that they may be told */
    bool mails, chats;  /* can they be told so? */
    enum code refusal;  /* of what is not for them */
};

/* REQUEST_CONTACT_… */
void contacts_on_request(const struct call *call, const struct contact_holder *holder);
