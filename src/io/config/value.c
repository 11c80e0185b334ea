/* What each form of value has to look like, and the files that secrets stand in. */
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
#include "io/os/cidr.h"
#include "io/os/folder.h"
#include "message/codec.h"
#include "message/landing.h"
#include "message/limits.h"
#include "message/records/contact.h"

enum { limit_secret_bytes = 4096 };

static const struct field secret_fields[] = {
    {field_of(struct secret, file), .kind = FIELD_BLOB},
    {field_of(struct secret, text), .kind = FIELD_BLOB, .mask = FIELD_SECRET},
};
const struct table secret_table = {"secret", "A file and its first line.", sizeof(struct secret),
                                   field_rows(secret_fields)};

/* account@domain or account@domain/resource, no part empty; the server is the judge of the rest. */
static bool address_is_valid(const char *value) {
    const char *at = strchr(value, '@');
    const char *slash = at ? strchr(at, '/') : NULL;
    return at && at > value && at[1] && slash != at + 1 && !(slash && !slash[1]) &&
           !strpbrk(value, " \t\"<>&") && strlen(value) < limit_address_size;
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

int value_check_carrier(const char *value, struct error *err) {
    static const char *const kinds[] = {"xmpp", "http", "amqp", "zeromq"};
    for (size_t i = 0; i < array_size(kinds); i++)
        if (text_equal(value, kinds[i]))
            return 0;
    return error_set(err, -EINVAL, "\"%s\" is no kind of carrier; write xmpp, http, amqp or zeromq",
                     value);
}

int value_check_address(const char *value, struct error *err) {
    return address_is_valid(value)
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not an address; write account@domain/resource "
                           "for xmpp, account@domain for the other kinds", value);
}

int value_check_addresses(const char *value, struct error *err) {
    auto_clean(memory_clean) char *copy = memory_text(value);
    for (char *rest = copy, *one; (one = strsep(&rest, ","));)
        if (value_check_address(one, err))
            return error_wrap(err, "addresses stand there by commas, without spaces");
    return 0;
}

/* Of a host, with a port or without. */
static bool has_host(const char *value, const char *scheme) {
    return text_starts(value, scheme) && value[strlen(scheme)] &&
           !strpbrk(value + strlen(scheme), " \t?#") && value[strlen(value) - 1] != '/';
}

int value_check_server_url(const char *value, struct error *err) {
    return has_host(value, "https://") || has_host(value, "amqps://") || has_host(value, "tcp://")
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not where a server is; write it like "
                           "https://relay.example:8445, amqps://broker.example:5671 or "
                           "tcp://relay.example:8446, without a slash at the end", value);
}

int value_check_smtp_url(const char *value, struct error *err) {
    bool is_safe = !strpbrk(value, "@\\\"") && strlen(value) < limit_address_size;
    return is_safe && (has_host(value, "smtps://") || has_host(value, "smtp://"))
               ? 0
               : error_set(err, -EINVAL, "\"%.200s\" is not where mail is sent; write it like "
                           "smtps://mail.example or smtp://mail.example:587, without a slash at "
                           "the end and without a user", value);
}

int value_check_mail_address(const char *value, struct error *err) {
    return contact_is_mail_address(value)
               ? 0
               : error_set(err, -EINVAL, "\"%.200s\" is not a mail address; write it like "
                           "isthmus@cloud.example", value);
}

int value_check_domain(const char *value, struct error *err) {
    return !strpbrk(value, " \t@/\"<>&,") && strlen(value) < limit_address_size - limit_name_size
               ? 0
               : error_set(err, -EINVAL, "\"%.200s\" is not a domain; write it like relay.example",
                           value);
}

int value_check_proxy(const char *value, struct error *err) {
    return has_host(value, "http://")
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not a proxy; write it like "
                           "http://proxy.example:3128, without a slash at the end", value);
}

int value_check_url(const char *value, struct error *err) {
    if (!text_starts(value, "https://") && !text_starts(value, "http://") &&
        !text_starts(value, "file:///"))
        return error_set(err, -EINVAL, "\"%s\" is not a URL; begin it with https://, http:// or "
                         "file:///", value);
    if (value[strlen(value) - 1] == '/')
        return error_set(err, -EINVAL, "\"%s\" ends with a slash; leave it out", value);
    return 0;
}

