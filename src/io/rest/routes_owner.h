/* The route table of a cluster's owner. */
#pragma once

#include "io/rest/routes.h"

extern const struct rest_face rest_owner_face;
