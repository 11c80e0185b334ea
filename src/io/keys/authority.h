/* An X.509 authority of one's own (GnuTLS), for the servers of a cloud or a cluster: its
 * certificate is what clients trust, its key signs the servers' certificates, and is needed for
 * nothing else. */
#pragma once

#include "base/error.h"
#include "base/text.h"

/* A certificate and its key, both PEM; whoever makes them owns them. */
struct credentials {
    struct text certificate, key;
};

void credentials_clean(struct credentials *credentials);

/* A new authority of this name, for ten years. */
int authority_make(const char *name, struct credentials *out, struct error *err);

/* A new certificate of a server that is known by these names, DNS names or addresses, separated by
 * commas, for 825 days. -EINVAL: the authority's texts are none. */
int authority_issue(const struct credentials *authority, const char *names,
                    struct credentials *out, struct error *err);
