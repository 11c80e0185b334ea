/* A token for an address in a chat is made, and shown in no form but sealed to the code of the
 * program there, so that it stands in no chat and in no history. */
#include "cli/account/chat.h"

#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "io/keys/link_code.h"
#include "io/keys/secret.h"

static void print_answer(const char *code, const struct access_created *token) {
    auto_clean(text_deinit) struct text answer = {0};
    link_code_answer(code, token->token, &answer);
    printf("link %s\n", text_data(&answer));
    fprintf(stderr, "Send that line in the chat. It opens once, for the address that the code is "
                    "of.\nThe token is %s, and may %s%s%s. To end it: isthmus access-token revoke "
                    "%s\n", token->id, rights_names[token->rights],
            token->expires_ms ? " until " : "",
            token->expires_ms ? words_date(token->expires_ms).text : "", token->name);
}

/* The token that is wished for, sealed. */
static int make(const struct options *options, const struct access_create *wish) {
    auto_clean(text_deinit) struct text body = {0};
    struct access_created token = {0};
    struct call call;
    codec_encode(&access_create_table, wish, FIELD_API, &body);
    call_init(&call, options, "POST", "/v1/access-tokens");
    call.http.content_type = "application/json";
    call.http.body = text_data(&body);
    int result = call_run(&call);
    if (result == EXIT_DONE)
        result = call_decode(&call, &access_created_table, &token);
    if (result == EXIT_DONE)
        print_answer(options->words[3], &token);
    call_deinit(&call);
    secret_erase(&token, sizeof(token));
    return result;
}

int chat_link(const struct options *options) {
    struct access_create wish = {.rights = options->rights,
                                 .expires_seconds = options->expires_seconds};
    struct codec_fault fault;
    struct error err;
    if (!options_given(options, "rights") || options->rights == RIGHTS_ALL) {
        say("it is not said what the chat may do for you");
        fprintf(stderr, "  what to do: give --rights look or act\n");
        return EXIT_USAGE;
    }
    if (link_code_check(options->words[3], &err)) {
        say("%s", err.text);
        return EXIT_USAGE;
    }
    if (codec_field_from_text(&access_create_table.fields[0], options->words[2], &wish, &fault)) {
        say("name '%s' %s", options->words[2], fault.text);
        return EXIT_USAGE;
    }
    return make(options, &wish);
}
