/* Reads all certificates of a file, for the date of the first that runs out. */
#include "io/keys/certificate.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <string.h>

int certificate_expiry(const char *path, uint64_t *out_ms, struct error *err) {
    gnutls_datum_t file = {0};
    gnutls_x509_crt_t *all = NULL;
    unsigned count = 0;
    int result = gnutls_load_file(path, &file);
    if (result < 0)
        return error_set(err, -EIO, "read the certificate %s: %s; check that it is there and may "
                         "be read", path, gnutls_strerror(result));
    result = gnutls_x509_crt_list_import2(&all, &count, &file, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(file.data);
    if (result < 0)
        return error_set(err, -EINVAL, "read the certificate %s: %s; it has to be PEM", path,
                         gnutls_strerror(result));
    *out_ms = UINT64_MAX;
    for (unsigned i = 0; i < count; i++) {
        time_t expires = gnutls_x509_crt_get_expiration_time(all[i]);
        uint64_t ms = expires > 0 ? (uint64_t)expires * 1000 : 0;
        *out_ms = ms < *out_ms ? ms : *out_ms;
        gnutls_x509_crt_deinit(all[i]);
    }
    gnutls_free(all);
    return 0;
}
