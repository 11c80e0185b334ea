/* Blocks, pages and roots, as a host that nobody trusts sends them: what is read says itself again,
 * and only what its digest says is taken for a block. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/blocks/pack.h"

static void read_batch(const uint8_t *bytes, size_t size) {
    static const struct block_key key = {{1}};
    auto_clean(memory_clean) unsigned char *block = memory_new(1, block_bytes);
    auto_clean(text_deinit) struct text again = {0};
    struct pack_reader reader = {bytes, size};
    struct packed packed;
    struct block_digest is;
    size_t length = 0;
    while (pack_next(&reader, &packed) == PACK_READ) {
        if (pack_prove(&packed, &key, block, &length) == 0) {
            block_hash(&key, block, length, &is);
            if (!length || length > block_bytes || !block_digest_equal(&is, &packed.digest))
                abort();
        }
        pack_add_packed(&again, &packed.digest, packed.bytes, packed.length);
    }
    if (again.length > size || (again.length && memcmp(again.data, bytes, again.length) != 0))
        abort();
}

static void read_root(const uint8_t *bytes, size_t size) {
    struct root root;
    struct error err = {0};
    int failed = root_read(bytes, size, &root, &err);
    if (failed ? !err.text[0]
               : !root.disk_bytes ||
                     (const uint8_t *)(root.pages + root.pages_count) != bytes + size)
        abort();
    for (size_t i = 0; i < root.pages_count; i++)
        if (block_digest_equal(&root.pages[i], &block_of_zeros))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_batch(bytes, size);
    read_root(bytes, size);
    return 0;
}
