#include "io/config/value.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/os/folder.h"
#include "io/keys/seal.h"
#include "message/labels.h"
#include "message/limits.h"

enum { limit_secret_bytes = 4096 };

static bool name_is_valid(const char *value) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t length = strlen(value);
    return length >= 1 && length < limit_name_size && strspn(value, letters) == length &&
           value[0] != '-' && value[length - 1] != '-';
}

/* account@domain/resource, no part empty; the server is the judge of the rest. */
static bool jid_is_full(const char *value) {
    const char *at = strchr(value, '@');
    const char *slash = at ? strchr(at, '/') : NULL;
    return slash && at > value && slash > at + 1 && slash[1] && !strpbrk(value, " \t\"<>&") &&
           strlen(value) < limit_address_size;
}

static bool listen_is_valid(const char *value) {
    const char *colon = strrchr(value, ':');
    if (!colon || colon == value)
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    bool bracketed = value[0] == '[' && colon[-1] == ']';
    return isdigit((unsigned char)colon[1]) && !*end && port <= 65535 &&
           (bracketed || strchr(value, ':') == colon);
}

static int check_jids(const char *value, struct error *err) {
    auto_clean(memory_clean) char *copy = memory_text(value);
    for (char *rest = copy, *jid; (jid = strsep(&rest, ","));)
        if (!jid_is_full(jid))
            return error_set(err, -EINVAL, "\"%s\" is not a full JID; write "
                             "account@domain/resource,account@domain/resource without spaces",
                             jid);
    return 0;
}

static int check_text(const struct setting *setting, const char *value, struct error *err) {
    size_t length = strlen(value);
    switch (setting->kind) {
    case SETTING_NAME:
        if (!name_is_valid(value))
            return error_set(err, -EINVAL, "\"%s\" is not a name; use 1 to 63 of a-z, 0-9 and "
                             "inner hyphens", value);
        break;
    case SETTING_JID:
        if (!jid_is_full(value))
            return error_set(err, -EINVAL, "\"%s\" is not a full JID; write "
                             "account@domain/resource", value);
        break;
    case SETTING_JIDS:
        return check_jids(value, err);
    case SETTING_LABELS:
        if (length > limit_labels || !labels_are_valid(value))
            return error_set(err, -EINVAL, "\"%s\" are not labels; write name=value,name=value "
                             "of a-z, 0-9 and inner hyphens, without spaces, at most %d bytes",
                             value, limit_labels);
        break;
    case SETTING_URL:
        if (!text_starts(value, "https://") && !text_starts(value, "http://") &&
            !text_starts(value, "file:///"))
            return error_set(err, -EINVAL, "\"%s\" is not a URL; begin it with https://, http:// "
                             "or file:///", value);
        if (value[length - 1] == '/')
            return error_set(err, -EINVAL, "\"%s\" ends with a slash; leave it out", value);
        break;
    case SETTING_LISTEN:
        if (!listen_is_valid(value))
            return error_set(err, -EINVAL, "\"%s\" is not an address to listen on; write "
                             "address:port, for example 127.0.0.1:8080 or [::1]:8080", value);
        break;
    case SETTING_PEER:
        return seal_check_public(value, err);
    case SETTING_FOLDER:
    case SETTING_FILE:
    case SETTING_SECRET:
    case SETTING_KEY:
        if (value[0] != '/')
            return error_set(err, -EINVAL, "\"%s\" is not an absolute path; begin it with /",
                             value);
        break;
    case SETTING_TEXT:
    case SETTING_NUMBER:
    case SETTING_FLAG:
    case SETTING_CHOICE:
        break;
    }
    return 0;
}

static int set_file(const char *value, char **out_file, struct error *err) {
    if (access(value, R_OK) != 0)
        return error_set(err, -errno, "cannot read %s: %s; make the file, or let this daemon's "
                         "account read it", value, strerror(errno));
    *out_file = memory_text(value);
    return 0;
}

