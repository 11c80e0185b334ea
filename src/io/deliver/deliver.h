/* Sends deliveries to contacts, by libcurl on a thread of its own: nobody waits for it. Each is
 * answered by EVENT_DELIVERED. Mail goes to the operator's SMTP server, at most 16 at a time. A
 * tenant's webhook reaches no private address but those that the operator lists, whatever its name
 * resolves to; redirects are not followed, no proxy is used. */
#pragma once

#include "base/error.h"
#include "core/effect.h"
#include "io/shell/ports.h"

struct deliverer;

/* Where mail is given to, for all contacts. */
struct mail_settings {
    const char *url, *from;      /* NULL: no mail is sent */
    const char *user, *password; /* NULL: without a login */
    const char *ca_file;         /* authority of its certificate; NULL: the system's */
    bool is_plain;               /* without TLS, which otherwise is a must */
};

struct deliver_settings {
    const char *private_addresses; /* networks that tenants' webhooks may reach, too; NULL: none */
    const char *ca_file;           /* authority of webhooks' certificates; NULL: the system's */
    struct mail_settings mail;
};

struct deliverer *deliverer_start(const struct deliver_settings *settings, struct shell *shell,
                                  struct error *err);
/* What is under way is given up: it is sent anew after the next start. */
void deliverer_stop(struct deliverer *deliverer);

void deliverer_send(struct deliverer *deliverer, const struct effect_deliver *effect);
