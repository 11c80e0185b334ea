/* Which pair of keys seals a frame and which ones are tried to open it, while either end, or
 * both, may be changing theirs. A pair's keys are derived when they are first needed. */
#include "io/keys/seal.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/base64.h"
#include "base/memory.h"
#include "message/protocol.h"

enum {
    key_bytes = seal_key_bytes,
    overhead = crypto_box_NONCEBYTES + crypto_box_MACBYTES,
    mark_bytes = 1,
    variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

#define SECRET_PREFIX "secret:"
static const unsigned char purpose[] = "isthmus frame 1";

static_assert(crypto_box_PUBLICKEYBYTES == key_bytes && crypto_box_SECRETKEYBYTES == key_bytes &&
              crypto_box_BEFORENMBYTES == key_bytes && crypto_generichash_BYTES == key_bytes,
              "one size of keys");
static_assert(sodium_base64_ENCODED_LEN(key_bytes, variant) == limit_public_key_size, "as text");
static_assert(sodium_base64_ENCODED_LEN(limit_frame_bytes + overhead, variant) - 1 <=
              limit_frame_hard, "the longest frame fits when it is sealed");
static_assert(sodium_base64_ENCODED_LEN(limit_frame_batch + overhead, variant) - 1 <=
              limit_frame_soft, "a batch likewise");

/* One key of ours with one of a peer's. */
struct pair {
    unsigned char keys[2][key_bytes]; /* for what we say; for what it says */
    bool is_possible;
};

/* Each end has one key, and while it changes it a next one: four pairs at the most. */
enum { own_keys = SEAL_NEXT + 1, pairs_most = own_keys * own_keys };

struct pinned {
    unsigned char public_keys[own_keys][key_bytes];
    bool has_next;
    bool knows_next;     /* ours: it has sealed to it */
    uint8_t newest;      /* pair that opened a frame last */
    struct pair *pairs[pairs_most]; /* [ours * own_keys + its], as they are needed */
    char address[];
};

struct own_key {
    unsigned char secret_key[key_bytes], public_key[key_bytes];
    char public_text[limit_public_key_size];
};

struct seal {
    enum seal_end end;
    struct own_key own[own_keys];
    bool has_next;
    char opened_by[limit_public_key_size]; /* the frame opened last, if by a next key */
    struct pinned **pins;
    size_t pins_count;
    struct map by_address;
    struct text scratch;
};

static size_t pair_at(size_t own, size_t its) {
    return own * own_keys + its;
}

static void seal_ready(void) {
    if (sodium_init() < 0)
        abort();
}

/* How many bytes are in exactly this text of a key; 0 if there are none, or more than `most`.
 * libsodium 1.0.18 takes bytes above ASCII for the character of 63: a key would have several
 * texts. */
static size_t key_decode(const char *text, size_t length, unsigned char *out, size_t most) {
    size_t decoded = 0;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            return 0;
    return sodium_base642bin(out, most, text, length, NULL, &decoded, NULL, variant) ? 0 : decoded;
}

bool seal_read_public(const char *text, unsigned char out[seal_key_bytes]) {
    return text && strlen(text) == limit_public_key_size - 1 &&
           key_decode(text, limit_public_key_size - 1, out, key_bytes) == key_bytes;
}

bool seal_read_secret(const char *line, unsigned char out[seal_key_bytes]) {
    return text_starts(line, SECRET_PREFIX) && seal_read_public(line + strlen(SECRET_PREFIX), out);
}

int seal_check_secret(const char *line, struct error *err) {
    unsigned char key[key_bytes];
    bool good = seal_read_secret(line, key);
    sodium_memzero(key, sizeof(key));
    return good ? 0 : error_set(err, -EINVAL, "the file holds no secret key; make one with: "
                                "isthmus-agent key FILE");
}

int seal_check_public(const char *key, struct error *err) {
    unsigned char bytes[key_bytes];
    if (text_starts(key, SECRET_PREFIX))
        return error_set(err, -EINVAL, "this is a secret key, which nobody else may see: make a "
                         "new one, and give here the public key that the command key prints");
    return seal_read_public(key, bytes)
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not a public key; give the 43 characters that "
                           "the command key prints at the other end", key);
}

