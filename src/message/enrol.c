/* The field tables of enrolment: what is pinned, tokens to join by, and what a joining side and
 * a manager say to each other. */
#include "message/enrol.h"

const char *const join_verdict_names[JOIN_VERDICT_COUNT] = {
    [JOIN_DONE] = "done", [JOIN_UNKNOWN] = "unknown", [JOIN_USED] = "used",
    [JOIN_EXPIRED] = "expired", [JOIN_ELSEWHERE] = "elsewhere",
};

static const struct field pin_fields[] = {
    {field_of(struct pin, peer), .number = 1, .about = "Whose key it is.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
    {field_of(struct pin, key), .number = 2, .about = "Its public key; absent: revoked.",
     .kind = FIELD_TEXT},
    {field_of(struct pin, changed_ms), .number = 3, .about = "Since when.", .kind = FIELD_U64},
};
const struct table pin_table = {"pin", "A key in place of the configuration's.", sizeof(struct pin),
                                field_rows(pin_fields)};
const struct table next_pin_table = {"next-pin", "The key that a peer is changing to.",
                                     sizeof(struct pin), field_rows(pin_fields)};

static const struct field join_token_fields[] = {
    {field_of(struct join_token, id), .number = 1, .about = "The token's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct join_token, peer), .number = 2,
     .about = "Who may join by it, by the name in the configuration.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct join_token, secret_hash), .number = 3, .about = "SHA-256 of its secret.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct join_token, key), .number = 4, .about = "The public key that joined by it.",
     .kind = FIELD_TEXT},
    {field_of(struct join_token, created_ms), .number = 5, .about = "When it was made.",
     .kind = FIELD_U64},
    {field_of(struct join_token, expires_ms), .number = 6,
     .about = "From when on it is worth nothing.", .kind = FIELD_U64},
    {field_of(struct join_token, used_ms), .number = 7,
     .about = "When it was used; absent: not yet.", .kind = FIELD_U64},
};
const struct table join_token_table = {"join-token", "A one-time token to join by.",
                                       sizeof(struct join_token), field_rows(join_token_fields)};

static const struct field token_create_fields[] = {
    {field_of(struct token_create, peer),
     .about = "Who may join by it, by the name in the configuration.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct token_create, expires_seconds),
     .about = "How long it may be used; without: an hour.", .kind = FIELD_U64, .least = 1,
     .most = limit_join_seconds},
    {field_of(struct token_create, whole),
     .about = "It brings the authorities of certificates; without: their digests, and who joins "
              "has them from the manager, where images are.", .kind = FIELD_FLAG},
};
const struct table token_create_table = {"token-create", "What a new token is for.",
                                         sizeof(struct token_create),
                                         field_rows(token_create_fields)};

static const struct field join_server_fields[] = {
    {field_of(struct join_server, carrier), .about = "Its kind.", .kind = FIELD_BLOB,
     .check = CHECK_NAME, .most = limit_name_size - 1},
    {field_of(struct join_server, address), .about = "The account's address there.",
     .kind = FIELD_BLOB, .most = limit_address_size - 1},
    {field_of(struct join_server, password), .about = "Of that account.", .kind = FIELD_BLOB,
     .mask = FIELD_WIRE | FIELD_SECRET, .most = limit_text_size - 1},
    {field_of(struct join_server, url), .about = "Where it is.", .kind = FIELD_BLOB,
     .most = limit_address_size - 1},
    {field_of(struct join_server, server), .about = "Its host.", .kind = FIELD_BLOB,
     .most = limit_address_size - 1},
    {field_of(struct join_server, port), .about = "Its port.", .kind = FIELD_U32, .least = 1,
     .most = 65535},
    {field_of(struct join_server, ca), .about = "The authority of its certificate, PEM.",
     .kind = FIELD_BLOB, .most = limit_authority, .check = CHECK_LINES},
    {field_of(struct join_server, ca_digest), .about = "SHA-256 of that, in its place.",
     .kind = FIELD_BLOB, .check = CHECK_DIGEST, .most = limit_digest_size - 1},
    {field_of(struct join_server, server_key), .about = "Its public key.", .kind = FIELD_BLOB,
     .most = limit_public_key_size - 1},
    {field_of(struct join_server, manager), .about = "The manager's address there.",
     .kind = FIELD_BLOB, .most = limit_address_size - 1},
};
const struct table join_server_table = {"join-server", "A further server of a link.",
                                        sizeof(struct join_server),
                                        field_rows(join_server_fields)};

