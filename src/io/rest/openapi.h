/* The OpenAPI 3.1 document of a face, from the route and field tables. */
#pragma once

#include "base/text.h"
#include "io/rest/routes.h"

void rest_openapi(const struct rest_face *face, const char *software, struct text *out);