static void key_print(const unsigned char key[key_bytes], char out[limit_public_key_size]) {
    sodium_bin2base64(out, limit_public_key_size, key, key_bytes, variant);
}

static void own_read(struct own_key *own, const char *secret_key) {
    (void)seal_read_secret(secret_key, own->secret_key);
    crypto_scalarmult_base(own->public_key, own->secret_key);
    key_print(own->public_key, own->public_text);
}

struct seal *seal_new(enum seal_end end, const char *secret_key, struct error *err) {
    seal_ready();
    if (seal_check_secret(secret_key, err))
        return NULL;
    struct seal *seal = memory_new(1, sizeof(*seal));
    seal->end = end;
    own_read(&seal->own[SEAL_CURRENT], secret_key);
    map_init(&seal->by_address, 0);
    return seal;
}

static void pair_free(struct pair **pair) {
    if (*pair)
        sodium_memzero(*pair, sizeof(**pair));
    memory_free(*pair);
    *pair = NULL;
}

static void pinned_forget_pairs(struct pinned *pinned) {
    for (size_t i = 0; i < pairs_most; i++)
        pair_free(&pinned->pairs[i]);
    pinned->newest = 0;
}

static void pinned_free(struct pinned *pinned) {
    pinned_forget_pairs(pinned);
    sodium_memzero(pinned, sizeof(*pinned));
    memory_free(pinned);
}

/* What was the next one is the only one from here on. */
static void pair_follow(struct pinned *pinned, size_t current, size_t next) {
    pair_free(&pinned->pairs[current]);
    pinned->pairs[current] = pinned->pairs[next];
    pinned->pairs[next] = NULL;
    if (pinned->newest == next)
        pinned->newest = (uint8_t)current;
}

void seal_free(struct seal *seal) {
    if (!seal)
        return;
    for (size_t i = 0; i < seal->pins_count; i++)
        pinned_free(seal->pins[i]);
    memory_free(seal->pins);
    map_deinit(&seal->by_address);
    text_deinit(&seal->scratch);
    sodium_memzero(seal, sizeof(*seal));
    memory_free(seal);
}

const char *seal_public_key(const struct seal *seal) {
    return seal->own[SEAL_CURRENT].public_text;
}

int seal_take_next(struct seal *seal, const char *secret_key, struct error *err) {
    if (seal_check_secret(secret_key, err))
        return err->code;
    own_read(&seal->own[SEAL_NEXT], secret_key);
    seal->has_next = true;
    return 0;
}

const char *seal_next_key(const struct seal *seal) {
    return seal->has_next ? seal->own[SEAL_NEXT].public_text : NULL;
}

bool seal_next_is_known(const struct seal *seal) {
    bool all = seal->has_next && seal->pins_count;
    for (size_t i = 0; all && i < seal->pins_count; i++)
        all = seal->pins[i]->knows_next;
    return all;
}

void seal_adopt_next(struct seal *seal) {
    seal->own[SEAL_CURRENT] = seal->own[SEAL_NEXT];
    sodium_memzero(&seal->own[SEAL_NEXT], sizeof(seal->own[SEAL_NEXT]));
    seal->has_next = false;
    for (size_t i = 0; i < seal->pins_count; i++) {
        seal->pins[i]->knows_next = false;
        for (size_t its = SEAL_CURRENT; its <= SEAL_NEXT; its++)
            pair_follow(seal->pins[i], pair_at(SEAL_CURRENT, its), pair_at(SEAL_NEXT, its));
    }
}

static struct pinned *seal_peer(struct seal *seal, const char *address) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    if (pinned)
        return pinned;
    pinned = memory_new(1, sizeof(*pinned) + strlen(address) + 1);
    memcpy(pinned->address, address, strlen(address) + 1);
    seal->pins = memory_resize(seal->pins, (seal->pins_count + 1) * sizeof(struct pinned *));
    seal->pins[seal->pins_count++] = pinned;
    map_put(&seal->by_address, pinned->address, pinned);
    return pinned;
}

