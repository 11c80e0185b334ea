/* Who asks, by a bearer token or by a browser's login; and the routes by which logins begin and
 * end. What stands for a token is nothing that another server's page can use: the cookie is sent by
 * our own alone (SameSite), and what a browser says of where a request comes from has to be us. */
#pragma once

#include "io/rest/call.h"

/* Fills call->token_hash, and call->login where it is by one. False: `problem`. */
bool browser_identify(struct rest *rest, struct rest_call *call, struct problem *problem);

/* The value of the cookie of this name; "" without one, or where it does not fit. */
void browser_cookie(const struct http_request *http, const char *name, char *out_value,
                    size_t size);

/* Before the role is asked who it is: a ticket is taken, and stands for its token. */
bool browser_prepare(struct rest *rest, struct rest_call *call, struct request *request,
                     struct problem *problem);

/* The role said who it is: a ticket is drawn, or it is logged in. */
void browser_answer(struct rest *rest, struct rest_call *call);

/* The role does not know the token any more: neither are its logins. */
void browser_refused(struct rest *rest, const struct rest_call *call);

/* Logs the browser that asks out, and ends its streams. */
enum http_next browser_leave(struct rest *rest, struct rest_call *call);
