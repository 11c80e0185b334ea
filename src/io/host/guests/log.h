/* The log of a VM's serial console, which stays until the VM is removed, read in parts. */
#pragma once

#include "base/error.h"
#include "message/protocol.h"

/* Fills *out but for its number; the caller frees `base64`. `from` 0, or a place that the log has
 * not: its newest part, at most limit_log_piece bytes. What was given back of its older part is
 * skipped. CODE_OK; CODE_NOT_FOUND: there is none; CODE_HOST_FAILED, with `err`. */
enum code guest_log_read(const char *path, uint64_t from, struct reading *out, struct error *err);