static int read_foreign(const struct seal *seal, const char *address, const char *public_key,
                        unsigned char out[key_bytes], struct error *err) {
    if (seal_check_public(public_key, err))
        return err->code;
    (void)seal_read_public(public_key, out);
    for (size_t own = SEAL_CURRENT; own <= (size_t)seal->has_next; own++)
        if (sodium_memcmp(out, seal->own[own].public_key, key_bytes) == 0)
            return error_set(err, -EINVAL, "%s has our own key: each end of a link makes its own",
                             address);
    return 0;
}

int seal_pin(struct seal *seal, const char *address, const char *public_key, struct error *err) {
    unsigned char key[key_bytes];
    if (read_foreign(seal, address, public_key, key, err))
        return err->code;
    struct pinned *pinned = seal_peer(seal, address);
    unsigned char *current = pinned->public_keys[SEAL_CURRENT];
    if (pinned->has_next && !memcmp(key, pinned->public_keys[SEAL_NEXT], key_bytes)) {
        for (size_t own = SEAL_CURRENT; own <= SEAL_NEXT; own++)
            pair_follow(pinned, pair_at(own, SEAL_CURRENT), pair_at(own, SEAL_NEXT));
    } else if (memcmp(key, current, key_bytes)) {
        pinned_forget_pairs(pinned);
        pinned->knows_next = false;
    }
    memcpy(current, key, key_bytes);
    pinned->has_next = false;
    return 0;
}

int seal_pin_next(struct seal *seal, const char *address, const char *public_key,
                  struct error *err) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    unsigned char key[key_bytes];
    if (!pinned)
        return error_set(err, -ENOENT, "no key is pinned for %s that another could follow",
                         address);
    if (read_foreign(seal, address, public_key, key, err))
        return err->code;
    if (!memcmp(key, pinned->public_keys[SEAL_CURRENT], key_bytes))
        return 0; /* said again, after it was done */
    if (!pinned->has_next || memcmp(key, pinned->public_keys[SEAL_NEXT], key_bytes))
        for (size_t own = SEAL_CURRENT; own <= SEAL_NEXT; own++)
            pair_free(&pinned->pairs[pair_at(own, SEAL_NEXT)]);
    memcpy(pinned->public_keys[SEAL_NEXT], key, key_bytes);
    pinned->has_next = true;
    return 0;
}

void seal_unpin(struct seal *seal, const char *address) {
    struct pinned *pinned = map_remove(&seal->by_address, address);
    for (size_t i = 0; pinned && i < seal->pins_count; i++) {
        if (seal->pins[i] != pinned)
            continue;
        seal->pins[i] = seal->pins[--seal->pins_count];
        pinned_free(pinned);
        return;
    }
}

enum seal_end seal_end(const struct seal *seal) { return seal->end; }

/* The key for one direction, of the shared secret of both public keys. */
static void derive(enum seal_end speaker, const unsigned char shared[key_bytes],
                   const unsigned char *const public_keys[2], unsigned char out[key_bytes]) {
    const unsigned char side = (unsigned char)speaker;
    crypto_generichash_state state;
    crypto_generichash_init(&state, shared, key_bytes, key_bytes);
    crypto_generichash_update(&state, purpose, sizeof(purpose) - 1);
    crypto_generichash_update(&state, &side, 1);
    crypto_generichash_update(&state, public_keys[0], key_bytes); /* the agent's end's */
    crypto_generichash_update(&state, public_keys[1], key_bytes);
    crypto_generichash_final(&state, out, key_bytes);
    sodium_memzero(&state, sizeof(state));
}

static struct pair *pair_new(enum seal_end end, const struct own_key *own,
                             const unsigned char *its) {
    unsigned char shared[key_bytes];
    struct pair *pair = memory_new(1, sizeof(*pair)); /* a point of low order: no secret comes */
    bool is_agent = end == SEAL_AGENT;
    const unsigned char *const keys[2] = {is_agent ? own->public_key : its,
                                          is_agent ? its : own->public_key};
    pair->is_possible = crypto_box_beforenm(shared, its, own->secret_key) == 0;
    if (pair->is_possible) {
        derive(end, shared, keys, pair->keys[0]);
        derive(is_agent ? SEAL_MANAGER : SEAL_AGENT, shared, keys, pair->keys[1]);
    }
    sodium_memzero(shared, sizeof(shared));
    return pair;
}

