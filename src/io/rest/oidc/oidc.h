/* Browsers that log in by an OpenID provider: /login sends one there, /login/callback lets it in
 * when it comes back, /login/provider tells the page what the provider is called.
 *
 * Who somebody is to the provider is an identity. It stands for the access token that an operator
 * has made for it, by a digest that no bearer token has; so the role knows of no provider, and what
 * ends that token ends the login. What the two halves of a login have in common is in the browser's
 * cookie alone: strangers who begin logins fill nothing here. */
#pragma once

#include "io/rest/call.h"
#include "io/rest/oidc/provider.h"

struct oidc;

/* NULL with `err`: there is no thread for it. */
struct oidc *oidc_start(struct rest *rest, const struct provider_settings *settings,
                        const char *name, struct error *err);

/* No call is taken any more; then, once none is open, its end. NULL: nothing, in both. */
void oidc_end(struct oidc *oidc);
void oidc_free(struct oidc *oidc);

/* An access token that is made for an identity has the digest that stands for that, and there is no
 * bearer token. False: `problem`. */
bool oidc_prepare(const struct oidc *oidc, struct rest_call *call, struct request *request,
                  struct problem *problem);

/* Is the call one of these three? Then *out_next is what comes of it. */
bool oidc_take(struct oidc *oidc, struct rest_call *call, enum http_next *out_next);

/* A call that was held is resumed: it is answered. */
enum http_next oidc_answer(struct oidc *oidc, struct rest_call *call);

/* The call is over. Under the lock. */
void oidc_leave(struct oidc *oidc, struct rest_call *call);
