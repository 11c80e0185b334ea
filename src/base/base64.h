/* Base64url without padding (RFC 4648, section 5) by tables, for sealed frames: the text of one
 * is no secret, so it may be quick. Keys and secrets go by libsodium's, whose time tells nothing
 * of them. And the standard form, with padding (section 4), for what people and their programs
 * send. */
#pragma once

#include <stddef.h>

#include "base/text.h"

/* Characters of so many bytes. */
#define base64_characters(bytes) (((bytes) * 4 + 2) / 3)

/* Writes base64_characters(length) characters to `out`, without an end of text. */
void base64_encode(const unsigned char *bytes, size_t length, char *out);

/* How many bytes are in exactly this text; 0 if there are none, if it is not the one text of its
 * bytes, or if they are more than `most`. */
size_t base64_decode(const char *text, size_t length, unsigned char *out, size_t most);

/* The standard form: appends it; reads exactly it, otherwise as base64_decode(). */
void base64_to_standard(const unsigned char *bytes, size_t length, struct text *out);
size_t base64_from_standard(const char *text, unsigned char *out, size_t most);
