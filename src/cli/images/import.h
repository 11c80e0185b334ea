/* How the file of an image comes to the manager: `isthmus image import`. */
#pragma once

#include "cli/call.h"

/* `view` shows the image; `add_words` adds to the address what is said of it. An exit code. */
int import_run(const struct view *view, const struct options *options,
               void (*add_words)(struct call *call, const struct options *options));
