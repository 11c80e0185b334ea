/* `isthmus-relay init` and `register`: the configuration of a relay, and an account in it. */
#pragma once

#include "base/error.h"
#include "io/config/load.h"

struct relay_setup {
    const char *config;
    const char *domain, *listen, *zeromq_listen, *certificate_file, *key_file; /* init */
    const char *name, *token, *reaches; /* register; token NULL: a new one; names by commas */
};

/* Writes the configuration, without accounts; one that is there stays. */
int relay_setup_init(const struct relay_setup *setup, struct error *err);

/* Adds an account, with its token in a file beside the configuration. An account that is there
 * gets the token. */
int relay_setup_register(const struct relay_setup *setup, struct error *err);
