/* A stream's bytes, sealed from who is at the VM to who is above all managers (libsodium): keys by
 * crypto_kx of two pairs that are made for this stream alone, and crypto_secretstream in each
 * direction. On the way stand
 *   header (24 bytes)  then pieces: length of what is sealed (2 bytes, big-endian)  and that
 * so whoever passes the bytes on may cut and join them as it likes. */
#pragma once

#include <stddef.h>

#include "base/text.h"
#include "message/request.h"

enum {
    stream_piece = 16384,   /* bytes that are sealed at a time, at the most */
    stream_seal_adds = 19,  /* to each piece; the first one has the header, too */
};

/* Draws a secret, and makes its public key. */
void stream_secret_draw(struct stream_secret *out);

enum stream_seat { STREAM_AT_VM, STREAM_AT_TOP };

struct stream_seal;

/* NULL: the keys are none. */
struct stream_seal *stream_seal_new(enum stream_seat seat, const char *secret,
                                    const char *other_key);
void stream_seal_free(struct stream_seal *seal);

/* Adds to `out` what is to go on the way; `length` at most stream_piece. */
void stream_seal_close(struct stream_seal *seal, const void *bytes, size_t length,
                       struct text *out);

/* Bytes have come, in whatever pieces: adds to `out` what was sealed. 0, or -EBADMSG: they are not
 * what the other end has sealed, in its order; nothing is to be taken from then on. */
int stream_seal_open(struct stream_seal *seal, const void *bytes, size_t length,
                     struct text *out);
