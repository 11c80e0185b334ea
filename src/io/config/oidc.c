/* The keys of [oidc], and that what they say goes by TLS. */
#include "io/config/oidc.h"

#include <errno.h>

#include "base/text.h"

static const char *const claim_names[] = {"sub", "email"}; /* enum id_claim */
static const struct field oidc_fields[] = {
    {field_of(struct oidc_config, issuer),
     .about = "OpenID provider by which browsers log in: https://login.example/realm; without: "
              "none",
     .kind = FIELD_BLOB, .form = value_check_https},
    {field_of(struct oidc_config, client), .about = "who we are to it", .kind = FIELD_BLOB},
    {.name = "client_secret_file", field_at(struct oidc_config, client_secret),
     .about = "file with the secret that it gave us, if it gave one", .kind = FIELD_RECORD,
     .table = &secret_table},
    {field_of(struct oidc_config, url),
     .about = "where browsers find us; it sends them to /login/callback there",
     .kind = FIELD_BLOB, .form = value_check_url},
    {field_of(struct oidc_config, ca_file),
     .about = "authority of its certificate, PEM; the system's without it", .kind = FIELD_BLOB,
     .form = value_check_file},
    {field_of(struct oidc_config, name), .about = "what the page calls it; without: the issuer",
     .kind = FIELD_BLOB},
    {field_of(struct oidc_config, claim),
     .about = "which of its words stands for a person: sub, or email, if it has verified that",
     .kind = FIELD_ENUM, field_names(claim_names), .standard = "sub"},
};
const struct table oidc_config_table = {"", "", sizeof(struct oidc_config),
                                        field_rows(oidc_fields)};

int oidc_config_check(const char *path, const struct oidc_config *oidc, struct error *err) {
    bool has_more = oidc->client || oidc->url || oidc->client_secret.text || oidc->ca_file ||
                    oidc->name || oidc->claim;
    bool is_whole = oidc->issuer && oidc->client && oidc->url;
    if ((oidc->issuer || has_more) && !is_whole)
        return error_set(err, -EINVAL, "%s: [oidc] lacks %s; give issuer, client and url", path,
                         !oidc->issuer ? "issuer" : !oidc->client ? "client" : "url");
    bool is_near = is_whole && (text_starts(oidc->url, "http://127.") ||
                                text_starts(oidc->url, "http://localhost") ||
                                text_starts(oidc->url, "http://[::1]"));
    if (is_whole && !is_near && !text_starts(oidc->url, "https://"))
        return error_set(err, -EINVAL, "%s: [oidc] url = %s would have logins go in the clear; "
                         "begin it with https://", path, oidc->url);
    return 0;
}
