#include "io/seal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/memory.h"
#include "io/folder.h"

enum {
    key_bytes = crypto_box_PUBLICKEYBYTES,
    overhead = crypto_box_NONCEBYTES + crypto_box_MACBYTES,
    variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

#define SECRET_PREFIX "secret:"
static const unsigned char purpose[] = "isthmus frame 1";

static_assert(crypto_box_SECRETKEYBYTES == key_bytes && crypto_box_BEFORENMBYTES == key_bytes &&
              crypto_generichash_BYTES == key_bytes, "one size of keys");
static_assert(sodium_base64_ENCODED_LEN(key_bytes, variant) == limit_public_key_size, "as text");
static_assert(sodium_base64_ENCODED_LEN(limit_frame_bytes + overhead, variant) - 1 <=
              limit_frame_hard, "the longest frame fits when it is sealed");
static_assert(sodium_base64_ENCODED_LEN(limit_frame_batch + overhead, variant) - 1 <=
              limit_frame_soft, "a batch likewise");

struct pinned {
    char address[limit_address_size];
    unsigned char public_key[key_bytes];
    unsigned char keys[2][key_bytes]; /* for what we say; for what it says */
    enum { KEYS_UNKNOWN, KEYS_READY, KEYS_IMPOSSIBLE } state;
};

struct seal {
    enum seal_end end;
    unsigned char secret_key[key_bytes], public_key[key_bytes];
    char public_text[limit_public_key_size];
    struct pinned **pins;
    size_t pins_count;
    struct map by_address;
    struct text scratch;
};

static void seal_ready(void) {
    if (sodium_init() < 0)
        abort();
}

/* The bytes of exactly this text; false if there are none, or more than `most`. libsodium 1.0.18
 * takes bytes above ASCII for the character of 63: then a frame would have several texts. */
static bool decode(const char *text, size_t length, unsigned char *out, size_t most,
                   size_t *out_length) {
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return sodium_base642bin(out, most, text, length, NULL, out_length, NULL, variant) == 0;
}

static bool key_read(const char *text, unsigned char out[key_bytes]) {
    size_t length = 0;
    return text && strlen(text) == limit_public_key_size - 1 &&
           decode(text, limit_public_key_size - 1, out, key_bytes, &length) && length == key_bytes;
}

static bool secret_read(const char *line, unsigned char out[key_bytes]) {
    return text_starts(line, SECRET_PREFIX) && key_read(line + strlen(SECRET_PREFIX), out);
}

int seal_check_secret(const char *line, struct error *err) {
    unsigned char key[key_bytes];
    bool good = secret_read(line, key);
    sodium_memzero(key, sizeof(key));
    return good ? 0 : error_set(err, -EINVAL, "the file holds no secret key; make one with: "
                                "isthmus-agent key FILE");
}

int seal_check_public(const char *key, struct error *err) {
    unsigned char bytes[key_bytes];
    if (text_starts(key, SECRET_PREFIX))
        return error_set(err, -EINVAL, "this is a secret key, which nobody else may see: make a "
                         "new one, and give here the public key that the command key prints");
    return key_read(key, bytes) ? 0
                                : error_set(err, -EINVAL, "\"%s\" is not a public key; give the "
                                            "43 characters that the command key prints at the "
                                            "other end", key);
}

struct seal *seal_new(enum seal_end end, const char *secret_key, struct error *err) {
    seal_ready();
    if (seal_check_secret(secret_key, err))
        return NULL;
    struct seal *seal = memory_new(1, sizeof(*seal));
    seal->end = end;
    (void)secret_read(secret_key, seal->secret_key);
    crypto_scalarmult_base(seal->public_key, seal->secret_key);
    sodium_bin2base64(seal->public_text, sizeof(seal->public_text), seal->public_key, key_bytes,
                      variant);
    map_init(&seal->by_address, 0);
    return seal;
}

void seal_free(struct seal *seal) {
    if (!seal)
        return;
    for (size_t i = 0; i < seal->pins_count; i++) {
        sodium_memzero(seal->pins[i], sizeof(*seal->pins[i]));
        memory_free(seal->pins[i]);
    }
    memory_free(seal->pins);
    map_deinit(&seal->by_address);
    text_deinit(&seal->scratch);
    sodium_memzero(seal, sizeof(*seal));
    memory_free(seal);
}

const char *seal_public_key(const struct seal *seal) { return seal->public_text; }

static struct pinned *seal_peer(struct seal *seal, const char *address) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    if (pinned)
        return pinned;
    pinned = memory_new(1, sizeof(*pinned));
    (void)text_copy(pinned->address, sizeof(pinned->address), address);
    seal->pins = memory_resize(seal->pins, (seal->pins_count + 1) * sizeof(struct pinned *));
    seal->pins[seal->pins_count++] = pinned;
    map_put(&seal->by_address, pinned->address, pinned);
    return pinned;
}

