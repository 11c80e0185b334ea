/* How many descriptors this process may have. */
#pragma once

#include <stddef.h>

/* Raises the soft limit to `wanted`, or as far as the hard one lets it; never lowers it. */
void descriptors_raise(size_t wanted);
