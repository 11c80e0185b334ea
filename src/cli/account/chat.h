/* What `isthmus chat` does. */
#pragma once

#include "cli/options.h"

int chat_link(const struct options *options);
