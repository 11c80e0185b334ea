/* Each allocation asks the C library and aborts, with a word, when there is none. Nothing else in
 * the tree calls malloc. */
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>

static noreturn void memory_out(void) {
    (void)fprintf(stderr, "out of memory: give this process more, or look for what takes it\n");
    abort();
}

void *memory_new(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        memory_out();
    return memory;
}

void *memory_resize(void *memory, size_t bytes) {
    memory = realloc(memory, bytes ? bytes : 1);
    if (!memory)
        memory_out();
    return memory;
}

void *memory_copy(const void *from, size_t bytes) {
    if (!from)
        return NULL;
    void *memory = memory_new(1, bytes);
    memcpy(memory, from, bytes);
    return memory;
}

char *memory_text(const char *from) { return from ? memory_copy(from, strlen(from) + 1) : NULL; }

void memory_free(void *memory) { free(memory); }

void memory_clean(void *slot) {
    void *memory = NULL;
    memcpy(&memory, slot, sizeof(memory));
    free(memory);
}
