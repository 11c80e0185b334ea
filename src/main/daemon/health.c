/* What counts as degraded, and in which words systemd is told so. */
#include "main/daemon/health.h"

#include "base/memory.h"
#include "io/carrier/carrier.h"
#include "main/daemon/daemon.h"

static void read_link(const struct shell_link *link, struct health_link *out) {
    struct carrier_state state;
    carrier_read(link->carrier, &state);
    text_format(out->name, sizeof(out->name), "%s", link->name);
    text_format(out->cause, sizeof(out->cause), "%s", state.fault.cause);
    text_format(out->remedy, sizeof(out->remedy), "%s", state.fault.remedy);
    out->state = !state.is_up       ? HEALTH_LINK_DOWN
                 : out->cause[0] ? HEALTH_LINK_IMPAIRED
                                 : HEALTH_LINK_UP;
}

static void read_certificates(struct daemon_certificates *certificates, struct health *out) {
    pthread_mutex_lock(&certificates->lock);
    out->certificates = memory_new(certificates->count, sizeof(*out->certificates));
    for (size_t i = 0; i < certificates->count; i++) {
        const struct daemon_certificate *certificate = &certificates->all[i];
        struct health_certificate *told = &out->certificates[out->certificates_count++];
        text_set(told->name, certificate->name);
        told->expires_ms = certificate->expires_ms;
        told->is_due = daemon_certificate_is_due(certificates, certificate);
        if (told->is_due)
            out->status = HEALTH_DEGRADED;
    }
    pthread_mutex_unlock(&certificates->lock);
}

void daemon_health_read(void *context, struct health *out) {
    struct daemon_health *health = context;
    *out = (struct health){.links = memory_new(health->links_count, sizeof(*out->links))};
    read_certificates(&health->certificates, out);
    text_set(out->software, daemon_software);
    out->disk_full = shell_disk_is_full(health->shell);
    if (out->disk_full)
        out->status = HEALTH_DEGRADED;
    for (size_t i = 0; i < health->links_count; i++) {
        struct health_link *link = &out->links[out->links_count++];
        read_link(&health->links[i], link);
        if (link->state != HEALTH_LINK_UP)
            out->status = HEALTH_DEGRADED;
    }
}

void daemon_health_print(void *context, uint64_t wall_ms, struct text *out) {
    struct daemon_health *whole = context;
    struct health health;
    daemon_certificates_look(&whole->certificates, wall_ms, CERTIFICATES_HOURLY);
    daemon_health_read(context, &health);
    for (uint32_t i = 0; i < health.links_count; i++) {
        const struct health_link *link = &health.links[i];
        if (link->state == HEALTH_LINK_UP)
            continue;
        text_addf(out, "%s%s is %s", out->length ? "; " : "", link->name,
                  health_link_state_names[link->state]);
        if (link->cause[0])
            text_addf(out, ": %s (%s)", link->cause, link->remedy);
    }
    if (health.disk_full)
        text_addf(out, "%sthe disk is full, and no new VM is taken (free some space)",
                  out->length ? "; " : "");
    daemon_certificates_print(&whole->certificates, out);
    if (!out->length)
        text_add(out, health.links_count > 1 ? "all links are up" : "the link is up");
    record_clear(&health_table, &health);
}
