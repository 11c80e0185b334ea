/* How the provider is asked, and for how long its answers are kept. What it says is bounded, and
 * none of its words reach anybody but the URL that a browser is sent to. */
#include "io/rest/oidc/provider.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "io/http/client.h"
#include "io/keys/secret.h"
#include "message/codec.h"

enum { kept_s = 3600, call_s = 10, code_most = 2048 };

/* What it publishes of itself. */
struct discovery {
    char *issuer, *authorization_endpoint, *token_endpoint, *jwks_uri;
};
static const struct field discovery_fields[] = {
    {field_of(struct discovery, issuer), .kind = FIELD_BLOB, .mask = FIELD_REQUIRED},
    {field_of(struct discovery, authorization_endpoint), .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED},
    {field_of(struct discovery, token_endpoint), .kind = FIELD_BLOB, .mask = FIELD_REQUIRED},
    {field_of(struct discovery, jwks_uri), .kind = FIELD_BLOB, .mask = FIELD_REQUIRED},
};
static const struct table discovery_table = {
    "discovery", "What an OpenID provider publishes of itself.", sizeof(struct discovery),
    field_rows(discovery_fields)};

struct token_answer {
    char *id_token;
};
static const struct field token_answer_fields[] = {
    {field_of(struct token_answer, id_token), .kind = FIELD_BLOB, .most = id_token_most,
     .mask = FIELD_REQUIRED | FIELD_SECRET},
};
static const struct table token_answer_table = {
    "token-answer", "What a code was exchanged for.", sizeof(struct token_answer),
    field_rows(token_answer_fields)};

struct provider {
    char *issuer, *client, *secret, *callback, *ca_file;
    enum id_claim claim;
    const atomic_bool *cancel;
    struct discovery found; /* no issuer: nothing yet */
    struct text keys;
    time_t found_s, keys_s; /* monotonic */
};

struct provider *provider_new(const struct provider_settings *settings) {
    struct provider *provider = memory_new(1, sizeof(*provider));
    auto_clean(text_deinit) struct text callback = {0};
    text_addf(&callback, "%s/login/callback", settings->url);
    *provider = (struct provider){
        .issuer = memory_text(settings->issuer),
        .client = memory_text(settings->client),
        .secret = memory_text(settings->secret),
        .callback = memory_text(text_data(&callback)),
        .ca_file = memory_text(settings->ca_file),
        .claim = settings->claim,
        .cancel = settings->cancel,
    };
    return provider;
}

void provider_free(struct provider *provider) {
    if (!provider)
        return;
    if (provider->secret)
        secret_erase(provider->secret, strlen(provider->secret));
    record_clear(&discovery_table, &provider->found);
    text_deinit(&provider->keys);
    memory_free(provider->issuer);
    memory_free(provider->client);
    memory_free(provider->secret);
    memory_free(provider->callback);
    memory_free(provider->ca_file);
    memory_free(provider);
}

static time_t now_s(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec;
}

static void add_escaped(struct text *url, const char *value) {
    for (; *value; value++) {
        if (isalnum((unsigned char)*value) || strchr("-._~", *value))
            text_addf(url, "%c", *value);
        else
            text_addf(url, "%%%02X", (unsigned char)*value);
    }
}

static void add_parameter(struct text *url, const char *name, const char *value) {
    text_addf(url, "&%s=", name);
    add_escaped(url, value);
}

struct question {
    const char *url, *body; /* no body: by GET */
};

/* Of a refusal its status alone is told. */
static int ask(const struct provider *provider, struct question question,
               struct text *out_answer, struct error *err) {
    struct http_exchange exchange = {
        .method = question.body ? "POST" : "GET",
        .url = question.url,
        .ca_file = provider->ca_file,
        .body = question.body,
        .content_type = question.body ? "application/x-www-form-urlencoded" : NULL,
        .upload_fd = -1,
        .download_fd = -1,
        .whole_seconds = call_s,
        .cancel = provider->cancel,
    };
    struct error why = {0};
    int result = http_call(&exchange, &why);
    if (result < 0)
        result = error_set(err, result, "the provider of logins cannot be asked: %.300s", why.text);
    else if (exchange.status != 200)
        result = error_set(err, -EPROTO, "the provider of logins answers with status %ld at %.200s",
                           exchange.status, question.url);
    text_clear(out_answer);
    out_answer->limit = id_token_keys_most;
    if (result == 0)
        text_add_bytes(out_answer, text_data(&exchange.answer), exchange.answer.length);
    if (result == 0 && out_answer->full)
        result = error_set(err, -EMSGSIZE, "the provider of logins answers with more than %d bytes",
                           id_token_keys_most);
    secret_erase(exchange.answer.data, exchange.answer.length);
    text_deinit(&exchange.answer);
    return result;
}

static int decode(const struct table *table, const struct text *answer, void *out,
                  struct error *err) {
    struct codec_fault fault;
    return codec_decode(table,
                        &(struct codec_input){text_data(answer), answer->length, FIELD_API,
                                              CODEC_IGNORE_UNKNOWN},
                        out, &fault)
               ? error_set(err, -EPROTO, "the provider of logins answers with something else than "
                           "an OpenID provider does: %.60s %.200s", fault.field, fault.text)
               : 0;
}

