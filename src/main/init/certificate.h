/* An authority of one's own beside the configuration, and the certificate of what is served. */
#pragma once

#include "main/init/setup.h"

/* A certificate for the manager's domain and this machine itself, in these two files. */
int certificate_issue(const struct setup *setup, const char *key, const char *certificate,
                      struct error *err);

/* A certificate for the manager's domain and for this machine itself, as the section's
 * certificate_file and key_file. */
int certificate_add(struct setup *setup, const char *section, struct error *err);
