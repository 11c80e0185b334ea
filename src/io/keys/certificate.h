/* X.509 certificates in files (GnuTLS): when they run out. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* When the first of the certificates in a PEM file runs out, ms since 1970. 0, or negative with
 * `err`: it cannot be read, or has none. */
int certificate_expiry(const char *path, uint64_t *out_ms, struct error *err);
