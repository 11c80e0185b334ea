/* Which files hold certificates, and when somebody is told that one runs out. */
#include "main/daemon/certificates.h"

#include <inttypes.h>

#include "io/keys/certificate.h"

static const uint64_t hour_ms = 3600000, day_ms = 24 * hour_ms, soon_ms = 14 * day_ms;

void daemon_certificates_init(struct daemon_certificates *certificates, const struct log *log) {
    *certificates = (struct daemon_certificates){.lock = PTHREAD_MUTEX_INITIALIZER, .log = log};
}

void daemon_certificates_add(struct daemon_certificates *certificates, const char *section,
                             const char *key, const char *path) {
    if (!path || certificates->count == daemon_certificates_most)
        return;
    struct daemon_certificate *certificate = &certificates->all[certificates->count++];
    certificate->path = path;
    text_format(certificate->name, sizeof(certificate->name), "[%s] %s", section, key);
}

void daemon_certificates_add_link(struct daemon_certificates *certificates, const char *section,
                                  const struct link_config *link) {
    daemon_certificates_add(certificates, section, "certificate_file", link->certificate_file);
    daemon_certificates_add(certificates, section, "ca_file", link->ca_file);
    daemon_certificates_add(certificates, section, "image_ca_file", link->image_ca_file);
}

void daemon_certificates_add_servers(struct daemon_certificates *certificates,
                                     const char *section, const struct server_config *servers,
                                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        char name[limit_name_size + 24];
        text_format(name, sizeof(name), "%s %s", section, servers[i].name);
        daemon_certificates_add(certificates, name, "certificate_file",
                                servers[i].certificate_file);
        daemon_certificates_add(certificates, name, "ca_file", servers[i].ca_file);
    }
}

bool daemon_certificate_is_due(const struct daemon_certificates *certificates,
                               const struct daemon_certificate *certificate) {
    return certificates->looked_ms && certificate->expires_ms < certificates->wall_ms + soon_ms;
}

static void read_one(const struct daemon_certificates *certificates,
                     struct daemon_certificate *certificate) {
    struct error err = {0};
    char text[sizeof(err.text) + 8];
    certificate->expires_ms = 0;
    if (certificate_expiry(certificate->path, &certificate->expires_ms, &err) < 0)
        log_line(certificates->log, LOG_ERROR, "certificate-unreadable", "setting=\"%s\" text=%s",
                 certificate->name, log_quote(err.text, text, sizeof(text)));
}

static void tell(const struct daemon_certificates *certificates,
                 const struct daemon_certificate *certificate) {
    bool is_over = certificate->expires_ms <= certificates->wall_ms;
    uint64_t days = is_over ? 0 : (certificate->expires_ms - certificates->wall_ms) / day_ms;
    if (!certificate->expires_ms || !daemon_certificate_is_due(certificates, certificate))
        return;
    if (certificates->tell)
        certificates->tell(certificates->context, certificate->name, certificate->expires_ms);
    log_line(certificates->log, is_over ? LOG_ERROR : LOG_WARNING, "certificate-expires",
             "setting=\"%s\" file=%s days=%" PRIu64 " text=\"renew it, and send this daemon "
             "SIGHUP (systemctl reload)\"", certificate->name, certificate->path, days);
}

void daemon_certificates_look(struct daemon_certificates *certificates, uint64_t wall_ms,
                              enum certificates_look when) {
    pthread_mutex_lock(&certificates->lock);
    certificates->wall_ms = wall_ms;
    bool looks = when == CERTIFICATES_NOW || wall_ms - certificates->looked_ms >= hour_ms;
    bool tells = when == CERTIFICATES_NOW || wall_ms - certificates->told_ms >= day_ms;
    certificates->looked_ms = looks ? wall_ms : certificates->looked_ms;
    for (size_t i = 0; looks && i < certificates->count; i++) {
        read_one(certificates, &certificates->all[i]);
        if (tells)
            tell(certificates, &certificates->all[i]);
    }
    certificates->told_ms = looks && tells ? wall_ms : certificates->told_ms;
    pthread_mutex_unlock(&certificates->lock);
}

void daemon_certificates_print(struct daemon_certificates *certificates, struct text *out) {
    pthread_mutex_lock(&certificates->lock);
    for (size_t i = 0; i < certificates->count; i++) {
        const struct daemon_certificate *certificate = &certificates->all[i];
        if (!daemon_certificate_is_due(certificates, certificate))
            continue;
        text_addf(out, "%s%s ", out->length ? "; " : "", certificate->name);
        if (!certificate->expires_ms)
            text_add(out, "cannot be read");
        else if (certificate->expires_ms <= certificates->wall_ms)
            text_add(out, "has run out");
        else
            text_addf(out, "runs out in %" PRIu64 " days",
                      (certificate->expires_ms - certificates->wall_ms) / day_ms);
    }
    pthread_mutex_unlock(&certificates->lock);
}

void daemon_certificates_renewed(struct daemon_certificates *certificates, int result,
                                 const struct error *err) {
    char text[sizeof(err->text) + 8];
    if (result < 0)
        log_line(certificates->log, LOG_ERROR, "certificate-not-renewed",
                 "text=%s remedy=\"the one before is served until this is mended\"",
                 log_quote(err->text, text, sizeof(text)));
    else
        log_line(certificates->log, LOG_INFO, "certificates-read", "served_anew=%s",
                 result ? "yes" : "no");
    daemon_certificates_look(certificates, certificates->wall_ms, CERTIFICATES_NOW);
}
