/* What every face on HTTP answers with: an archive by digest from a folder, to whoever has one of
 * the tokens. */
#pragma once

#include "io/http/problem.h"
#include "io/http/server.h"

/* Copies of SHA-256 digests of tokens. */
struct token_hashes {
    char (*digests)[limit_digest_size];
    size_t count;
};

void token_hashes_init(struct token_hashes *hashes, const char *const *digests, size_t count);
void token_hashes_deinit(struct token_hashes *hashes);
bool token_hashes_have(const struct token_hashes *hashes, const char *digest);

/* SHA-256 of the request's bearer token, "" without one. */
void http_token_hash(const struct http_request *request, char out_digest[limit_digest_size]);

/* Answers with <folder>/<digest>, or the part of it that a Range header asks for (RFC 9110), or a
 * problem. */
void http_answer_archive(struct http_request *request, const char *folder, const char *digest);

/* That, to one of the readers alone. */
void http_answer_blob(struct http_request *request, const char *folder,
                      const struct token_hashes *readers, const char *digest);
