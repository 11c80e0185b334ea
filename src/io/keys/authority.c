/* Keys are of the curve P-256, which every client of TLS 1.2 knows (RFC 8422). A certificate begins
 * an hour before it is made, for clocks that are behind. */
#include "io/keys/authority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "io/keys/secret.h"

enum { day_s = 86400, authority_days = 3652, server_days = 825, serial_size = 16 };

struct pair {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
};

static void pair_clean(struct pair *pair) {
    if (pair->certificate)
        gnutls_x509_crt_deinit(pair->certificate);
    if (pair->key)
        gnutls_x509_privkey_deinit(pair->key);
}

void credentials_clean(struct credentials *credentials) {
    if (credentials->key.data)
        explicit_bzero(credentials->key.data, credentials->key.length);
    text_deinit(&credentials->certificate);
    text_deinit(&credentials->key);
}

static int failed(int result, const char *what, struct error *err) {
    return error_set(err, -EINVAL, "%s: %s", what, gnutls_strerror(result));
}

/* Empty ones. */
static int pair_init(struct pair *pair, struct error *err) {
    int result = gnutls_x509_crt_init(&pair->certificate);
    if (result >= 0)
        result = gnutls_x509_privkey_init(&pair->key);
    return result < 0 ? failed(result, "make a certificate", err) : 0;
}

static int load(const struct credentials *authority, struct pair *out, struct error *err) {
    const gnutls_datum_t certificate = {(unsigned char *)authority->certificate.data,
                                        (unsigned)authority->certificate.length},
                         key = {(unsigned char *)authority->key.data,
                                (unsigned)authority->key.length};
    if (pair_init(out, err))
        return err->code;
    int result = gnutls_x509_crt_import(out->certificate, &certificate, GNUTLS_X509_FMT_PEM);
    if (result >= 0)
        result = gnutls_x509_privkey_import(out->key, &key, GNUTLS_X509_FMT_PEM);
    return result < 0 ? failed(result, "read the authority", err) : 0;
}

static void take_pem(gnutls_datum_t *pem, struct text *out) {
    text_add_bytes(out, (const char *)pem->data, pem->size);
    gnutls_memset(pem->data, 0, pem->size);
    gnutls_free(pem->data);
}

static int export(const struct pair *pair, struct credentials *out, struct error *err) {
    gnutls_datum_t pem = {0};
    int result = gnutls_x509_crt_export2(pair->certificate, GNUTLS_X509_FMT_PEM, &pem);
    if (result >= 0) {
        take_pem(&pem, &out->certificate);
        result = gnutls_x509_privkey_export2(pair->key, GNUTLS_X509_FMT_PEM, &pem);
    }
    if (result >= 0)
        take_pem(&pem, &out->key);
    return result < 0 ? failed(result, "write a certificate", err) : 0;
}

/* What every certificate has: a key of its own, a number, a time, a name. */
static int begin(struct pair *pair, const char *name, unsigned days) {
    unsigned char serial[serial_size], id[64];
    size_t id_size = sizeof(id);
    time_t now = time(NULL);
    secret_random(serial, sizeof(serial));
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, and all of it */
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    int result = gnutls_x509_privkey_generate(pair->key, GNUTLS_PK_ECDSA, bits, 0);
    if (result >= 0)
        result = gnutls_x509_crt_set_version(pair->certificate, 3);
    if (result >= 0)
        result = gnutls_x509_crt_set_serial(pair->certificate, serial, sizeof(serial));
    if (result >= 0)
        result = gnutls_x509_crt_set_activation_time(pair->certificate, now - 3600);
    if (result >= 0)
        result = gnutls_x509_crt_set_expiration_time(pair->certificate,
                                                     now + (time_t)days * day_s);
    if (result >= 0)
        result = gnutls_x509_crt_set_dn_by_oid(pair->certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                               name, (unsigned)strnlen(name, 64));
    if (result >= 0)
        result = gnutls_x509_crt_set_key(pair->certificate, pair->key);
    if (result >= 0)
        result = gnutls_x509_privkey_get_key_id(pair->key, 0, id, &id_size);
    if (result >= 0)
        result = gnutls_x509_crt_set_subject_key_id(pair->certificate, id, id_size);
    return result;
}

static int sign(const struct pair *pair, const struct pair *by) {
    return gnutls_x509_crt_sign2(pair->certificate, by->certificate, by->key, GNUTLS_DIG_SHA256,
                                 0);
}

int authority_make(const char *name, struct credentials *out, struct error *err) {
    auto_clean(pair_clean) struct pair pair = {0};
    if (pair_init(&pair, err))
        return err->code;
    int result = begin(&pair, name, authority_days);
    if (result >= 0)
        result = gnutls_x509_crt_set_basic_constraints(pair.certificate, 1, -1);
    if (result >= 0)
        result = gnutls_x509_crt_set_key_usage(pair.certificate,
                                               GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (result >= 0)
        result = sign(&pair, &pair);
    return result < 0 ? failed(result, "make an authority", err) : export(&pair, out, err);
}

static int add_name(gnutls_x509_crt_t certificate, const char *name) {
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(struct in_addr), GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(address), GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int add_names(gnutls_x509_crt_t certificate, char *names) {
    int result = 0;
    for (char *name; result >= 0 && (name = strsep(&names, ","));)
        result = *name ? add_name(certificate, name) : GNUTLS_E_INVALID_REQUEST;
    return result;
}

/* By the key that the authority signs with, as its own certificate says. */
static int add_issuer(gnutls_x509_crt_t certificate, gnutls_x509_crt_t by) {
    unsigned char id[64];
    size_t size = sizeof(id);
    int result = gnutls_x509_crt_get_subject_key_id(by, id, &size, NULL);
    return result < 0 ? result : gnutls_x509_crt_set_authority_key_id(certificate, id, size);
}

int authority_issue(const struct credentials *authority, const char *names,
                    struct credentials *out, struct error *err) {
    auto_clean(pair_clean) struct pair by = {0}, pair = {0};
    auto_clean(memory_clean) char *each = memory_text(names);
    auto_clean(memory_clean) char *first = memory_text(names);
    first[strcspn(first, ",")] = 0;
    if (load(authority, &by, err) || pair_init(&pair, err))
        return err->code;
    int result = begin(&pair, first, server_days);
    if (result >= 0)
        result = gnutls_x509_crt_set_basic_constraints(pair.certificate, 0, -1);
    if (result >= 0)
        result = gnutls_x509_crt_set_key_usage(pair.certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (result >= 0)
        result = gnutls_x509_crt_set_key_purpose_oid(pair.certificate, GNUTLS_KP_TLS_WWW_SERVER,
                                                     0);
    if (result >= 0)
        result = add_names(pair.certificate, each);
    if (result >= 0)
        result = add_issuer(pair.certificate, by.certificate);
    if (result >= 0)
        result = sign(&pair, &by);
    return result < 0 ? failed(result, "make a certificate", err) : export(&pair, out, err);
}
