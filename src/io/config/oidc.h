/* [oidc] of an upstream manager's configuration: a provider by which browsers log in. */
#pragma once

#include "base/error.h"
#include "io/config/value.h"

struct oidc_config {
    char *issuer; /* NULL: there is none */
    char *client;
    struct secret client_secret; /* none: it gave us none */
    char *url;
    char *ca_file; /* NULL: the system's */
    char *name;    /* NULL: the issuer */
    int claim;     /* enum id_claim */
};
extern const struct table oidc_config_table;

/* Is there all that it needs? -EINVAL with `err`; `path` is the file's. */
int oidc_config_check(const char *path, const struct oidc_config *oidc, struct error *err);
