/* Codes by which a chat address is linked to a token, so that the token never stands in a chat.
 *
 * The program in the chat draws a pair of keys and says the public one: the code. Whoever has the
 * token seals it to that (crypto_box_seal) and says what comes of it: the answer. Nobody else reads
 * the token out of it. Both are base64url; each begins with no dash. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "message/limits.h"

enum { link_code_key_bytes = 32, link_code_answer_size = 256 };

struct link_code {
    unsigned char secret_key[link_code_key_bytes];
    char code[limit_public_key_size];
};

void link_code_draw(struct link_code *out);
void link_code_erase(struct link_code *code);

/* 0, or negative with `err`: it is no code. */
int link_code_check(const char *code, struct error *err);

/* `code` was checked. */
void link_code_answer(const char *code, const char *token, struct text *out);

/* What was sealed to it; false: nothing that is a token. */
bool link_code_open(const struct link_code *code, const char *answer,
                    char out_token[limit_digest_size]);
