/* X.509 certificates in files (GnuTLS): when they run out, whom they name. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "message/limits.h"

/* Whether the first certificate of the file is valid at that time and, unless `host` is NULL, names
 * it. 0, or negative with `err`. */
int certificate_check(const char *path, const char *host, uint64_t wall_ms, struct error *err);

/* SHA-256, in lower-case hex, of the public key in the file's first certificate, as its
 * SubjectPublicKeyInfo (RFC 7469). 0, or negative with `err`. */
int certificate_pin(const char *path, char out_pin[limit_digest_size], struct error *err);

/* When the first of the certificates in a PEM file runs out, ms since 1970. 0, or negative with
 * `err`: it cannot be read, or has none. */
int certificate_expiry(const char *path, uint64_t *out_ms, struct error *err);
