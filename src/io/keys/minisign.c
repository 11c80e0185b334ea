/* The format's bytes: which of them are signed, and what is not taken: keys with a password, and
 * signatures of the old kind, which are of a whole file in memory. */
#include "io/keys/minisign.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/memory.h"
#include "io/os/folder.h"

enum {
    hash_bytes = 64, check_bytes = 32,
    signature_bytes = 64, signature_line_bytes = 2 + minisign_id_bytes + signature_bytes,
    public_line_bytes = 2 + minisign_id_bytes + minisign_public_bytes,
    key_at = 54, /* behind the algorithms and what a password would be stretched by */
    secret_line_bytes = key_at + minisign_id_bytes + minisign_secret_bytes + check_bytes,
    most_file_bytes = 1024, most_comment_bytes = 1024, piece_bytes = 1 << 20,
};

static const char comment_mark[] = "trusted comment: ", key_algorithm[] = "Ed",
                  signature_algorithm[] = "ED";

/* The second line of a key's file. */
static int read_line(const char *path, char line[most_file_bytes], struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[most_file_bytes];
    ssize_t length = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);
    if (length < 0)
        return error_set(err, -errno, "read the key %s: %s", path, strerror(errno));
    bytes[length] = 0;
    const char *second = bytes + strcspn(bytes, "\n");
    second += *second == '\n';
    text_format(line, most_file_bytes, "%.*s", (int)strcspn(second, "\r\n"), second);
    sodium_memzero(bytes, sizeof(bytes));
    return 0;
}

/* Its second half is the public key of its first one. The format's own check is left out of keys
 * without a password. */
static bool is_whole(const unsigned char key[minisign_secret_bytes]) {
    unsigned char seed[crypto_sign_SEEDBYTES], public[minisign_public_bytes],
        secret[minisign_secret_bytes];
    bool is_same = crypto_sign_ed25519_sk_to_seed(seed, key) == 0 &&
                   crypto_sign_seed_keypair(public, secret, seed) == 0 &&
                   memcmp(secret, key, sizeof(secret)) == 0;
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(secret, sizeof(secret));
    return is_same;
}

int minisign_read_secret(const char *path, struct minisign_secret *out, struct error *err) {
    char line[most_file_bytes];
    unsigned char bytes[secret_line_bytes];
    int fault = read_line(path, line, err);
    if (fault)
        return fault;
    size_t length = base64_from_standard(line, bytes, sizeof(bytes));
    const unsigned char *id = bytes + key_at, *key = id + minisign_id_bytes;
    if (length != sizeof(bytes) || memcmp(bytes, key_algorithm, 2) != 0) {
        fault = error_set(err, -EINVAL, "%s is no secret key of minisign; make one: minisign -G -W "
                          "-s %s", path, path);
    } else if (bytes[2] || bytes[3]) {
        fault = error_set(err, -EINVAL, "the key %s has a password, which nobody is there to tell; "
                          "make one without: minisign -G -W -s FILE", path);
    } else if (!is_whole(key)) {
        fault = error_set(err, -EINVAL, "the key %s is damaged; take its copy", path);
    } else {
        memcpy(out->id, id, sizeof(out->id));
        memcpy(out->key, key, sizeof(out->key));
    }
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(line, sizeof(line));
    return fault;
}

static bool read_public(const char *text, struct minisign_public *out) {
    unsigned char bytes[public_line_bytes];
    if (base64_from_standard(text, bytes, sizeof(bytes)) != sizeof(bytes) ||
        memcmp(bytes, key_algorithm, 2) != 0)
        return false;
    memcpy(out->id, bytes + 2, sizeof(out->id));
    memcpy(out->key, bytes + 2 + minisign_id_bytes, sizeof(out->key));
    return true;
}

int minisign_read_keys(const char *text, struct minisign_keys *out, struct error *err) {
    *out = (struct minisign_keys){0};
    while (*text) {
        char one[200];
        size_t length = strcspn(text, ",");
        if (out->count == minisign_most_keys)
            return error_set(err, -E2BIG, "more than %d public keys", minisign_most_keys);
        text_format(one, sizeof(one), "%.*s", length < sizeof(one) ? (int)length : 0, text);
        if (!read_public(one, &out->items[out->count++]))
            return error_set(err, -EINVAL, "\"%.80s\" is no public key of minisign; give the 56 "
                             "characters that minisign -G prints", one);
        text += length + (text[length] == ',');
    }
    return 0;
}

int minisign_check_keys(const char *text, struct error *err) {
    struct minisign_keys keys;
    return minisign_read_keys(text, &keys, err);
}

