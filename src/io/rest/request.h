/* A call's head and body as a request to the role, checked by the route's tables. */
#pragma once

#include "io/rest/call.h"

/* Fills *out_request (freed with request_clear), or returns false with *problem. */
bool rest_request_make(struct rest_call *call, struct request *out_request,
                       struct problem *problem);
