/* Three bytes are four characters, by one look into a table each. A text whose last character has
 * bits beyond its bytes is refused, so that each frame has one text. */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A character's value and one; 0 for what is none. */
static const uint8_t values[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

void base64_encode(const unsigned char *bytes, size_t length, char *out) {
    size_t i = 0;
    for (; i + 3 <= length; i += 3, out += 4) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        out[2] = alphabet[group >> 6 & 63];
        out[3] = alphabet[group & 63];
    }
    if (i == length)
        return;
    uint32_t rest = (uint32_t)bytes[i] << 16;
    if (i + 1 < length)
        rest |= (uint32_t)bytes[i + 1] << 8;
    out[0] = alphabet[rest >> 18];
    out[1] = alphabet[rest >> 12 & 63];
    if (i + 1 < length)
        out[2] = alphabet[rest >> 6 & 63];
}

size_t base64_decode(const char *text, size_t length, unsigned char *out, size_t most) {
    size_t used = 0;
    uint32_t bits = 0, kept = 0; /* of `kept` the lowest `bits` are not written yet */
    if (length % 4 == 1 || length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0) > most)
        return 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t value = values[(unsigned char)text[i]];
        if (!value)
            return 0;
        kept = kept << 6 | (value - 1);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[used++] = (unsigned char)(kept >> bits);
        }
    }
    return kept & ((1U << bits) - 1) ? 0 : used;
}

void base64_to_standard(const unsigned char *bytes, size_t length, struct text *out) {
    auto_clean(memory_clean) char *url = memory_new(base64_characters(length) + 1, 1);
    base64_encode(bytes, length, url);
    for (char *at = url; *at; at++)
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    text_add(out, url);
    text_add(out, length % 3 == 1 ? "==" : length % 3 == 2 ? "=" : "");
}

size_t base64_from_standard(const char *text, unsigned char *out, size_t most) {
    size_t length = strlen(text), padding = length - strcspn(text, "=");
    if (length % 4 || padding > 2 || strspn(text + length - padding, "=") != padding ||
        strpbrk(text, "-_"))
        return 0;
    auto_clean(memory_clean) char *url = memory_text(text);
    for (char *at = url; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    size_t count = base64_decode(url, length - padding, out, most);
    explicit_bzero(url, length); /* it may be a secret */
    return count;
}
