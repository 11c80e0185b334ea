/* What ends early has nothing there, whatever its head says. */
#include "io/image/import/bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

size_t bytes_read_some(const struct bytes_file *file, uint64_t at, void *out, size_t length) {
    size_t got = 0;
    if (at >= file->length)
        return 0;
    if (length > file->length - at)
        length = (size_t)(file->length - at);
    while (got < length) {
        ssize_t piece = pread(file->fd, (char *)out + got, length - got, (off_t)(at + got));
        if (piece < 0 && errno == EINTR)
            continue;
        if (piece <= 0)
            break;
        got += (size_t)piece;
    }
    return got;
}

bool bytes_read(const struct bytes_file *file, uint64_t at, void *out, size_t length) {
    return bytes_read_some(file, at, out, length) == length;
}

void bytes_read_padded(const struct bytes_file *file, uint64_t at, void *out, size_t length) {
    size_t got = bytes_read_some(file, at, out, length);
    memset((char *)out + got, 0, length - got);
}

uint64_t bytes_le(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    while (length-- > 0)
        value = value << 8 | bytes[length];
    return value;
}

uint64_t bytes_be(const unsigned char *bytes, size_t length) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}
