/* When a host and an upstream manager count as away. Who has not been heard since the start does
 * not: it is none that went. */
#include "core/downstream/notify/owner.h"

#include "core/manager/contacts.h"

void owner_on_contact(const struct call *call) {
    const struct contact_holder holder = {.deliveries = &call->downstream->manager.deliveries,
                                          .tenant = "",
                                          .events = contact_owners_events,
                                          .mails = call->downstream->mails,
                                          .refusal = CODE_UNSUPPORTED};
    contacts_on_request(call, &holder);
}

static void tell(struct downstream *downstream, struct notice *notice) {
    struct manager *manager = &downstream->manager;
    struct contact_entry *contact = NULL;
    notice->at_ms = manager->moment.wall_ms;
    while ((contact = deliveries_next(&manager->deliveries, "", contact)))
        deliveries_tell(&manager->deliveries, &manager->moment, contact, notice);
}

void owner_on_host(struct downstream *downstream, const struct peer *peer) {
    bool *was_away = &downstream->hosts_away[peer - downstream->manager.downlink.peers];
    bool is_away = peer->state == PEER_AWAY;
    struct notice notice = {.event = is_away ? NOTICE_HOST_AWAY : NOTICE_HOST_BACK};
    if (is_away == *was_away || (!is_away && !peer_is_up(peer)))
        return;
    *was_away = is_away;
    text_set(notice.host, peer->setting.name);
    tell(downstream, &notice);
}

void owner_on_sweep(struct downstream *downstream) {
    struct downlink *downlink = &downstream->manager.downlink;
    for (size_t i = 0; i < downlink->count; i++)
        if (downlink->peers[i].state == PEER_AWAY && downlink->peers[i].state_ms)
            owner_on_host(downstream, &downlink->peers[i]);
}

/* An uplink that is connected again at once was not away. */
void owner_look_up(struct downstream *downstream, struct lending *lending) {
    uint64_t now_ms = downstream->manager.moment.now_ms;
    bool is_open = uplink_is_open(&lending->uplink);
    struct notice notice = {.event = is_open ? NOTICE_UPSTREAM_BACK : NOTICE_UPSTREAM_AWAY};
    if (is_open)
        lending->away_ms = 0;
    else if (lending->was_open)
        lending->away_ms = now_ms + downstream->manager.downlink.hold_down_ms;
    bool is_away = lending->away_ms && lending->away_ms <= now_ms;
    if (is_away == lending->is_told_away || (!is_away && !is_open))
        return;
    lending->is_told_away = is_away;
    text_set(notice.upstream, lending->uplink.setting.name);
    tell(downstream, &notice);
}

uint64_t owner_deadline_ms(const struct downstream *downstream) {
    uint64_t due = deliveries_deadline_ms(&downstream->manager.deliveries);
    for (size_t i = 0; i < downstream->lendings_count; i++) {
        const struct lending *lending = &downstream->lendings[i];
        if (lending->away_ms && !lending->is_told_away && lending->away_ms < due)
            due = lending->away_ms;
    }
    return due;
}

void owner_on_certificate(struct downstream *downstream,
                          const struct event_certificate *certificate) {
    struct notice notice = {.event = NOTICE_CERTIFICATE, .expires_ms = certificate->expires_ms};
    text_set(notice.certificate, certificate->name);
    tell(downstream, &notice);
}
