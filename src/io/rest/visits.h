/* Streams to VMs that are joined by plain HTTP, for who can neither pin a key nor use a WebSocket,
 * as the page: what the VM says is a request's endless answer, what is typed comes by requests of
 * its own. Whether the ticket is worth anything is decided where it is for all others, behind
 * rest_streams; who types is who joined, by the same token and the same login. Of a stream no more
 * waits here than its socket holds, and one request's body. */
#pragma once

#include "io/rest/call.h"

enum { visit_piece = 16384 }; /* bytes that are typed by one request, at the most */

struct visits;

/* NULL with `err`: there is no thread for it. */
struct visits *visits_start(struct rest *rest, struct error *err);

/* Ends all, which are still to be closed; then all are closed. NULL: nothing, in both. */
void visits_end(struct visits *visits);
void visits_free(struct visits *visits);

/* The call joins by the ticket, and is held until that is taken or refused; then it is answered. */
enum http_next visits_join(struct visits *visits, struct rest_call *call, const char *ticket);
enum http_next visits_joined(struct visits *visits, struct rest_call *call);

/* What the call brings is typed, and it is held while there is no room for all of it. */
enum http_next visits_type(struct visits *visits, struct rest_call *call);
enum http_next visits_typed(struct visits *visits, struct rest_call *call);

/* As http_face.on_stream. */
long visits_read(struct visits *visits, struct rest_call *call, char *bytes, size_t room);

/* Ends what this login joined. Under the lock. */
void visits_end_login(struct visits *visits, const char *login);

/* The call is over, whatever part it had. Under the lock. */
void visits_leave(struct rest_call *call);
