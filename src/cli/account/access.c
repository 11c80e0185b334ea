/* What is shown of access tokens. A new one goes to standard output alone, so that it can go into a
 * file. */
#include "cli/account/access.h"

#include <stdio.h>

#include "cli/call.h"

static void add_token(struct sheet *sheet, const void *record) {
    const struct access_token *token = record;
    sheet_add(sheet, "%s", token->id);
    sheet_add(sheet, "%s", token->name);
    sheet_add(sheet, "%s", *token->tenant ? token->tenant : "-");
    sheet_add(sheet, "%s", rights_names[token->rights]);
    sheet_add(sheet, "%s", words_age(token->created_ms).text);
    sheet_add(sheet, "%s", token->expires_ms ? words_date(token->expires_ms).text : "never");
    sheet_add(sheet, "%s", token->used_ms ? words_age(token->used_ms).text : "never");
}

static const struct view tokens = {"/v1/access-tokens", &access_token_table,
                                   "ID NAME TENANT RIGHTS AGE EXPIRES USED", add_token, NULL};

int access_token_list(const struct options *options) { return view_list(&tokens, options); }

int access_token_revoke(const struct options *options) {
    return view_delete(&tokens, options, "revoked");
}

static void show_created(const void *record) {
    const struct access_created *token = record;
    if (!*token->token) {
        printf("%s: whoever the provider knows by this identity logs in at /login\n", token->id);
        return;
    }
    printf("%s\n", token->token);
    fprintf(stderr, "It is %s, and may %s%s%s. It is shown this once: keep it in a file that only "
                    "you can read.\n", token->id,
            token->rights == RIGHTS_ALL ? "do all that its owner may" : rights_names[token->rights],
            token->expires_ms ? " until " : "",
            token->expires_ms ? words_date(token->expires_ms).text : "");
}

int access_token_create(const struct options *options) {
    static const struct view created = {"/v1/access-tokens", &access_created_table, "", NULL,
                                        show_created};
    struct access_create create = {.rights = options->rights,
                                   .expires_seconds = options->expires_seconds};
    if (!options_given(options, "rights")) {
        say("it is not said what may be asked by the token");
        fprintf(stderr, "  what to do: give --rights look, act or all\n");
        return EXIT_USAGE;
    }
    if (options->tenant && !text_copy(create.tenant, sizeof(create.tenant), options->tenant)) {
        say("no tenant has so long a name");
        return EXIT_USAGE;
    }
    if (options->identity &&
        !text_copy(create.identity, sizeof(create.identity), options->identity)) {
        say("an identity is not longer than %d bytes", limit_identity_size - 1);
        return EXIT_USAGE;
    }
    return view_create(&created, options, &access_create_table, &create);
}
