/* Removes archives of the image folder that nobody needs, on a thread of its own. While it asks the
 * role about one and removes it, no upload publishes: so none can become an image meanwhile. */
#pragma once

#include "core/effect.h"
#include "io/rest/call.h"

/* 0, or negative with `err`: no thread could be started. */
int rest_archives_start(struct rest *rest, struct error *err);
void rest_archives_hear(struct rest *rest, const struct effect_archive *effect);
void rest_archives_stop(struct rest *rest); /* after rest->stopping was set */
