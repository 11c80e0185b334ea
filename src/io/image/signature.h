/* Whether an image is the upstream manager's own. It signs each archive, in minisign's format, and
 * says in the trusted comment: image=NAME sequence=N sha256=DIGEST. A cluster's owner pins the keys
 * that may; then an archive comes only if one of them vouches for its digest, and never for a name
 * by a lower sequence than one that was seen of this name: so nobody brings an old one back. */
#pragma once

#include <pthread.h>

#include "io/keys/minisign.h"

/* Puts a signature before those in <archive>.minisig. `archive` ends in its digest. */
int signature_add(const struct minisign_secret *key, const char *archive, const char *name,
                  struct error *err);

/* For one more name, or one that it has, in place of what that had; where the key has signed it
 * before: at once, for its file is not read.
 * -ENOENT with `err`: it has not. */
int signature_add_name(const struct minisign_secret *key, const char *archive, const char *name,
                       struct error *err);

/* Removes the newest one, and the file with its last. */
void signature_take_back(const char *archive);

struct signature_trust {
    struct minisign_keys keys;
    const char *seen;      /* file with the highest sequence of each name */
    pthread_mutex_t *lock; /* held while it is read and written */
};

/* 0; -EKEYREJECTED with `err` where no line of them permits an archive with this digest; otherwise
 * negative. */
int signature_judge(const struct signature_trust *trust, const char *digest, const char *lines,
                    struct error *err);