static const struct field join_link_fields[] = {
    {field_of(struct join_link, jid), .about = "Its account's address.",
     .kind = FIELD_BLOB, .mask = FIELD_REQUIRED, .most = limit_address_size - 1},
    {field_of(struct join_link, password), .about = "Of that account.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED | FIELD_WIRE | FIELD_SECRET, .most = limit_text_size - 1},
    {field_of(struct join_link, carrier), .about = "Kind of the application server; absent: xmpp.",
     .kind = FIELD_BLOB, .check = CHECK_NAME, .most = limit_name_size - 1},
    {field_of(struct join_link, url), .about = "Where it is, of a kind that is reached by a URL.",
     .kind = FIELD_BLOB, .most = limit_address_size - 1},
    {field_of(struct join_link, server),
     .about = "The application server; absent: by the account's domain.", .kind = FIELD_BLOB,
     .most = limit_address_size - 1},
    {field_of(struct join_link, port), .about = "Its port; absent: the kind's own.",
     .kind = FIELD_U32, .least = 1, .most = 65535},
    {field_of(struct join_link, ca), .about = "The authority of its certificate, PEM.",
     .kind = FIELD_BLOB, .most = limit_authority, .check = CHECK_LINES},
    {field_of(struct join_link, ca_digest), .about = "SHA-256 of that, in its place.",
     .kind = FIELD_BLOB, .check = CHECK_DIGEST, .most = limit_digest_size - 1},
    {field_of(struct join_link, server_key), .about = "Its public key, of a kind without these.",
     .kind = FIELD_BLOB, .most = limit_public_key_size - 1},
    {field_list_of(struct join_link, more, more_count),
     .about = "Further servers, in the order of preference.", .kind = FIELD_LIST,
     .most = limit_endpoints - 1, .table = &join_server_table},
    {field_of(struct join_link, image_url), .about = "Where images are pulled from.",
     .kind = FIELD_BLOB, .mask = FIELD_REQUIRED, .most = limit_address_size - 1},
    {field_of(struct join_link, image_token), .about = "The token that it presents there.",
     .kind = FIELD_BLOB, .mask = FIELD_WIRE | FIELD_SECRET, .most = limit_text_size - 1},
    {field_of(struct join_link, image_ca), .about = "The authority of that address, PEM.",
     .kind = FIELD_BLOB, .most = limit_authority, .check = CHECK_LINES},
    {field_of(struct join_link, image_ca_digest), .about = "SHA-256 of that, in its place.",
     .kind = FIELD_BLOB, .check = CHECK_DIGEST, .most = limit_digest_size - 1},
};
const struct table join_link_table = {"join-link", "How a joining side reaches its manager.",
                                      sizeof(struct join_link), field_rows(join_link_fields)};

static const struct field join_fields[] = {
    {field_of(struct join, token), .about = "Id of the token.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct join, secret), .about = "The token's secret.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED | FIELD_WIRE | FIELD_SECRET},
    {field_of(struct join, key), .about = "The joining side's public key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED},
};
const struct table join_table = {"join", "Asks to be pinned.", sizeof(struct join),
                                 field_rows(join_fields)};

static const struct field joined_fields[] = {
    {field_of(struct joined, verdict), .about = "What became of the request to join.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(join_verdict_names)},
};
const struct table joined_table = {"joined", "The answer to a request to join.",
                                   sizeof(struct joined), field_rows(joined_fields)};
