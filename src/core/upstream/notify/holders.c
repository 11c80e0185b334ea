/* Who asks about contacts, what it may be told, and whose are left over. */
#include "core/upstream/notify/holders.h"

#include "core/manager/contacts.h"

void holders_on_request(const struct call *call) {
    struct upstream *upstream = call->upstream;
    struct tenant_entry *tenant = call->tenant;
    const struct contact_holder holder = {
        .deliveries = &upstream->manager.deliveries,
        .tenant = tenant ? tenant->record.name : "",
        .tenant_ms = tenant ? tenant->record.created_ms : 0,
        .budget = tenant ? &tenant->contacts : NULL,
        .events = tenant ? contact_tenants_events : contact_operators_events,
        .mails = upstream->settings.mails,
        .chats = *upstream->settings.chat_token_hash,
        .refusal = CODE_FORBIDDEN,
    };
    contacts_on_request(call, &holder);
}

void holders_begin(struct upstream *upstream) {
    const struct moment *moment = &upstream->manager.moment;
    list_for(struct contact_entry, contact, &upstream->manager.deliveries.by_age, by_age) {
        const struct contact *record = &contact->record;
        const struct tenant_entry *tenant = map_get(&upstream->tenants_by_name, record->tenant);
        if (*record->tenant && !(tenant && tenant->record.created_ms == record->tenant_ms))
            deliveries_remove(&upstream->manager.deliveries, moment, contact);
    }
    deliveries_start(&upstream->manager.deliveries, moment);
}
