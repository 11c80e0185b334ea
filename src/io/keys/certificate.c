/* Reads all certificates of a file: for the date of the first that runs out, and whether the first
 * one can be used. */
#include "io/keys/certificate.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/text.h"

static int read_all(const char *path, gnutls_x509_crt_t **out_all, unsigned *out_count,
                    struct error *err) {
    gnutls_datum_t file = {0};
    int result = gnutls_load_file(path, &file);
    if (result < 0)
        return error_set(err, -EIO, "read the certificate %s: %s; check that it is there and may "
                         "be read", path, gnutls_strerror(result));
    result = gnutls_x509_crt_list_import2(out_all, out_count, &file, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(file.data);
    if (result < 0)
        return error_set(err, -EINVAL, "read the certificate %s: %s; it has to be PEM", path,
                         gnutls_strerror(result));
    return 0;
}

static void free_all(gnutls_x509_crt_t *all, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(all[i]);
    gnutls_free(all);
}

/* A time before 1970, or none, counts as 0. */
static uint64_t ms_of(time_t seconds) { return seconds > 0 ? (uint64_t)seconds * 1000 : 0; }

int certificate_expiry(const char *path, uint64_t *out_ms, struct error *err) {
    gnutls_x509_crt_t *all = NULL;
    unsigned count = 0;
    if (read_all(path, &all, &count, err))
        return err->code;
    *out_ms = UINT64_MAX;
    for (unsigned i = 0; i < count; i++) {
        uint64_t ms = ms_of(gnutls_x509_crt_get_expiration_time(all[i]));
        *out_ms = ms < *out_ms ? ms : *out_ms;
    }
    free_all(all, count);
    return 0;
}

static int pin_of(gnutls_x509_crt_t certificate, char out_pin[limit_digest_size],
                  struct error *err) {
    unsigned char id[(limit_digest_size - 1) / 2];
    size_t length = sizeof(id);
    int failed = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, id, &length);
    if (failed || length != sizeof(id))
        return error_set(err, -EINVAL, "its public key cannot be read: %s",
                         gnutls_strerror(failed));
    for (size_t i = 0; i < sizeof(id); i++)
        text_format(out_pin + 2 * i, 3, "%02x", id[i]);
    return 0;
}

int certificate_pin(const char *path, char out_pin[limit_digest_size], struct error *err) {
    gnutls_x509_crt_t *all = NULL;
    unsigned count = 0;
    if (read_all(path, &all, &count, err))
        return err->code;
    int result = count ? pin_of(all[0], out_pin, err)
                       : error_set(err, -EINVAL, "there is none in it");
    free_all(all, count);
    return result ? error_wrap(err, "the certificate %s", path) : 0;
}

static int check_one(gnutls_x509_crt_t certificate, const char *host, uint64_t wall_ms,
                     struct error *err) {
    if (ms_of(gnutls_x509_crt_get_activation_time(certificate)) > wall_ms)
        return error_set(err, -EINVAL, "it is not valid yet; check this machine's clock "
                         "(timedatectl), or the one on which it was made");
    if (ms_of(gnutls_x509_crt_get_expiration_time(certificate)) < wall_ms)
        return error_set(err, -EINVAL, "it has run out; renew it, or check this machine's clock "
                         "(timedatectl)");
    if (host && !gnutls_x509_crt_check_hostname(certificate, host))
        return error_set(err, -EINVAL, "it does not name %s, as url does; make one for that name, "
                         "or mend url", host);
    return 0;
}

int certificate_check(const char *path, const char *host, uint64_t wall_ms, struct error *err) {
    gnutls_x509_crt_t *all = NULL;
    unsigned count = 0;
    if (read_all(path, &all, &count, err))
        return err->code;
    int result = count ? check_one(all[0], host, wall_ms, err) : 0;
    free_all(all, count);
    return result ? error_wrap(err, "the certificate %s", path) : 0;
}
