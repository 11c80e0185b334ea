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

bool id_is_valid(const char *text) {
    const char *dash = strchr(text, '-');
    if (!dash || dash == text || dash - text > 8 || strlen(dash + 1) != 26)
        return false;
    for (const char *at = text; at < dash; at++)
        if (*at < 'a' || *at > 'z')
            return false;
    return strspn(dash + 1, alphabet) == 26;
}