static int discover(struct provider *provider, struct error *err) {
    auto_clean(text_deinit) struct text url = {0}, answer = {0};
    struct discovery found = {0};
    if (provider->found.issuer && now_s(CLOCK_MONOTONIC) - provider->found_s < kept_s)
        return 0;
    size_t length = strlen(provider->issuer);
    length -= provider->issuer[length - 1] == '/';
    text_addf(&url, "%.*s/.well-known/openid-configuration", (int)length, provider->issuer);
    int result = ask(provider, (struct question){text_data(&url), NULL}, &answer, err);
    if (result == 0)
        result = decode(&discovery_table, &answer, &found, err);
    if (result)
        return result;
    bool is_closed = text_starts(found.authorization_endpoint, "https://") &&
                     text_starts(found.token_endpoint, "https://") &&
                     text_starts(found.jwks_uri, "https://");
    if (!text_equal(found.issuer, provider->issuer))
        result = error_set(err, -EPROTO, "what is published at %.200s is of another issuer",
                           text_data(&url));
    else if (!is_closed)
        result = error_set(err, -EPROTO, "the provider of logins names addresses without TLS");
    if (result) {
        record_clear(&discovery_table, &found);
        return result;
    }
    record_clear(&discovery_table, &provider->found);
    provider->found = found;
    provider->found_s = now_s(CLOCK_MONOTONIC);
    return 0;
}

/* Newer ones than those that are too old, or did not do. */
enum keys_need { KEYS_KNOWN, KEYS_NEWER };
static int fetch_keys(struct provider *provider, enum keys_need need, struct error *err) {
    auto_clean(text_deinit) struct text answer = {0};
    bool is_known = provider->keys.length && now_s(CLOCK_MONOTONIC) - provider->keys_s < kept_s;
    if (need == KEYS_KNOWN && is_known)
        return 0;
    int result = ask(provider, (struct question){provider->found.jwks_uri, NULL}, &answer, err);
    if (result)
        return result;
    text_clear(&provider->keys);
    text_add_bytes(&provider->keys, text_data(&answer), answer.length);
    provider->keys_s = now_s(CLOCK_MONOTONIC);
    return 0;
}

/* base64url of the verifier's SHA-256 (RFC 7636, 4.2). */
static void add_challenge(struct text *url, const char *verifier) {
    char digest[limit_digest_size];
    unsigned char bytes[(limit_digest_size - 1) / 2];
    auto_clean(text_deinit) struct text challenge = {0};
    secret_hash_bytes(verifier, strlen(verifier), digest);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        const char pair[] = {digest[2 * i], digest[2 * i + 1], 0};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    secret_encode(bytes, sizeof(bytes), &challenge);
    add_parameter(url, "code_challenge", text_data(&challenge));
}

int provider_address(struct provider *provider, const struct provider_attempt *attempt,
                     struct text *out_url, struct error *err) {
    int result = discover(provider, err);
    if (result)
        return result;
    const char *where = provider->found.authorization_endpoint;
    text_addf(out_url, "%s%cresponse_type=code", where, strchr(where, '?') ? '&' : '?');
    add_parameter(out_url, "scope", provider->claim == ID_CLAIM_EMAIL ? "openid email" : "openid");
    add_parameter(out_url, "client_id", provider->client);
    add_parameter(out_url, "redirect_uri", provider->callback);
    add_parameter(out_url, "state", attempt->state);
    add_parameter(out_url, "nonce", attempt->nonce);
    add_challenge(out_url, attempt->verifier);
    add_parameter(out_url, "code_challenge_method", "S256");
    return 0;
}

static int exchange_code(struct provider *provider, const struct provider_attempt *attempt,
                         struct token_answer *out, struct error *err) {
    auto_clean(text_deinit) struct text body = {0}, answer = {0};
    text_add(&body, "grant_type=authorization_code");
    add_parameter(&body, "code", attempt->code);
    add_parameter(&body, "redirect_uri", provider->callback);
    add_parameter(&body, "client_id", provider->client);
    if (provider->secret)
        add_parameter(&body, "client_secret", provider->secret);
    add_parameter(&body, "code_verifier", attempt->verifier);
    const struct question question = {provider->found.token_endpoint, text_data(&body)};
    int result = ask(provider, question, &answer, err);
    if (result == 0)
        result = decode(&token_answer_table, &answer, out, err);
    secret_erase(body.data, body.length);
    secret_erase(answer.data, answer.length);
    return result;
}

static struct id_token_wish wish_of(const struct provider *provider,
                                    const struct provider_attempt *attempt) {
    return (struct id_token_wish){.issuer = provider->issuer, .client = provider->client,
                                  .nonce = attempt->nonce, .claim = provider->claim,
                                  .keys = text_data(&provider->keys),
                                  .now_s = (uint64_t)now_s(CLOCK_REALTIME)};
}

int provider_identify(struct provider *provider, const struct provider_attempt *attempt,
                      char out_identity[limit_identity_size], struct error *err) {
    struct token_answer token = {0};
    struct id_token_wish wish;
    if (strlen(attempt->code) > code_most)
        return error_set(err, -EINVAL, "the provider's code is longer than %d bytes", code_most);
    int result = discover(provider, err);
    if (result == 0)
        result = exchange_code(provider, attempt, &token, err);
    if (result == 0)
        result = fetch_keys(provider, KEYS_KNOWN, err);
    wish = wish_of(provider, attempt);
    if (result == 0)
        result = id_token_read(token.id_token, &wish, out_identity, err);
    bool has_newer = result == -ENOKEY && fetch_keys(provider, KEYS_NEWER, err) == 0;
    wish = wish_of(provider, attempt);
    if (has_newer)
        result = id_token_read(token.id_token, &wish, out_identity, err);
    if (token.id_token)
        secret_erase(token.id_token, strlen(token.id_token));
    record_clear(&token_answer_table, &token);
    return result;
}
