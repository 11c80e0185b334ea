/* SSH public keys as a line of authorized_keys has them (sshd(8)): type, base64, a comment. Lines
 * with options in front are none: what a key may do on a guest is that guest's own matter. */
#pragma once

#include "base/text.h"
#include "message/limits.h"

/* Are these such keys, a line each, at most `most` of them? The last line may end or not. */
bool ssh_keys_are_valid(const char *text, size_t most);

/* Copies the first line and returns the others; NULL: there is none. */
const char *ssh_keys_next(const char *keys, char out_key[limit_ssh_key + 1]);
