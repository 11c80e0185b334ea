/* An id takes the wall clock, but never an earlier one than the maker's last: while that stands
 * or goes back, the random part counts upward. */
#include "message/id.h"

#include <string.h>

#include "base/text.h"

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct id id_make(struct id_maker *maker, const char *prefix, uint64_t wall_ms) {
    if (wall_ms > maker->last_ms) {
        maker->last_ms = wall_ms;
        maker->high = prng_next(&maker->prng) & 0x7fff; /* room to count upward */
        maker->low = prng_next(&maker->prng);
    } else if (++maker->low == 0) {
        maker->high++;
    }
    char digits[27] = "";
    uint64_t time = maker->last_ms, high = maker->high, low = maker->low;
    for (int i = 25; i >= 10; i--) { /* 80 bits from the right, 5 at a time */
        digits[i] = alphabet[low & 31];
        low = (low >> 5) | (high & 31) << 59;
        high >>= 5;
    }
    for (int i = 9; i >= 0; i--, time >>= 5)
        digits[i] = alphabet[time & 31];
    struct id id;
    text_format(id.text, sizeof(id.text), "%s-%s", prefix, digits);
    return id;
}

void id_seen(struct id_maker *maker, const char *id) {
    const char *dash = strchr(id, '-');
    uint64_t time = 0;
    if (!id_is_valid(id))
        return;
    for (int i = 1; i <= 10; i++)
        time = time << 5 | (uint64_t)(strchr(alphabet, dash[i]) - alphabet);
    if (time >= maker->last_ms)
        *maker = (struct id_maker){.prng = maker->prng, .last_ms = time + 1};
}

bool id_is_valid(const char *text) {
    const char *dash = strchr(text, '-');
    if (!dash || dash == text || dash - text > 8 || strlen(dash + 1) != 26)
        return false;
    for (const char *at = text; at < dash; at++)
        if (*at < 'a' || *at > 'z')
            return false;
    return strspn(dash + 1, alphabet) == 26;
}

/* Bits on their way from one width to another: 26 digits of 5 hold 130, of which the first two are
 * 0, and 16 bytes hold the others. */
struct bits {
    uint32_t kept;
    unsigned count; /* of `kept` */
};

static void bits_add(struct bits *bits, uint32_t value, unsigned width) {
    bits->kept = bits->kept << width | value;
    bits->count += width;
}

static uint32_t bits_take(struct bits *bits, unsigned width) {
    bits->count -= width;
    uint32_t value = bits->kept >> bits->count;
    bits->kept &= (1U << bits->count) - 1;
    return value;
}

size_t id_pack(const char *text, char out[id_packed_most]) {
    size_t prefix = strcspn(text, "-"), used = prefix;
    const char *digit = text + prefix + 1;
    struct bits bits = {0};
    if (!id_is_valid(text) || *digit > '7')
        return 0;
    memcpy(out, text, prefix);
    bits_add(&bits, (uint32_t)(*digit++ - '0'), 3);
    for (; *digit; digit++) {
        bits_add(&bits, (uint32_t)(strchr(alphabet, *digit) - alphabet), 5);
        if (bits.count >= 8)
            out[used++] = (char)bits_take(&bits, 8);
    }
    return used;
}

void id_unpack(const char *bytes, size_t length, char out[limit_id_size]) {
    struct bits bits = {.count = 2}; /* the two that are 0 */
    out[0] = 0;
    if (length <= id_number_bytes || length > id_packed_most)
        return;
    size_t prefix = length - id_number_bytes, used = prefix + 1;
    memcpy(out, bytes, prefix);
    out[prefix] = '-';
    for (size_t i = prefix; i < length; i++) {
        bits_add(&bits, (unsigned char)bytes[i], 8);
        while (bits.count >= 5)
            out[used++] = alphabet[bits_take(&bits, 5)];
    }
    out[used] = 0;
}
