/* The digest that a file has to have, by a list of digests (SHA256SUMS, SHA512SUMS) that others
 * keep, and by their signature of it. */
#pragma once

#include "cli/call.h"
#include "io/keys/secret.h"

/* By --digest, or the line for the file of this name in --sums. Where --signature is given, the
 * list is believed only if a key of --keyring signed it. "" where nothing is given. EXIT_… */
int sums_find(const struct options *options, const char *name,
              char out_digest[secret_long_digest_size]);

bool sums_is_address(const char *text);
