/* What is said of an access token: by whoever makes it, in the store, and to those who list it. */
#include "message/records/access.h"

const char *const rights_names[RIGHTS_COUNT] = {
    [RIGHTS_ALL] = "all", [RIGHTS_ACT] = "act", [RIGHTS_LOOK] = "look"};

static const struct field access_token_fields[] = {
    {field_of(struct access_token, id), .number = 1, .about = "The token's id.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct access_token, tenant), .number = 2,
     .about = "Whose it is; absent: an operator's.", .kind = FIELD_TEXT, .check = CHECK_NAME},
    {field_of(struct access_token, tenant_ms), .number = 3, .about = "When that tenant was made.",
     .kind = FIELD_U64, .mask = FIELD_STORE},
    {field_of(struct access_token, name), .number = 4, .about = "The name that it was given.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct access_token, token_hash), .number = 5, .about = "SHA-256 of the token.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct access_token, rights), .number = 6, .about = "What may be asked by it.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(rights_names)},
    {field_of(struct access_token, created_ms), .number = 7, .about = "When it was made.",
     .kind = FIELD_U64},
    {field_of(struct access_token, expires_ms), .number = 8,
     .about = "From when on it is worth nothing; absent: never.", .kind = FIELD_U64},
    {field_of(struct access_token, used_ms), .number = 9,
     .about = "When it was used last, to the hour; absent: never.", .kind = FIELD_U64},
    {field_of(struct access_token, identity), .number = 10,
     .about = "Who logs in by it, as the OpenID provider knows them; absent: it is a bearer token.",
     .kind = FIELD_TEXT, .check = CHECK_PRINTABLE},
};
const struct table access_token_table = {"access-token", "By which a tenant or operator is known.",
                                         sizeof(struct access_token),
                                         field_rows(access_token_fields)};

static const struct field access_create_fields[] = {
    {field_of(struct access_create, name), .about = "A name for the token.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NEW_NAME},
    {field_of(struct access_create, tenant),
     .about = "Operators: for this tenant; absent: for an operator.", .kind = FIELD_TEXT,
     .check = CHECK_NAME},
    {field_of(struct access_create, rights),
     .about = "What may be asked by it: look (what changes nothing), act (also what is done with "
              "VMs, images and SSH keys) or all.",
     .kind = FIELD_ENUM, .mask = FIELD_REQUIRED | FIELD_ALWAYS, field_names(rights_names)},
    {field_of(struct access_create, expires_seconds),
     .about = "How long it is to be worth something; absent: until it is revoked.",
     .kind = FIELD_U64, .most = limit_access_seconds},
    {field_of(struct access_create, identity),
     .about = "Operators: who is to log in by it, as the OpenID provider knows them; absent: it is "
              "a bearer token.",
     .kind = FIELD_TEXT, .check = CHECK_PRINTABLE},
};
const struct table access_create_table = {"access-create", "An access token to make.",
                                          sizeof(struct access_create),
                                          field_rows(access_create_fields)};

static const struct field access_created_fields[] = {
    {field_of(struct access_created, id), .about = "The token's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct access_created, name), .about = "The name that it was given.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct access_created, token),
     .about = "The token. It is shown this once and kept nowhere. Absent: it is an identity's.",
     .kind = FIELD_TEXT, .mask = FIELD_API | FIELD_SECRET},
    {field_of(struct access_created, rights), .about = "What may be asked by it.",
     .kind = FIELD_ENUM, .mask = FIELD_ALWAYS, field_names(rights_names)},
    {field_of(struct access_created, expires_ms),
     .about = "From when on it is worth nothing; absent: never.", .kind = FIELD_U64},
};
const struct table access_created_table = {"access-created", "A new access token.",
                                           sizeof(struct access_created),
                                           field_rows(access_created_fields)};
