/* Which key a token is checked by, and what its claims must be. */
#include "io/keys/id_token.h"

#include <cjose/cjose.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/attributes.h"
#include "base/text.h"

enum { leeway_s = 60 };

const char *const id_claim_names[ID_CLAIM_COUNT] = {
    [ID_CLAIM_SUB] = "sub", [ID_CLAIM_EMAIL] = "email"};

static const struct {
    const char *name;
    cjose_jwk_kty_t kind;
} algorithms[] = {
    {"RS256", CJOSE_JWK_KTY_RSA}, {"RS384", CJOSE_JWK_KTY_RSA}, {"RS512", CJOSE_JWK_KTY_RSA},
    {"PS256", CJOSE_JWK_KTY_RSA}, {"PS384", CJOSE_JWK_KTY_RSA}, {"PS512", CJOSE_JWK_KTY_RSA},
    {"ES256", CJOSE_JWK_KTY_EC},  {"ES384", CJOSE_JWK_KTY_EC},  {"ES512", CJOSE_JWK_KTY_EC},
};

static void json_clean(json_t **json) { json_decref(*json); }

static void jws_clean(cjose_jws_t **jws) {
    if (*jws)
        cjose_jws_release(*jws);
}

/* As base64url has it, without padding: the library ends the process on a length that no bytes
 * have. */
static bool is_base64url(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return length && length % 4 != 1;
}

/* Head, claims and signature, by dots. */
static bool is_compact(const char *token) {
    for (int left = 3; left; left--) {
        size_t length = strcspn(token, ".");
        if (!is_base64url(token, length) || token[length] != (left > 1 ? '.' : 0))
            return false;
        token += length + (left > 1);
    }
    return true;
}

static bool is_text(const json_t *object, const char *name, const char *wanted) {
    const char *value = json_string_value(json_object_get(object, name));
    return value && text_equal(value, wanted);
}

/* What the head says of the algorithm, or NULL: it is none that we take, or there is something in
 * it that must be understood, and is not. */
static const char *head_check(cjose_jws_t *jws, cjose_jwk_kty_t *out_kind) {
    cjose_header_t *head = cjose_jws_get_protected(jws);
    const char *name = json_string_value(json_object_get((const json_t *)head, "alg"));
    if (!name || json_object_get((const json_t *)head, "crit"))
        return NULL;
    for (size_t i = 0; i < array_size(algorithms); i++) {
        *out_kind = algorithms[i].kind;
        if (text_equal(algorithms[i].name, name))
            return name;
    }
    return NULL;
}

/* May this key have signed it? */
static bool is_meant(const json_t *key, const char *kid, const char *algorithm) {
    const json_t *use = json_object_get(key, "use"), *only = json_object_get(key, "alg");
    return (!kid || is_text(key, "kid", kid)) && (!use || is_text(key, "use", "sig")) &&
           (!only || is_text(key, "alg", algorithm));
}

/* What is public of it, and nothing else; NULL: there is something wrong in it. */
static json_t *public_part(const json_t *key) {
    static const char *const numbers[] = {"n", "e", "x", "y"};
    json_t *of[array_size(numbers)];
    for (size_t i = 0; i < array_size(numbers); i++) {
        of[i] = json_object_get(key, numbers[i]);
        if (of[i] && !is_base64url(json_string_value(of[i]), json_string_length(of[i])))
            return NULL;
    }
    return json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "kty", json_object_get(key, "kty"),
                     "crv", json_object_get(key, "crv"), numbers[0], of[0], numbers[1], of[1],
                     numbers[2], of[2], numbers[3], of[3]);
}

static bool is_signed_by(cjose_jws_t *jws, const json_t *key, cjose_jwk_kty_t kind) {
    cjose_err fault;
    auto_clean(json_clean) json_t *part = public_part(key);
    cjose_jwk_t *jwk = part ? cjose_jwk_import_json((cjose_header_t *)part, &fault) : NULL;
    bool is_good = jwk && cjose_jwk_get_kty(jwk, &fault) == kind &&
                   cjose_jws_verify(jws, jwk, &fault);
    if (jwk)
        (void)cjose_jwk_release(jwk);
    return is_good;
}

static int check_signature(cjose_jws_t *jws, const json_t *keys, struct error *err) {
    cjose_jwk_kty_t kind;
    const char *algorithm = head_check(jws, &kind);
    const char *kid = json_string_value(
        json_object_get((const json_t *)cjose_jws_get_protected(jws), "kid"));
    const json_t *key;
    size_t at, meant = 0;
    if (!algorithm)
        return error_set(err, -EBADMSG, "the provider's ID token is signed by no algorithm that is "
                         "taken; have it use RS256 or ES256");
    json_array_foreach(json_object_get(keys, "keys"), at, key) {
        if (!is_meant(key, kid, algorithm))
            continue;
        meant++;
        if (is_signed_by(jws, key, kind))
            return 0;
    }
    return meant ? error_set(err, -EBADMSG, "the provider's ID token has a wrong signature")
                 : error_set(err, -ENOKEY, "the provider's ID token is by a key that the provider "
                             "does not show");
}

