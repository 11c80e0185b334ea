/* Which texts and numbers a field takes, and what a person is told of one that it does not take:
 * the rule, never the value. */
#include "message/codec/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "message/codec/allow.h"
#include "message/codec/ip.h"
#include "message/codec/ssh_key.h"
#include "message/id.h"
#include "message/labels.h"

int check_fault(struct codec_fault *fault, const char *field, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    text_format(fault->field, sizeof(fault->field), "%s", field);
    return -EINVAL;
}

int check_inside(struct codec_fault *fault, const char *name) {
    char inner[sizeof(fault->field)];
    memcpy(inner, fault->field, sizeof(inner));
    text_format(fault->field, sizeof(fault->field), "%.40s%s%.50s", name, *inner ? "." : "",
                inner);
    return -EINVAL;
}

void check_add_names(const struct field *field, struct text *out) {
    for (unsigned i = 0; i < field->names_count; i++)
        text_addf(out, "%s%s", i == 0 ? "" : i + 1 == field->names_count ? " or " : ", ",
                  field->names[i]);
}

size_t check_utf8(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return at[0] != 0;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    unsigned least = 0x80, most = 0xbf;
    if (at[0] == 0xe0)
        least = 0xa0;
    if (at[0] == 0xed)
        most = 0x9f;
    if (at[0] == 0xf0)
        least = 0x90;
    if (at[0] == 0xf4)
        most = 0x8f;
    for (size_t i = 1; i < length; i++, least = 0x80, most = 0xbf)
        if (at[i] < least || at[i] > most)
            return 0;
    return length;
}

static bool is_name(const char *value) {
    size_t length = strlen(value);
    return length >= 1 && length <= 63 &&
           strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
           value[0] != '-' && value[length - 1] != '-';
}

/* UTF-8, without control characters but those that `controls` names. */
static bool is_text(const char *value, const char *controls) {
    while (*value) {
        size_t length = check_utf8(value);
        bool control = (unsigned char)*value < ' ' || *value == 127;
        if (!length || (control && !strchr(controls, *value)))
            return false;
        value += length;
    }
    return true;
}

static bool is_base64(const char *value) {
    unsigned char bytes[limit_user_data];
    size_t length = base64_from_standard(value, bytes, sizeof(bytes));
    explicit_bzero(bytes, length); /* it may be a secret */
    return length > 0;
}

static int check_ssh(const struct field *field, const char *value, struct codec_fault *fault) {
    if (field->check == CHECK_SSH_NAMES)
        return names_are_valid(value, limit_vm_ssh_keys)
                   ? 0
                   : check_fault(fault, field->name,
                                 "must be at most %d names, like desk,laptop: each of a-z, 0-9 "
                                 "and inner '-', without spaces", limit_vm_ssh_keys);
    return is_text(value, "\n") && ssh_keys_are_valid(value, limit_vm_ssh_keys)
               ? 0
               : check_fault(fault, field->name,
                             "must be SSH public keys, like ssh-ed25519 AAAA…, a line each, at "
                             "most %d", limit_vm_ssh_keys);
}

static int check_names(const struct field *field, const char *value, struct codec_fault *fault) {
    if (field->check == CHECK_PATTERNS)
        return patterns_are_valid(value)
                   ? 0
                   : check_fault(fault, field->name,
                                 "must be names, like gold test-*: each of a-z, 0-9 and '-', with "
                                 "* for any of these, and one blank between");
    if (field->check == CHECK_INTERFACES && slots_are_valid(value, limit_vm_networks))
        return 0;
    return names_are_valid(value, limit_vm_networks)
               ? 0
               : check_fault(fault, field->name,
                             "must be at most %d names, like lan,wan: each of a-z, 0-9 and inner "
                             "'-', without spaces", limit_vm_networks);
}

static int check_allow(const struct field *field, const char *value, struct codec_fault *fault) {
    return allow_is_valid(value)
               ? 0
               : check_fault(fault, field->name,
                             "must be at most %d rules, like tcp:22@192.0.2.0/24,udp:53,"
                             "tcp:8000-8100,icmp, without spaces, or none", limit_vm_allow_rules);
}

#define name_rule "must be 1 to 63 of a-z, 0-9 and '-', with no '-' at the ends"

int check_text(const struct field *field, const char *value, struct codec_fault *fault) {
    size_t most = field->kind == FIELD_BLOB ? (size_t)field_most(field) : field->size - 1;
    if (strlen(value) > most)
        return check_fault(fault, field->name, "is too long: at most %zu bytes", most);
    switch (field->check) {
    case CHECK_NAME:
        if (!is_name(value))
            return check_fault(fault, field->name, name_rule);
        return 0;
    case CHECK_NEW_NAME:
        if (!is_name(value))
            return check_fault(fault, field->name, name_rule);
        if (id_is_valid(value))
            return check_fault(fault, field->name,
                               "must not look like an id: where a name or an id is taken, it "
                               "would be one");
        return 0;
    case CHECK_ID:
        if (!id_is_valid(value))
            return check_fault(fault, field->name,
                               "must be an id, like vm-01jd2q0c5v7k8m9n0p1q2r3s4t");
        return 0;
    case CHECK_DIGEST:
        if (strlen(value) != 64 || strspn(value, "0123456789abcdef") != 64)
            return check_fault(fault, field->name, "must be a SHA-256 in 64 hex digits");
        return 0;
    case CHECK_LABELS:
        if (!labels_are_valid(value))
            return check_fault(fault, field->name,
                               "must be labels, like region=eu,disk=ssd: names and values of "
                               "a-z, 0-9 and inner '-', without spaces");
        return 0;
    case CHECK_METADATA:
        if (!is_text(value, "") || !metadata_is_valid(value))
            return check_fault(fault, field->name,
                               "must be name=value, joined by commas: names of 1 to %d bytes "
                               "without '=', none of it with ',' or control characters",
                               limit_metadata_key);
        return 0;
    case CHECK_NETWORKS:
    case CHECK_INTERFACES:
    case CHECK_PATTERNS:
        return check_names(field, value, fault);
    case CHECK_ALLOW:
        return check_allow(field, value, fault);
    case CHECK_PRINTABLE:
        if (!is_text(value, ""))
            return check_fault(fault, field->name, "must be UTF-8 without control characters");
        return 0;
    case CHECK_BASE64:
        if (!is_base64(value))
            return check_fault(fault, field->name,
                               "must be base64 with padding (RFC 4648, section 4), of at most %d "
                               "bytes", limit_user_data);
        return 0;
    case CHECK_SSH_KEYS:
    case CHECK_SSH_NAMES:
        return check_ssh(field, value, fault);
    case CHECK_IP:
        return ip_is_of_guest(value)
                   ? 0
                   : check_fault(fault, field->name, "must be a guest's IP address, shortest form");
    case CHECK_LINES:
        if (!is_text(value, "\t\n\r"))
            return check_fault(fault, field->name,
                               "must be UTF-8 without control characters but tab and line ends");
        return 0;
    }
    return 0;
}

int check_number(const struct field *field, uint64_t value, struct codec_fault *fault) {
    unsigned long long least = field->least, most = field_most(field);
    if (value < least || value > most)
        return check_fault(fault, field->name, "must be a whole number from %llu to %llu", least,
                           most);
    return 0;
}
