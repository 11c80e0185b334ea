/* The packed form, which docs/protocol.md tells to the byte: a record is its fields that are not
 * zero, by rising numbers; before each stands its number and which of two kinds of value follows,
 * so that who does not know a field can step over it. Inside the codec only. */
#pragma once

enum packed_kind {
    PACKED_NUMBER, /* 7 bits a byte, lowest first; all bytes but the last have the highest bit */
    PACKED_BYTES,  /* their count, as a number, and they */
};

enum {
    packed_number_bytes = 10, /* of 2^64 - 1 */
    packed_digest_bytes = 32,
};
