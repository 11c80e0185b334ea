/* Which words a VM's way to another host may have. A libvirt starts programs for some URIs (`ext`,
 * `ssh`, `command=`), as root: no URI goes to one that this has not passed, whoever said it. */
#pragma once

#include "message/model.h"

/* qemu+tls://HOST[:PORT]/system (or /session), qemu+tcp://…, or of a libvirt on the same machine
 * qemu+unix:///system?socket=/PATH; nothing else, and less than limit_landing bytes. */
bool landing_uri_is_safe(const char *uri);

/* An absolute path without ".." and control characters, of less than limit_landing bytes. */
bool landing_folder_is_safe(const char *folder);

/* Both, and neither is missing. */
bool landing_is_safe(const struct landing *landing);