/* The pair of keys, made at the first frame: most of 10,000 peers are not there at the start, and
 * each costs a multiplication on the curve. NULL: there is none. */
static const struct pair *pair_of(const struct seal *seal, struct pinned *pinned, size_t at) {
    size_t own = at / own_keys, its = at % own_keys;
    if ((own == SEAL_NEXT && !seal->has_next) || (its == SEAL_NEXT && !pinned->has_next))
        return NULL;
    if (!pinned->pairs[at])
        pinned->pairs[at] = pair_new(seal->end, &seal->own[own], pinned->public_keys[its]);
    return pinned->pairs[at]->is_possible ? pinned->pairs[at] : NULL;
}

/* Room for `length` bytes, whatever is in it. */
static unsigned char *room(struct text *text, size_t length) {
    if (text->capacity < length + 1) {
        text->data = memory_resize(text->data, length + 1);
        text->capacity = length + 1;
    }
    return (unsigned char *)text->data;
}

static void encode(const unsigned char *bytes, size_t length, struct text *out) {
    size_t characters = base64_characters(length);
    (void)room(out, characters);
    base64_encode(bytes, length, out->data);
    out->data[characters] = 0;
    out->length = characters;
}

static enum seal_result seal_by(const struct pair *pair, const struct text *frame,
                                struct text *out) {
    if (frame->length > limit_frame_bytes)
        return SEAL_TOO_LONG;
    if (!pair)
        return SEAL_BROKEN;
    size_t sealed = overhead + frame->length;
    unsigned char *bytes = room(out, mark_bytes + sealed) + mark_bytes;
    randombytes_buf(bytes, crypto_box_NONCEBYTES);
    (void)crypto_box_easy_afternm(bytes + crypto_box_NONCEBYTES,
                                  (const unsigned char *)text_data(frame), frame->length, bytes,
                                  pair->keys[0]);
    out->data[0] = frame_bytes_mark;
    out->length = mark_bytes + sealed;
    out->data[out->length] = 0;
    return SEAL_DONE;
}

void seal_to_text(struct seal *seal, struct text *sealed) {
    size_t length = sealed->length - mark_bytes;
    unsigned char *bytes = room(&seal->scratch, length);
    memcpy(bytes, sealed->data + mark_bytes, length);
    encode(bytes, length, sealed);
}

/* A frame is sealed to the peer's newest key, since the peer told of that only once it had it for
 * good; by our next key only where the peer is known to have it. An agent's end, which has one
 * peer, does not use its next key before it is for good. */
enum seal_result seal_frame(struct seal *seal, const char *address, const struct text *frame,
                            struct text *out) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    text_clear(out);
    if (!pinned)
        return SEAL_STRANGER;
    bool by_next = pinned->knows_next && seal->end == SEAL_MANAGER;
    size_t at = pair_at(by_next ? SEAL_NEXT : SEAL_CURRENT,
                        pinned->has_next ? SEAL_NEXT : SEAL_CURRENT);
    return seal_by(pair_of(seal, pinned, at), frame, out);
}

enum seal_result seal_answer(struct seal *seal, enum seal_own own, const char *public_key,
                             const struct text *frame, struct text *out) {
    struct pinned once = {0};
    text_clear(out);
    enum seal_result result =
        seal_read_public(public_key, once.public_keys[SEAL_CURRENT])
            ? seal_by(pair_of(seal, &once, pair_at(own, SEAL_CURRENT)), frame, out)
            : SEAL_STRANGER;
    if (result == SEAL_DONE)
        seal_to_text(seal, out);
    pinned_forget_pairs(&once);
    return result;
}

