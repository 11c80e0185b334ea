#include "message/enrol.h"

const char *const join_verdict_names[JOIN_VERDICT_COUNT] = {"done", "unknown", "used", "expired",
                                                            "elsewhere"};

static const struct field pin_fields[] = {
    {.name = "peer", .about = "Whose key it is.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct pin, peer)},
    {.name = "key", .about = "Its public key; absent: revoked.", .kind = FIELD_TEXT,
     field_at(struct pin, key)},
    {.name = "changed_ms", .about = "Since when.", .kind = FIELD_U64,
     field_at(struct pin, changed_ms), .most = INT64_MAX},
};
const struct table pin_table = {"pin", "A key in place of the configuration's.",
                                sizeof(struct pin), pin_fields, array_size(pin_fields)};
const struct table next_pin_table = {"next-pin", "The key that a peer is changing to.",
                                     sizeof(struct pin), pin_fields, array_size(pin_fields)};

static const struct field join_token_fields[] = {
    {.name = "id", .about = "The token's id.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct join_token, id), .check = CHECK_ID},
    {.name = "peer", .about = "Who may join by it, by the name in the configuration.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, field_at(struct join_token, peer),
     .check = CHECK_NAME},
    {.name = "secret_hash", .about = "SHA-256 of its secret.", .kind = FIELD_TEXT,
     .mask = FIELD_STORE | FIELD_SECRET, field_at(struct join_token, secret_hash),
     .check = CHECK_DIGEST},
    {.name = "key", .about = "The public key that joined by it.", .kind = FIELD_TEXT,
     field_at(struct join_token, key)},
    {.name = "created_ms", .about = "When it was made.", .kind = FIELD_U64,
     field_at(struct join_token, created_ms), .most = INT64_MAX},
    {.name = "expires_ms", .about = "From when on it is worth nothing.", .kind = FIELD_U64,
     field_at(struct join_token, expires_ms), .most = INT64_MAX},
    {.name = "used_ms", .about = "When it was used; absent: not yet.", .kind = FIELD_U64,
     field_at(struct join_token, used_ms), .most = INT64_MAX},
};
const struct table join_token_table = {"join-token", "A one-time token to join by.",
                                       sizeof(struct join_token), join_token_fields,
                                       array_size(join_token_fields)};

static const struct field token_create_fields[] = {
    {.name = "peer", .about = "Who may join by it, by the name in the configuration.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, field_at(struct token_create, peer),
     .check = CHECK_NAME},
    {.name = "expires_seconds", .about = "How long it may be used; without: an hour.",
     .kind = FIELD_U64, field_at(struct token_create, expires_seconds), .least = 1,
     .most = limit_join_seconds},
};
const struct table token_create_table = {"token-create", "What a new token is for.",
                                         sizeof(struct token_create), token_create_fields,
                                         array_size(token_create_fields)};

static const struct field join_link_fields[] = {
    {.name = "jid", .about = "Its account, with the resource.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED, field_at(struct join_link, jid), .most = limit_address_size - 1},
    {.name = "password", .about = "Of that account.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED | FIELD_WIRE | FIELD_SECRET, field_at(struct join_link, password),
     .most = limit_text_size - 1},
    {.name = "server", .about = "The application server; absent: by the account's domain.",
     .kind = FIELD_BLOB, field_at(struct join_link, server), .most = limit_address_size - 1},
    {.name = "port", .about = "Its port.", .kind = FIELD_U32, .mask = FIELD_REQUIRED,
     field_at(struct join_link, port), .least = 1, .most = 65535},
    {.name = "ca", .about = "The authority of its certificate, PEM.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED, field_at(struct join_link, ca), .most = limit_authority,
     .check = CHECK_LINES},
    {.name = "image_url", .about = "Where images are pulled from.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED, field_at(struct join_link, image_url), .most = limit_address_size - 1},
    {.name = "image_token", .about = "The token that it presents there.", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_SECRET, field_at(struct join_link, image_token),
     .most = limit_text_size - 1},
    {.name = "image_ca", .about = "The authority of that address, PEM.", .kind = FIELD_BLOB,
     field_at(struct join_link, image_ca), .most = limit_authority, .check = CHECK_LINES},
};
const struct table join_link_table = {"join-link", "How a joining side reaches its manager.",
                                      sizeof(struct join_link), join_link_fields,
                                      array_size(join_link_fields)};

static const struct field join_fields[] = {
    {.name = "token", .about = "Id of the token.", .kind = FIELD_TEXT, .mask = FIELD_REQUIRED,
     field_at(struct join, token), .check = CHECK_ID},
    {.name = "secret", .about = "The token's secret.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED | FIELD_WIRE | FIELD_SECRET, field_at(struct join, secret)},
    {.name = "key", .about = "The joining side's public key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, field_at(struct join, key)},
};
const struct table join_table = {"join", "Asks to be pinned.", sizeof(struct join), join_fields,
                                 array_size(join_fields)};

static const struct field joined_fields[] = {
    {.name = "verdict", .about = "What became of the request to join.", .kind = FIELD_ENUM,
     .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_at(struct joined, verdict),
     field_names(join_verdict_names)},
};
const struct table joined_table = {"joined", "The answer to a request to join.",
                                   sizeof(struct joined), joined_fields,
                                   array_size(joined_fields)};