/* BLAKE2b of 64 bytes. */
static int hash_file(const char *path, unsigned char out[hash_bytes], struct error *err) {
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC);
    auto_clean(memory_clean) unsigned char *piece = memory_new(1, piece_bytes);
    crypto_generichash_state state;
    ssize_t length = -1;
    crypto_generichash_init(&state, NULL, 0, hash_bytes);
    while (fd >= 0 && (length = read(fd, piece, piece_bytes)) > 0)
        crypto_generichash_update(&state, piece, (size_t)length);
    crypto_generichash_final(&state, out, hash_bytes);
    return length == 0 ? 0 : error_set(err, -errno, "read %s: %s", path, strerror(errno));
}

/* What the second signature is of. */
static void add_comment(struct text *out, const unsigned char signature[signature_bytes],
                        const char *comment, size_t length) {
    text_add_bytes(out, (const char *)signature, signature_bytes);
    text_add_bytes(out, comment, length);
}

static void sign(const struct minisign_secret *secret, const void *bytes, size_t length,
                 unsigned char out[signature_bytes]) {
    int failed = crypto_sign_detached(out, NULL, bytes, length, secret->key);
    assert(!failed); /* it has no way to fail */
}

/* The next line, without its end; "" behind the last. */
static void take_line(const char **lines, char out[most_comment_bytes]) {
    size_t length = strcspn(*lines, "\r\n");
    text_format(out, most_comment_bytes, "%.*s",
                (int)(length < most_comment_bytes ? length : most_comment_bytes - 1), *lines);
    *lines += length;
    *lines += **lines == '\r';
    *lines += **lines == '\n';
}

static bool take_first(const char *lines, const struct minisign_secret *secret,
                       unsigned char out[signature_line_bytes]) {
    char line[most_comment_bytes];
    take_line(&lines, line);
    take_line(&lines, line);
    return base64_from_standard(line, out, signature_line_bytes) == signature_line_bytes &&
           memcmp(out, signature_algorithm, 2) == 0 &&
           memcmp(out + 2, secret->id, sizeof(secret->id)) == 0;
}

bool minisign_is_by(const char *lines, const struct minisign_secret *secret) {
    unsigned char line[signature_line_bytes];
    return take_first(lines, secret, line);
}

int minisign_sign(const struct minisign_secret *secret, const struct minisign_subject *subject,
                  struct text *out, struct error *err) {
    const char *comment = subject->comment;
    unsigned char hash[hash_bytes], line[signature_line_bytes], whole[signature_bytes];
    unsigned char *signature = line + 2 + minisign_id_bytes;
    if (!take_first(subject->like, secret, line)) {
        int fault = hash_file(subject->path, hash, err);
        if (fault)
            return fault;
        memcpy(line, signature_algorithm, 2);
        memcpy(line + 2, secret->id, sizeof(secret->id));
        sign(secret, hash, sizeof(hash), signature);
    }
    auto_clean(text_deinit) struct text said = {0};
    add_comment(&said, signature, comment, strlen(comment));
    sign(secret, text_data(&said), said.length, whole);
    text_add(out, "untrusted comment: signed by Isthmus\n");
    base64_to_standard(line, sizeof(line), out);
    text_addf(out, "\n%s%s\n", comment_mark, comment);
    base64_to_standard(whole, sizeof(whole), out);
    text_add(out, "\n");
    return 0;
}

bool minisign_vouches(const char **lines, const struct minisign_keys *keys,
                      struct text *out_comment) {
    char ours[most_comment_bytes], first[most_comment_bytes], comment[most_comment_bytes],
        second[most_comment_bytes];
    unsigned char line[signature_line_bytes], whole[signature_bytes];
    take_line(lines, ours);
    take_line(lines, first);
    take_line(lines, comment);
    take_line(lines, second);
    if (base64_from_standard(first, line, sizeof(line)) != sizeof(line) ||
        base64_from_standard(second, whole, sizeof(whole)) != sizeof(whole) ||
        memcmp(line, signature_algorithm, 2) != 0 || !text_starts(comment, comment_mark))
        return false;
    const char *words = comment + sizeof(comment_mark) - 1;
    auto_clean(text_deinit) struct text said = {0};
    add_comment(&said, line + 2 + minisign_id_bytes, words, strlen(words));
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->items[i].id, line + 2, minisign_id_bytes) == 0 &&
            crypto_sign_verify_detached(whole, (const unsigned char *)text_data(&said),
                                        said.length, keys->items[i].key) == 0) {
            text_add(out_comment, words);
            return true;
        }
    return false;
}