enum seal_result seal_request(struct seal *seal, const char *address, const struct text *request,
                              struct text *out) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    text_clear(out);
    if (!pinned)
        return SEAL_STRANGER;
    size_t sealed = request->length + crypto_box_SEALBYTES;
    unsigned char *bytes = room(&seal->scratch, sealed);
    if (crypto_box_seal(bytes, (const unsigned char *)text_data(request), request->length,
                        pinned->public_keys[SEAL_CURRENT]))
        return SEAL_BROKEN;
    encode(bytes, sealed, out);
    return out->length > limit_join_characters ? SEAL_TOO_LONG : SEAL_DONE;
}

enum seal_result seal_open_request(struct seal *seal, const char *sealed, size_t length,
                                   struct text *out) {
    text_clear(out);
    if (length > limit_join_characters)
        return SEAL_TOO_LONG;
    unsigned char *bytes = room(&seal->scratch, length);
    size_t got = base64_decode(sealed, length, bytes, length);
    if (got < crypto_box_SEALBYTES)
        return SEAL_BROKEN;
    unsigned char *request = room(out, got - crypto_box_SEALBYTES);
    for (size_t own = SEAL_CURRENT; own <= (size_t)seal->has_next; own++) {
        if (crypto_box_seal_open(request, bytes, got, seal->own[own].public_key,
                                 seal->own[own].secret_key))
            continue;
        out->length = got - crypto_box_SEALBYTES;
        out->data[out->length] = 0;
        return SEAL_DONE;
    }
    text_clear(out);
    return SEAL_BROKEN;
}

/* Opens what is in scratch, trying each pair of keys, first the one that opened a frame last. */
static bool open_by_any(struct seal *seal, struct pinned *pinned, unsigned char *frame) {
    const unsigned char *bytes = (const unsigned char *)seal->scratch.data;
    size_t length = seal->scratch.length;
    for (size_t i = 0; i < pairs_most; i++) {
        size_t at = (pinned->newest + i) % pairs_most;
        const struct pair *pair = pair_of(seal, pinned, at);
        if (!pair || crypto_box_open_easy_afternm(frame, bytes + crypto_box_NONCEBYTES,
                                                  length - crypto_box_NONCEBYTES, bytes,
                                                  pair->keys[1]))
            continue;
        pinned->newest = (uint8_t)at;
        pinned->knows_next |= at / own_keys == SEAL_NEXT;
        if (at % own_keys == SEAL_NEXT)
            key_print(pinned->public_keys[SEAL_NEXT], seal->opened_by);
        return true;
    }
    return false;
}

/* What is sealed, from either form, into as much room; how many bytes. */
static size_t unwrap(const char *sealed, size_t length, unsigned char *out) {
    if (!length || sealed[0] != frame_bytes_mark)
        return base64_decode(sealed, length, out, length);
    memcpy(out, sealed + mark_bytes, length - mark_bytes);
    return length - mark_bytes;
}

enum seal_result seal_open(struct seal *seal, const char *address, const char *sealed,
                           size_t length, struct text *out) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    text_clear(out);
    seal->opened_by[0] = 0;
    if (!pinned)
        return SEAL_STRANGER;
    if (length > limit_frame_hard)
        return SEAL_TOO_LONG;
    seal->scratch.length = unwrap(sealed, length, room(&seal->scratch, length));
    if (seal->scratch.length < overhead)
        return SEAL_BROKEN;
    size_t opened = seal->scratch.length - overhead;
    if (opened > limit_frame_bytes)
        return SEAL_TOO_LONG;
    if (!open_by_any(seal, pinned, room(out, opened))) {
        text_clear(out);
        return SEAL_BROKEN;
    }
    out->length = opened;
    out->data[out->length] = 0;
    return SEAL_DONE;
}

const char *seal_opened_by_next(const struct seal *seal) {
    return seal->opened_by[0] ? seal->opened_by : NULL;
}

int seal_public_of(const char *secret_key, char out_public[limit_public_key_size],
                   struct error *err) {
    struct own_key own;
    seal_ready();
    if (seal_check_secret(secret_key, err))
        return err->code;
    own_read(&own, secret_key);
    text_set_sized(out_public, limit_public_key_size, own.public_text);
    sodium_memzero(&own, sizeof(own));
    return 0;
}
