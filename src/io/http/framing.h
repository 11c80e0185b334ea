/* Says a head in one way where its body ends, and who asks? Where one server reads the end by one
 * header and another by another, what follows is a request to the one and a part of the body to
 * the other (RFC 9112, 6.3). */
#pragma once

#include "io/http/problem.h"

struct framing {
    unsigned lengths, encodings, tokens, keys;
    bool is_bad;
};

/* Counts a header, of each in the head. */
void framing_count(struct framing *framing, const char *name, const char *value);

/* False, with `problem`: the head is refused. */
bool framing_is_right(const struct framing *framing, struct problem *problem);
