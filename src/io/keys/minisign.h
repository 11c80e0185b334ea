/* Signatures in the format of minisign (https://jedisct1.github.io/minisign/): Ed25519 of a file's
 * BLAKE2b, and of a comment that is trusted. The keys are those that `minisign -G -W` makes, and
 * `minisign -V` verifies what is signed here. */
#pragma once

#include "base/error.h"
#include "base/text.h"

enum { minisign_id_bytes = 8, minisign_public_bytes = 32, minisign_secret_bytes = 64 };

struct minisign_secret {
    unsigned char id[minisign_id_bytes], key[minisign_secret_bytes];
};

struct minisign_public {
    unsigned char id[minisign_id_bytes], key[minisign_public_bytes];
};

/* A secret key's file, without a password. 0, or negative with `err`. */
int minisign_read_secret(const char *path, struct minisign_secret *out, struct error *err);

enum { minisign_most_keys = 4 };

struct minisign_keys {
    struct minisign_public items[minisign_most_keys];
    size_t count;
};

/* Public keys as minisign prints them, RWQ…, by commas. */
int minisign_read_keys(const char *text, struct minisign_keys *out, struct error *err);
int minisign_check_keys(const char *text, struct error *err);

struct minisign_subject {
    const char *path, *comment; /* a file, and what is said of it */
    const char *like; /* signatures of it, the newest first, whose first half then serves again; the
                       * file is read where that is not ours */
};

/* Is the newest of these signatures one by this key, as far as it says? */
bool minisign_is_by(const char *lines, const struct minisign_secret *secret);

/* Appends the four lines of its signature. 0, or negative with `err`. */
int minisign_sign(const struct minisign_secret *secret, const struct minisign_subject *subject,
                  struct text *out, struct error *err);

/* Looks at the four lines that `*lines` begins with, and moves it behind them. Was their comment
 * made by one of the keys? Then it is in `out_comment`. The file is not looked at: whoever
 * believes a comment that names its digest need not. */
bool minisign_vouches(const char **lines, const struct minisign_keys *keys,
                      struct text *out_comment);