int value_check_https(const char *value, struct error *err) {
    static const char scheme[] = "https://";
    bool is_good = text_starts(value, scheme) && value[sizeof(scheme) - 1] &&
                   !strpbrk(value, " \t\"?#");
    return is_good ? 0
                   : error_set(err, -EINVAL, "\"%s\" is not an address with TLS; write it like "
                               "https://login.example", value);
}

int value_check_networks(const char *value, struct error *err) {
    return cidr_are_valid(value)
               ? 0
               : error_set(err, -EINVAL, "\"%s\" are no networks; write them as in "
                           "10.1.0.0/16 fd00:1::/32, a blank between them", value);
}

int value_check_stream_url(const char *value, struct error *err) {
    return text_starts(value, "wss://") && strlen(value) < limit_stream_url_size
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not where a stream is joined; write "
                           "wss://HOST:PORT, shorter than %d bytes", value,
                           limit_stream_url_size);
}

int value_check_listen(const char *value, struct error *err) {
    return listen_is_valid(value)
               ? 0
               : error_set(err, -EINVAL, "\"%s\" is not an address to listen on; write "
                           "address:port, for example 127.0.0.1:8080 or [::1]:8080", value);
}

int value_check_path(const char *value, struct error *err) {
    return value[0] == '/' ? 0
                           : error_set(err, -EINVAL, "\"%s\" is not an absolute path; begin it "
                                       "with /", value);
}

int value_check_migration_uri(const char *value, struct error *err) {
    return landing_uri_is_safe(value)
               ? 0
               : error_set(err, -EINVAL, "\"%.200s\" is no URI that VMs may be sent by; write it "
                           "like qemu+tls://host-1.site.example/system", value);
}

int value_check_migration_folder(const char *value, struct error *err) {
    return landing_folder_is_safe(value)
               ? 0
               : error_set(err, -EINVAL, "\"%.200s\" is no folder that VMs may be sent into; write "
                           "an absolute path without ..", value);
}

int value_check_file(const char *value, struct error *err) {
    if (value_check_path(value, err))
        return err->code;
    return access(value, R_OK) == 0
               ? 0
               : error_set(err, -errno, "cannot read %s: %s; make the file, or let this daemon's "
                           "account read it", value, strerror(errno));
}

int config_secret_read(const char *value, struct secret *secret, struct error *err) {
    if (value_check_path(value, err))
        return err->code;
    auto_clean(fd_clean) int fd = open(value, O_RDONLY | O_CLOEXEC);
    struct stat about;
    char bytes[limit_secret_bytes + 1];
    if (fd < 0 && errno == EACCES)
        return error_set(err, -errno, "cannot read %s: %s; give the file to this daemon's account, "
                         "with mode 0600 (chown), and let it pass through the folders", value,
                         strerror(errno));
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

static int set_secret(const struct field *field, const char *value, struct secret *secret,
                      struct error *err) {
    if (config_secret_read(value, secret, err))
        return err->code;
    return field->form && field->form(secret->text, err) ? error_wrap(err, "%s", value) : 0;
}

int value_check_secrets(const char *value, struct error *err) {
    auto_clean(memory_clean) char *copy = memory_text(value);
    for (char *rest = copy, *one; (one = strsep(&rest, ","));) {
        struct secret secret = {0};
        int result = config_secret_read(one, &secret, err);
        record_clear(&secret_table, &secret);
        if (result)
            return error_wrap(err, "files stand there by commas, without spaces");
    }
    return 0;
}

int config_value_set(const struct field *field, const char *value, void *section,
                     struct error *err) {
    struct codec_fault fault;
    if (!*value)
        return error_set(err, -EINVAL, "the value is missing; give one or leave the key out");
    if (field->kind == FIELD_RECORD)
        return set_secret(field, value, (void *)((char *)section + field->offset), err);
    if (field->form && field->form(value, err))
        return err->code;
    return codec_field_from_text(field, value, section, &fault)
               ? error_set(err, -EINVAL, "\"%s\" %s", value, fault.text)
               : 0;
}