/* For us, and where it is for others, too, asked for by us. */
static bool is_for(const json_t *claims, const char *client) {
    const json_t *to = json_object_get(claims, "aud"), *one;
    const json_t *asked_by = json_object_get(claims, "azp");
    bool is_named = is_text(claims, "aud", client);
    size_t at;
    json_array_foreach(to, at, one)
        is_named = is_named ||
                   (json_is_string(one) && text_equal(json_string_value(one), client));
    bool is_many = json_array_size(to) > 1;
    return is_named && (asked_by ? is_text(claims, "azp", client) : !is_many);
}

static int check_claims(const json_t *claims, const struct id_token_wish *wish,
                        struct error *err) {
    const json_t *ends = json_object_get(claims, "exp"), *made = json_object_get(claims, "iat");
    double now_s = (double)wish->now_s;
    if (!is_text(claims, "iss", wish->issuer))
        return error_set(err, -EBADMSG, "the provider's ID token is another issuer's");
    if (!is_for(claims, wish->client))
        return error_set(err, -EBADMSG, "the provider's ID token is not for this manager");
    if (!is_text(claims, "nonce", wish->nonce))
        return error_set(err, -EBADMSG, "the provider's ID token answers another login");
    if (!json_is_number(ends) || json_number_value(ends) + leeway_s <= now_s)
        return error_set(err, -EBADMSG, "the provider's ID token has expired; do the clocks of the "
                         "provider and of this manager agree?");
    if (!json_is_number(made) || json_number_value(made) - leeway_s > now_s)
        return error_set(err, -EBADMSG, "the provider's ID token is of a time to come; do the "
                         "clocks of the provider and of this manager agree?");
    return 0;
}

static int take_identity(const json_t *claims, enum id_claim claim,
                         char out_identity[limit_identity_size], struct error *err) {
    const char *name = id_claim_names[claim];
    const char *value = json_string_value(json_object_get(claims, name));
    bool has_control = false;
    if (!value || !*value)
        return error_set(err, -EBADMSG, "the provider does not say the %s of who logs in", name);
    if (claim == ID_CLAIM_EMAIL && !json_is_true(json_object_get(claims, "email_verified")))
        return error_set(err, -EBADMSG, "the provider has not verified the mail address of who "
                         "logs in");
    for (const char *at = value; *at; at++)
        has_control |= (unsigned char)*at < ' ' || *at == 0x7f;
    if (has_control || json_string_length(json_object_get(claims, name)) != strlen(value) ||
        !text_copy(out_identity, limit_identity_size, value))
        return error_set(err, -EBADMSG, "the %s of who logs in is longer than %d bytes, or has "
                         "control characters in it", name, limit_identity_size - 1);
    return 0;
}

static int read_claims(cjose_jws_t *jws, const struct id_token_wish *wish,
                       char out_identity[limit_identity_size], struct error *err) {
    cjose_err fault;
    uint8_t *plain = NULL;
    size_t length = 0;
    auto_clean(json_clean) json_t *claims = NULL;
    if (cjose_jws_get_plaintext(jws, &plain, &length, &fault))
        claims = json_loadb((const char *)plain, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(claims))
        return error_set(err, -EBADMSG, "the provider's ID token says nothing that can be read");
    int result = check_claims(claims, wish, err);
    return result ? result : take_identity(claims, wish->claim, out_identity, err);
}

int id_token_read(const char *token, const struct id_token_wish *wish,
                  char out_identity[limit_identity_size], struct error *err) {
    cjose_err fault;
    size_t length = strlen(token);
    out_identity[0] = 0;
    if (length > id_token_most || strlen(wish->keys) > id_token_keys_most)
        return error_set(err, -EBADMSG, "the provider's ID token or its keys are larger than may "
                         "be");
    auto_clean(jws_clean) cjose_jws_t *jws =
        is_compact(token) ? cjose_jws_import(token, length, &fault) : NULL;
    auto_clean(json_clean) json_t *set = json_loads(wish->keys, JSON_REJECT_DUPLICATES, NULL);
    if (!jws)
        return error_set(err, -EBADMSG, "what the provider gave for an ID token is none");
    int result = check_signature(jws, set, err);
    return result ? result : read_claims(jws, wish, out_identity, err);
}
