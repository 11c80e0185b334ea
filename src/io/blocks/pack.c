/* A batch in bytes: digest, length as 32 bits with the highest byte first, a zstd frame; and again.
 */
#include "io/blocks/pack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "base/memory.h"

enum { level = 1 }; /* the fastest: a copy costs its guest's host as little as can be */

void pack_add_packed(struct text *batch, const struct block_digest *digest, const void *packed,
                     size_t length) {
    const unsigned char size[] = {(unsigned char)(length >> 24), (unsigned char)(length >> 16),
                                  (unsigned char)(length >> 8), (unsigned char)length};
    text_add_bytes(batch, (const char *)digest->bytes, sizeof(*digest));
    text_add_bytes(batch, (const char *)size, sizeof(size));
    text_add_bytes(batch, packed, length);
}

void pack_add(struct text *batch, const struct block_digest *digest, const void *bytes,
              size_t length) {
    auto_clean(memory_clean) unsigned char *packed = memory_new(1, packed_bytes_most);
    size_t packed_length = ZSTD_compress(packed, packed_bytes_most, bytes, length, level);
    assert(!ZSTD_isError(packed_length)); /* there is room for the worst */
    pack_add_packed(batch, digest, packed, packed_length);
}

enum pack_read pack_next(struct pack_reader *reader, struct packed *out) {
    if (!reader->left)
        return PACK_END;
    if (reader->left < pack_head_bytes)
        return PACK_BROKEN;
    const unsigned char *size = reader->at + block_digest_bytes;
    memcpy(&out->digest, reader->at, block_digest_bytes);
    out->length = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    out->bytes = reader->at + pack_head_bytes;
    if (!out->length || out->length > packed_bytes_most ||
        out->length > reader->left - pack_head_bytes || !block_digest_is_kept(&out->digest))
        return PACK_BROKEN;
    reader->at += pack_head_bytes + out->length;
    reader->left -= pack_head_bytes + out->length;
    return PACK_READ;
}

int pack_open(const void *packed, size_t length, unsigned char out[block_bytes],
              size_t *out_length) {
    *out_length = ZSTD_decompress(out, block_bytes, packed, length);
    return ZSTD_isError(*out_length) || !*out_length ? -EINVAL : 0;
}

int pack_prove(const struct packed *packed, const struct block_key *key,
               unsigned char out[block_bytes], size_t *out_length) {
    struct block_digest is;
    if (pack_open(packed->bytes, packed->length, out, out_length))
        return -EINVAL;
    block_hash(key, out, *out_length, &is);
    return block_digest_equal(&is, &packed->digest) ? 0 : -EINVAL;
}
