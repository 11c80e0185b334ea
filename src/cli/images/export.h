/* An image as a file that other programs read: `isthmus image export`. */
#pragma once

#include "cli/call.h"

/* An exit code. */
int export_run(const struct view *view, const struct options *options);
