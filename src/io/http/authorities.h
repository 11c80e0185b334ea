/* What every face on HTTP that serves archives answers to everybody, too: the authorities of
 * certificates that join tokens name by digest alone, as GET /v1/blobs/<digest>. They are no
 * secrets, and whoever reads one knows by its digest that it is the right one. Of any thread. */
#pragma once

#include "io/http/server.h"

struct authorities;
struct authorities *authorities_new(void);
void authorities_free(struct authorities *authorities);

/* These (PEM), in place of those before; one may stand there more than once. */
void authorities_set(struct authorities *authorities, const char *const *texts, size_t count);

/* Whether the request was for one of them, and is answered; `authorities` may be NULL. */
bool authorities_answer(struct authorities *authorities, struct http_request *request);
