/* Enrolment, asked of either manager: tokens to join by, and keys that are not heard any more. */
#include "cli/account/keys.h"

#include <stdio.h>

#include "cli/call.h"

static void add_token(struct sheet *sheet, const void *record) {
    const struct join_token *token = record;
    bool expired = token->expires_ms <= wall_ms();
    sheet_add(sheet, "%s", token->id);
    sheet_add(sheet, "%s", token->peer);
    sheet_add(sheet, "%s", token->used_ms ? "used" : expired ? "expired" : "open");
    sheet_add(sheet, "%s", words_age(token->created_ms).text);
    sheet_add(sheet, "%s", words_date(token->expires_ms).text);
}

static const struct view tokens = {"/v1/tokens", &join_token_table, "ID PEER STATE AGE EXPIRES",
                                   add_token, NULL};

int token_list(const struct options *options) { return view_list(&tokens, options); }

static void show_token(const void *record) {
    const struct token_created *token = record;
    printf("%s\n", token->token);
    fprintf(stderr, "It is for %s, may be used once until %s, and is shown this once.\n",
            token->peer, words_date(token->expires_ms).text);
}

int token_new(const struct options *options) {
    static const struct view created = {"/v1/tokens", &token_created_table, "", NULL,
                                        show_token};
    struct token_create create = {.expires_seconds = options->expires_seconds,
                                  .whole = options->whole};
    return view_create(&created, options, &token_create_table, &create);
}

int token_revoke(const struct options *options) {
    return view_delete(&tokens, options, "revoked");
}

int key_revoke(const struct options *options) {
    static const struct view keys = {.path = "/v1/keys"};
    return view_delete(&keys, options, "revoked");
}
