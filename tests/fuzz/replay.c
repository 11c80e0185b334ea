/* Runs a fuzz target over its seed corpus without libFuzzer: each file as it is, cut at every
 * byte, and with every byte damaged. replay FILE...; closes with "N passed, N failed". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "fuzz.h"

static int read_seed(const char *path, struct text *out) {
    char block[4096];
    FILE *file = fopen(path, "rb");
    if (!file)
        return -errno;
    for (size_t got = 0; (got = fread(block, 1, sizeof(block), file)) > 0;)
        text_add_bytes(out, block, got);
    int result = ferror(file) ? -EIO : 0;
    (void)fclose(file);
    return result;
}

/* In memory of exactly its size, so that a sanitizer sees a byte that is read too far. */
static void run(const char *bytes, size_t size) {
    auto_clean(memory_clean) uint8_t *exact = memory_new(1, size);
    if (size)
        memcpy(exact, bytes, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
}

static void replay(struct text *seed) {
    static const char damages[] = {0,   1,   '"', '\\',       '{',       '}',
                                   '[', '0', '-', (char)0x80, (char)0xff};
    run(text_data(seed), seed->length);
    for (size_t i = 0; i < seed->length; i++) {
        char kept = seed->data[i];
        run(seed->data, i);
        for (size_t k = 0; k < sizeof(damages); k++) {
            seed->data[i] = damages[k];
            run(seed->data, seed->length);
        }
        seed->data[i] = kept;
    }
}

int main(int count, char **paths) {
    int passed = 0, failed = 0;
    for (int i = 1; i < count; i++) {
        struct text seed = {0};
        int result = read_seed(paths[i], &seed);
        if (result)
            fprintf(stderr, "read %s: %s\n", paths[i], strerror(-result));
        else
            replay(&seed); /* aborts where it fails */
        passed += !result;
        failed += result != 0;
        text_deinit(&seed);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
