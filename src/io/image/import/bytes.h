/* A disk's file that nobody trusts, read at places, and the numbers in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes_file {
    int fd;
    uint64_t length;
};

/* False: it ends before, or cannot be read. */
bool bytes_read(const struct bytes_file *file, uint64_t at, void *out, size_t length);

/* As many as there are, up to `length`. */
size_t bytes_read_some(const struct bytes_file *file, uint64_t at, void *out, size_t length);

/* Zeros stand for what is not there. */
void bytes_read_padded(const struct bytes_file *file, uint64_t at, void *out, size_t length);

/* Numbers of so many bytes, the lowest or the highest first. */
uint64_t bytes_le(const unsigned char *bytes, size_t length);
uint64_t bytes_be(const unsigned char *bytes, size_t length);
