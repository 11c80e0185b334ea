/* A connection needs full JIDs, a password or a client certificate, and files that can be read;
 * what is missing is said with what to write. */
#include "io/carrier/xmpp/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "message/limits.h"

bool xmpp_is_full_jid(const char *jid) {
    const char *at = jid ? strchr(jid, '@') : NULL;
    const char *slash = jid ? strchr(jid, '/') : NULL;
    return at && slash && at > jid && slash > at + 1 && slash[1] &&
           strlen(jid) < limit_address_size;
}

static int check_file(const char *what, const char *path, struct error *err) {
    if (access(path ? path : "", R_OK) < 0)
        return error_set(err, -errno, "read the %s \"%s\": %s: give a PEM file", what,
                         path ? path : "", strerror(errno));
    return 0;
}

void xmpp_prepare(void) {
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

static bool is_prepared(void) {
    const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    return file && folder && text_equal(file, "/dev/null") && text_equal(folder, "/nonexistent");
}

int xmpp_check(const struct carrier_endpoint *endpoint, const char *const *peers,
               size_t peers_count, struct error *err) {
    if (!is_prepared())
        return error_set(err, -EINVAL, "connect to an XMPP server: carrier_prepare was not called");
    if (!xmpp_is_full_jid(endpoint->address))
        return error_set(err, -EINVAL, "JID \"%s\": write it as account@domain/resource",
                         endpoint->address ? endpoint->address : "");
    for (size_t i = 0; i < peers_count; i++)
        if (!xmpp_is_full_jid(peers[i]))
            return error_set(err, -EINVAL, "peer \"%s\": write it as account@domain/resource",
                             peers[i]);
    bool has_password = endpoint->password && endpoint->password[0];
    if (!has_password && !endpoint->certificate_file)
        return error_set(err, -EINVAL, "neither password nor certificate for %s: give one",
                         endpoint->address);
    if (endpoint->certificate_file &&
        (check_file("client certificate", endpoint->certificate_file, err) ||
         check_file("client certificate's key", endpoint->key_file, err)))
        return err->code;
    return check_file("certificate authority", endpoint->ca_file, err);
}
