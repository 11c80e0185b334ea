/* How a manager tells its contacts what happens: by its [notify], and of its certificates. */
#pragma once

#include "io/config/daemons.h"
#include "io/deliver/deliver.h"

struct deliverer *daemon_deliverer(const struct notify_config *config, struct shell *shell,
                                   struct error *err);

/* As daemon_certificates.tell, with the shell as its context. */
void daemon_tell_of_certificate(void *shell, const char *name, uint64_t expires_ms);
