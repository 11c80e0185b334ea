/* Seals frames from end to end (libsodium), so that a carrier is trusted with nothing.
 *
 * A `struct seal` is one end of one link: our key pair, and the pinned public keys of our peers
 * by their address. A frame is readable by, and can only come from, the peer at its other end:
 *
 *   shared = crypto_box_beforenm(peer's public key, our secret key)         X25519, HSalsa20
 *   key    = BLAKE2b-256(key: shared, "isthmus frame 1" side agent's key manager's key)
 *   sealed = nonce, crypto_box_easy_afternm(frame, nonce, key)              XSalsa20-Poly1305
 *
 * A peer that is old gets it as text, base64url(sealed), any other one as bytes, which begin with
 * a mark that no text has. Where a carrier has room for text alone, it makes one of them
 * (io/carrier/xmpp/write.h), and both are opened.
 *
 * `side` is the byte 'a' for what the agent's end says and 'm' for the manager's: a frame that is
 * thrown back at its sender, or carried over to another link, does not open. Repeats and gaps are
 * the session's matter, whose numbers are inside. There is no unsealed form of a frame.
 *
 * An end changes its key while frames go on. It has a next key for good before it tells it, sealed
 * by its old one; the other end seals to it from then on, and hears both. Whoever is sealed to by
 * its next key knows that it is known there, and seals by it; the first frame that is sealed by
 * the next one ends the old one at the other end. Who is changing with many peers seals to each
 * by what that knows. Each step is durable before the next, so any of them may be the last one
 * before a crash. Both ends may change at the same time.
 *
 * Keys are texts of 43 characters; secret ones stand in files of mode 0600, one line,
 * "secret:" before the key. Used within the shell's turn alone: nothing here is thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "message/limits.h"

struct seal;

enum seal_own { SEAL_CURRENT, SEAL_NEXT };
enum seal_end { SEAL_AGENT = 'a', SEAL_MANAGER = 'm' }; /* which end of the link is ours */

/* `secret_key` is the line of a key file. NULL with `err`: it is none. */
struct seal *seal_new(enum seal_end end, const char *secret_key, struct error *err);
void seal_free(struct seal *seal);

const char *seal_public_key(const struct seal *seal);

/* `secret_key` is to follow our key, and stands in a file by now. */
int seal_take_next(struct seal *seal, const char *secret_key, struct error *err);
const char *seal_next_key(const struct seal *seal); /* its public half; NULL: there is none */

/* Have all that are pinned sealed to our next key? Then the old one is not needed any more. */
bool seal_next_is_known(const struct seal *seal);

/* The next key is ours from here on; the old one is erased from memory. */
void seal_adopt_next(struct seal *seal);

/* The peer at `address` is whoever has the secret half of `public_key`; it takes the place of
 * what was pinned for the address before. Negative with `err`: no key, or our own. */
int seal_pin(struct seal *seal, const char *address, const char *public_key, struct error *err);

/* The peer at `address`, for which a key is pinned, is changing to this one, and has it. It is
 * the only one once it is pinned (seal_pin). Negative with `err`: no key, our own, or no peer. */
int seal_pin_next(struct seal *seal, const char *address, const char *public_key,
                  struct error *err);

/* From here on the peer at `address` is nobody. */
void seal_unpin(struct seal *seal, const char *address);

enum seal_end seal_end(const struct seal *seal);

enum seal_result {
    SEAL_DONE = 0,
    SEAL_STRANGER = 1, /* no key is pinned for the address */
    SEAL_BROKEN = 2,   /* not sealed by its key, for us, in this direction; or altered */
    SEAL_TOO_LONG = 3, /* over limit_frame_bytes */
};

/* Puts what goes to `address`, sealed, as bytes, into `out`. */
enum seal_result seal_frame(struct seal *seal, const char *address, const struct text *frame,
                            struct text *out);

/* Makes them text. */
void seal_to_text(struct seal *seal, struct text *sealed);

/* Puts what came from `address` in either form, opened, into `out`; it is empty if that fails. */
enum seal_result seal_open(struct seal *seal, const char *address, const char *sealed,
                           size_t length, struct text *out);

/* The peer's next key, if what was opened last is sealed by it, or NULL. */
const char *seal_opened_by_next(const struct seal *seal);

/* A request to join, before our key is pinned there: what only the pinned peer at `address` can
 * open (crypto_box_seal), and what tells nothing of who made it. */
enum seal_result seal_request(struct seal *seal, const char *address, const struct text *request,
                              struct text *out);
enum seal_result seal_open_request(struct seal *seal, const char *sealed, size_t length,
                                   struct text *out);

/* The answer: a frame, as text, for whoever has the secret half of `public_key`, pinned or not, by
 * one of our keys: the request does not say which of them its token names. */
enum seal_result seal_answer(struct seal *seal, enum seal_own own, const char *public_key,
                             const struct text *frame, struct text *out);

/* 0, or negative with `err`: what a key would be. */
int seal_check_secret(const char *line, struct error *err);
int seal_check_public(const char *key, struct error *err);

enum { seal_key_bytes = 32 };

/* The key in such a text; false: there is none. */
bool seal_read_secret(const char *line, unsigned char out[seal_key_bytes]);
bool seal_read_public(const char *key, unsigned char out[seal_key_bytes]);

/* The public half of a key file's line. */
int seal_public_of(const char *secret_key, char out_public[limit_public_key_size],
                   struct error *err);
