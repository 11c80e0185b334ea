/* The face of a block store for hosts, by HTTP: whoever has a VM's token puts its blocks, pages and
 * roots, and reads them again. Stands in a server that has other paths, too (image/serve.c).
 *
 *   POST /v1/copies/VM/lack         digests in; those that are not here out
 *   POST /v1/copies/VM/blocks       a batch in
 *   POST /v1/copies/VM/fetch        digests in, a batch out: those of them that are here
 *   PUT  /v1/copies/VM/root         a root in; its digest out, once all that it names is here
 *   GET  /v1/copies/VM/root/DIGEST  a root out
 *
 * Digests are 32 bytes each, batches as in blocks/pack.h. */
#pragma once

#include "io/blocks/store.h"
#include "io/http/server.h"

enum {
    blocks_asked_most = 4096,  /* digests in one call */
    blocks_fetched_most = 32,  /* that a call of fetch answers */
    blocks_body_most = batch_bytes_most + packed_bytes_most + pack_head_bytes,
};

/* Is the path of this face? */
bool blocks_serve_has(const struct http_request *request);

/* The server's calls for such a request; `body` is the caller's, who frees it. */
enum http_next blocks_serve_head(struct blocks *blocks, struct http_request *request);
enum http_next blocks_serve_piece(struct http_request *request, struct text *body,
                                  const char *bytes, size_t length);
enum http_next blocks_serve_complete(struct blocks *blocks, struct http_request *request,
                                     const struct text *body);