int seal_pin(struct seal *seal, const char *address, const char *public_key, struct error *err) {
    unsigned char key[key_bytes];
    if (seal_check_public(public_key, err))
        return err->code;
    (void)key_read(public_key, key);
    if (sodium_memcmp(key, seal->public_key, key_bytes) == 0)
        return error_set(err, -EINVAL, "%s has our own key: each end of a link makes its own",
                         address);
    struct pinned *pinned = seal_peer(seal, address);
    memcpy(pinned->public_key, key, key_bytes);
    pinned->state = KEYS_UNKNOWN;
    return 0;
}

void seal_unpin(struct seal *seal, const char *address) {
    struct pinned *pinned = map_remove(&seal->by_address, address);
    for (size_t i = 0; pinned && i < seal->pins_count; i++) {
        if (seal->pins[i] != pinned)
            continue;
        seal->pins[i] = seal->pins[--seal->pins_count];
        sodium_memzero(pinned, sizeof(*pinned));
        memory_free(pinned);
        return;
    }
}

enum seal_end seal_end(const struct seal *seal) { return seal->end; }

/* The key for one direction. */
static void derive(const struct seal *seal, const struct pinned *pinned, enum seal_end speaker,
                   const unsigned char shared[key_bytes], unsigned char out[key_bytes]) {
    const unsigned char side = (unsigned char)speaker;
    bool is_agent = seal->end == SEAL_AGENT;
    crypto_generichash_state state;
    crypto_generichash_init(&state, shared, key_bytes, key_bytes);
    crypto_generichash_update(&state, purpose, sizeof(purpose) - 1);
    crypto_generichash_update(&state, &side, 1);
    crypto_generichash_update(&state, is_agent ? seal->public_key : pinned->public_key, key_bytes);
    crypto_generichash_update(&state, is_agent ? pinned->public_key : seal->public_key, key_bytes);
    crypto_generichash_final(&state, out, key_bytes);
    sodium_memzero(&state, sizeof(state));
}

/* Known from the first frame on: most of 10,000 peers are not there at the start, and each costs
 * a multiplication on the curve. */
static bool pinned_is_ready(const struct seal *seal, struct pinned *pinned) {
    unsigned char shared[key_bytes];
    if (pinned->state != KEYS_UNKNOWN)
        return pinned->state == KEYS_READY;
    pinned->state = KEYS_IMPOSSIBLE; /* a point of low order: no secret comes of it */
    if (crypto_box_beforenm(shared, pinned->public_key, seal->secret_key) == 0) {
        enum seal_end other = seal->end == SEAL_AGENT ? SEAL_MANAGER : SEAL_AGENT;
        derive(seal, pinned, seal->end, shared, pinned->keys[0]);
        derive(seal, pinned, other, shared, pinned->keys[1]);
        pinned->state = KEYS_READY;
    }
    sodium_memzero(shared, sizeof(shared));
    return pinned->state == KEYS_READY;
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
    size_t characters = sodium_base64_encoded_len(length, variant) - 1;
    (void)room(out, characters);
    sodium_bin2base64(out->data, characters + 1, bytes, length, variant);
    out->length = characters;
}

static enum seal_result seal_to(struct seal *seal, struct pinned *pinned, const struct text *frame,
                                struct text *out) {
    if (frame->length > limit_frame_bytes)
        return SEAL_TOO_LONG;
    if (!pinned_is_ready(seal, pinned))
        return SEAL_BROKEN;
    size_t sealed = overhead + frame->length;
    unsigned char *bytes = room(&seal->scratch, sealed);
    randombytes_buf(bytes, crypto_box_NONCEBYTES);
    (void)crypto_box_easy_afternm(bytes + crypto_box_NONCEBYTES,
                                  (const unsigned char *)text_data(frame), frame->length, bytes,
                                  pinned->keys[0]);
    encode(bytes, sealed, out);
    return SEAL_DONE;
}