static int set_secret(const char *value, struct secret *secret, struct error *err) {
    auto_clean(fd_clean) int fd = open(value, O_RDONLY | O_CLOEXEC);
    struct stat about;
    char bytes[limit_secret_bytes + 1];
    if (fd < 0 || fstat(fd, &about) != 0)
        return error_set(err, -errno, "cannot read %s: %s; make the file with the secret in its "
                         "first line, mode 0600, owned by this daemon's account", value,
                         strerror(errno));
    if (about.st_mode & 077)
        return error_set(err, -EPERM, "%s holds a secret, and others can read it; run: chmod 600 "
                         "%s", value, value);
    ssize_t length = read(fd, bytes, sizeof(bytes) - 1);
    if (length < 0)
        return error_set(err, -errno, "cannot read %s: %s", value, strerror(errno));
    bytes[length] = 0;
    bytes[strcspn(bytes, "\r\n")] = 0;
    if (!bytes[0])
        return error_set(err, -EINVAL, "%s is empty; put the secret into its first line", value);
    secret->file = memory_text(value);
    secret->text = memory_text(bytes);
    explicit_bzero(bytes, sizeof(bytes));
    return 0;
}

static int set_key(const char *value, struct secret *secret, struct error *err) {
    if (set_secret(value, secret, err))
        return err->code;
    return seal_check_secret(secret->text, err) ? error_wrap(err, "%s", value) : 0;
}

static int set_number(const struct setting *setting, const char *value, uint64_t *out_number,
                      struct error *err) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end || errno || number < setting->least ||
        number > setting->most)
        return error_set(err, -EINVAL, "\"%s\" is not a whole number from %llu to %llu", value,
                         (unsigned long long)setting->least, (unsigned long long)setting->most);
    *out_number = number;
    return 0;
}

static int set_choice(const struct setting *setting, const char *value, int *out_choice,
                      struct error *err) {
    auto_clean(text_deinit) struct text known = {0};
    for (int i = 0; setting->choices[i]; i++) {
        if (text_equal(setting->choices[i], value)) {
            *out_choice = i;
            return 0;
        }
        text_addf(&known, "%s%s", i ? ", " : "", setting->choices[i]);
    }
    return error_set(err, -EINVAL, "\"%s\" is none of: %s", value, text_data(&known));
}

int config_value_set(const struct setting *setting, const char *value, void *section,
                     struct error *err) {
    void *place = (char *)section + setting->offset;
    if (!*value)
        return error_set(err, -EINVAL, "the value is missing; give one or leave the key out");
    if (check_text(setting, value, err))
        return err->code;
    switch (setting->kind) {
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_JID:
    case SETTING_JIDS:
    case SETTING_LABELS:
    case SETTING_URL:
    case SETTING_LISTEN:
    case SETTING_FOLDER:
    case SETTING_PEER:
        *(char **)place = memory_text(value);
        return 0;
    case SETTING_FILE:
        return set_file(value, place, err);
    case SETTING_SECRET:
        return set_secret(value, place, err);
    case SETTING_KEY:
        return set_key(value, place, err);
    case SETTING_NUMBER:
        return set_number(setting, value, place, err);
    case SETTING_FLAG:
        *(bool *)place = text_equal(value, "yes");
        if (!text_equal(value, "yes") && !text_equal(value, "no"))
            return error_set(err, -EINVAL, "\"%s\" is neither yes nor no", value);
        return 0;
    case SETTING_CHOICE:
        return set_choice(setting, value, place, err);
    }
    return 0;
}

static void secret_deinit(struct secret *secret) {
    if (secret->text)
        explicit_bzero(secret->text, strlen(secret->text));
    memory_free(secret->text);
    memory_free(secret->file);
    *secret = (struct secret){0};
}

void config_value_clear(const struct setting *setting, void *section) {
    void *place = (char *)section + setting->offset;
    switch (setting->kind) {
    case SETTING_TEXT:
    case SETTING_NAME:
    case SETTING_JID:
    case SETTING_JIDS:
    case SETTING_LABELS:
    case SETTING_URL:
    case SETTING_LISTEN:
    case SETTING_FOLDER:
    case SETTING_FILE:
    case SETTING_PEER:
        memory_free(*(char **)place);
        *(char **)place = NULL;
        break;
    case SETTING_SECRET:
    case SETTING_KEY:
        secret_deinit(place);
        break;
    case SETTING_NUMBER:
    case SETTING_FLAG:
    case SETTING_CHOICE:
        break;
    }
}
