/* Sends deliveries to contacts, by libcurl on a thread of its own: nobody waits for it. Each is
 * answered by EVENT_DELIVERED. A tenant's webhook reaches no private address but those that the
 * operator lists, whatever its name resolves to; redirects are not followed, no proxy is used. */
#pragma once

#include "base/error.h"
#include "core/effect.h"
#include "io/shell/ports.h"

struct deliverer;

struct deliver_settings {
    const char *private_addresses; /* networks that tenants' webhooks may reach, too; NULL: none */
    const char *ca_file;           /* authority of webhooks' certificates; NULL: the system's */
};

struct deliverer *deliverer_start(const struct deliver_settings *settings, struct shell *shell,
                                  struct error *err);
/* What is under way is given up: it is sent anew after the next start. */
void deliverer_stop(struct deliverer *deliverer);

void deliverer_send(struct deliverer *deliverer, const struct effect_deliver *effect);
