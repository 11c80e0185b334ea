/* The verbs on images; each returns an exit code. */
#pragma once

#include "cli/call.h"

int image_list(const struct options *options);
int image_show(const struct options *options);
int image_import(const struct options *options);
int image_export(const struct options *options);
int image_share(const struct options *options);
int image_unshare(const struct options *options);
int image_delete(const struct options *options);
