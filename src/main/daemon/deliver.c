/* What of a configuration the deliverer is told. */
#include "main/daemon/deliver.h"

#include "io/shell/shell.h"

struct deliverer *daemon_deliverer(const struct notify_config *config, struct shell *shell,
                                   struct error *err) {
    const struct deliver_settings settings = {
        .private_addresses = config->private_addresses,
        .ca_file = config->ca_file,
        .mail = {.url = config->smtp_url,
                 .from = config->smtp_from,
                 .user = config->smtp_user,
                 .password = config->smtp_password.text,
                 .ca_file = config->smtp_ca_file,
                 .is_plain = config->smtp_plain},
    };
    return deliverer_start(&settings, shell, err);
}

void daemon_tell_of_certificate(void *shell, const char *name, uint64_t expires_ms) {
    struct event event = {.kind = EVENT_CERTIFICATE, .certificate = {.expires_ms = expires_ms}};
    text_set(event.certificate.name, name);
    shell_post(shell, &event);
}
