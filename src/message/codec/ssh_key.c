/* A key's base64 holds the type again (RFC 4253, section 6.6): where both differ, it is none. */
#include "message/codec/ssh_key.h"

#include <string.h>

#include "base/base64.h"
#include "base/memory.h"

static const char *const types[] = {
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
};

/* The type that the line begins with; NULL: none that is known. */
static const char *type_of(const char *line) {
    for (size_t i = 0; i < array_size(types); i++)
        if (text_starts(line, types[i]) && line[strlen(types[i])] == ' ')
            return types[i];
    return NULL;
}

static bool is_comment(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

/* The blob begins with the type's length in four bytes, and the type. */
static bool is_blob_of(const char *base64, const char *type) {
    unsigned char bytes[limit_ssh_key];
    size_t length = base64_from_standard(base64, bytes, sizeof(bytes)), own = strlen(type);
    return length > 4 + own && !bytes[0] && !bytes[1] && bytes[2] == own >> 8 &&
           bytes[3] == (own & 0xff) && memcmp(bytes + 4, type, own) == 0;
}

static bool is_key(const char *line) {
    char base64[limit_ssh_key + 1];
    const char *type = type_of(line);
    if (!type)
        return false;
    line += strlen(type) + 1;
    size_t length = strcspn(line, " ");
    text_format(base64, sizeof(base64), "%.*s", (int)length, line);
    return is_blob_of(base64, type) && is_comment(line + length);
}

const char *ssh_keys_next(const char *keys, char out_key[limit_ssh_key + 1]) {
    if (!keys || !*keys)
        return NULL;
    size_t length = strcspn(keys, "\n"), most = limit_ssh_key;
    text_format(out_key, limit_ssh_key + 1, "%.*s", (int)(length < most ? length : most), keys);
    return keys + length + (keys[length] == '\n');
}

bool ssh_keys_are_valid(const char *text, size_t most) {
    char key[limit_ssh_key + 1];
    size_t count = 0;
    for (const char *rest = text; *rest; count++) {
        if (strcspn(rest, "\n") > limit_ssh_key)
            return false;
        rest = ssh_keys_next(rest, key);
        if (!is_key(key))
            return false;
    }
    return count && count <= most;
}