enum seal_result seal_frame(struct seal *seal, const char *address, const struct text *frame,
                            struct text *out) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    text_clear(out);
    return pinned ? seal_to(seal, pinned, frame, out) : SEAL_STRANGER;
}

enum seal_result seal_answer(struct seal *seal, const char *public_key, const struct text *frame,
                             struct text *out) {
    struct pinned once = {0};
    text_clear(out);
    enum seal_result result = key_read(public_key, once.public_key)
                                  ? seal_to(seal, &once, frame, out)
                                  : SEAL_STRANGER;
    sodium_memzero(&once, sizeof(once));
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
                        pinned->public_key))
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
    size_t got = 0;
    if (!decode(sealed, length, bytes, length, &got) || got < crypto_box_SEALBYTES)
        return SEAL_BROKEN;
    unsigned char *request = room(out, got - crypto_box_SEALBYTES);
    if (crypto_box_seal_open(request, bytes, got, seal->public_key, seal->secret_key)) {
        text_clear(out);
        return SEAL_BROKEN;
    }
    out->length = got - crypto_box_SEALBYTES;
    out->data[out->length] = 0;
    return SEAL_DONE;
}

enum seal_result seal_open(struct seal *seal, const char *address, const char *sealed,
                           size_t length, struct text *out) {
    struct pinned *pinned = map_get(&seal->by_address, address);
    text_clear(out);
    if (!pinned)
        return SEAL_STRANGER;
    if (length > limit_frame_hard)
        return SEAL_TOO_LONG;
    unsigned char *bytes = room(&seal->scratch, length);
    size_t got = 0;
    if (!pinned_is_ready(seal, pinned) || !decode(sealed, length, bytes, length, &got) ||
        got < overhead)
        return SEAL_BROKEN;
    unsigned char *frame = room(out, got - overhead);
    if (crypto_box_open_easy_afternm(frame, bytes + crypto_box_NONCEBYTES,
                                     got - crypto_box_NONCEBYTES, bytes, pinned->keys[1])) {
        text_clear(out);
        return SEAL_BROKEN;
    }
    out->length = got - overhead;
    out->data[out->length] = 0;
    return SEAL_DONE;
}

static int key_write(const char *path, struct error *err) {
    unsigned char key[key_bytes];
    char text[limit_public_key_size];
    auto_clean(text_deinit) struct text line = {0};
    auto_clean(fd_clean) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, -errno, "make the key file %s: %s", path, strerror(errno));
    randombytes_buf(key, sizeof(key));
    sodium_bin2base64(text, sizeof(text), key, key_bytes, variant);
    text_addf(&line, SECRET_PREFIX "%s\n", text);
    int result = file_write(fd, line.data, line.length, path, err);
    if (!result && fsync(fd) < 0)
        result = error_set(err, -errno, "sync %s: %s", path, strerror(errno));
    sodium_memzero(key, sizeof(key));
    sodium_memzero(text, sizeof(text));
    sodium_memzero(line.data, line.length);
    return result;
}

int seal_key_file(const char *path, char out_public[limit_public_key_size], struct error *err) {
    char line[sizeof(SECRET_PREFIX) + limit_public_key_size] = "";
    struct stat about;
    seal_ready();
    if (access(path, F_OK) < 0 && errno == ENOENT && key_write(path, err))
        return err->code;
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) < 0 || read(fd, line, sizeof(line) - 1) < 0)
        return error_set(err, -errno, "read the key file %s: %s", path, strerror(errno));
    if (about.st_mode & 077)
        return error_set(err, -EPERM, "%s holds a secret, and others can read it; run: chmod 600 "
                         "%s, or better make a new key", path, path);
    line[strcspn(line, "\r\n")] = 0;
    struct seal *seal = seal_new(SEAL_AGENT, line, err);
    sodium_memzero(line, sizeof(line));
    if (!seal)
        return error_wrap(err, "%s", path);
    (void)text_copy(out_public, limit_public_key_size, seal->public_text);
    seal_free(seal);
    return 0;
}
