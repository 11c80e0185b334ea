/* The allocator. Every allocation of the project goes through here.
 *
 * Out of memory ends the process (crash recovery is a tested path), so no caller checks
 * for NULL. Memory comes zeroed. The core may use this room; it may not call malloc. */
#pragma once

#include <stddef.h>

#include "base/attributes.h"

/* Zeroed memory of `count` * `size` bytes; the caller owns it. Overflow ends the process. */
void *memory_new(size_t count, size_t size);

/* Grows or shrinks; what is added is NOT zeroed. */
void *memory_resize(void *memory, size_t bytes);

/* A copy of `bytes` bytes; NULL stays NULL. */
void *memory_copy(const void *from, size_t bytes);

/* A copy of a terminated text; NULL stays NULL. */
char *memory_text(const char *from);

void memory_free(void *memory);

/* For auto_clean: frees the pointer that `slot` points to. */
void memory_clean(void *slot);
