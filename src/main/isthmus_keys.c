/* Enrolment, asked of either manager: tokens to join by, and keys that are not heard any more. */
#include <stdio.h>

#include "io/rest_routes.h"
#include "main/isthmus_call.h"
#include "main/isthmus_verbs.h"

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
    const struct rest_token_created *token = record;
    printf("%s\n", token->token);
    fprintf(stderr, "It is for %s, may be used once until %s, and is shown this once.\n",
            token->peer, words_date(token->expires_ms).text);
}

int token_new(const struct options *options) {
    static const struct view created = {"/v1/tokens", &rest_token_created_table, "", NULL,
                                        show_token};
    struct token_create create = {.expires_seconds = options->expires_seconds};
    struct codec_fault fault;
    struct call call;
    struct text body = {0};
    if (codec_field_from_text(&token_create_table.fields[0], options->words[2], &create,
                              &fault)) {
        say("peer '%s' %s", options->words[2], fault.text);
        return EXIT_USAGE;
    }
    codec_encode(&token_create_table, &create, FIELD_API, &body);
    call_init(&call, options, "POST", created.path);
    call.http.content_type = "application/json";
    call.http.body = text_data(&body);
    int result = view_finish(&created, options, &call);
    text_deinit(&body);
    return result;
}

static int revoke(const struct options *options, const char *path) {
    struct call call;
    call_init(&call, options, "DELETE", path);
    call_add_segment(&call, options->words[2]);
    int result = call_run(&call);
    if (result == EXIT_DONE && options->output == OUTPUT_TABLE)
        printf("%s %s: revoked\n", options->words[0], options->words[2]);
    call_deinit(&call);
    return result;
}

int token_revoke(const struct options *options) { return revoke(options, tokens.path); }
int key_revoke(const struct options *options) { return revoke(options, "/v1/keys"); }
