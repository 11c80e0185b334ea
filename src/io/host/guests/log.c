/* Which part of the file is the one that is wanted. */
#include "io/host/guests/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/memory.h"
#include "io/os/folder.h"

/* A hole is what was given back; at the end of the file there is one, too. */
static uint64_t skip_hole(int fd, uint64_t from, uint64_t size) {
    off_t data = lseek(fd, (off_t)from, SEEK_DATA);
    return data < 0 ? size : (uint64_t)data;
}

enum code guest_log_read(const char *path, uint64_t from, struct reading *out, struct error *err) {
    unsigned char bytes[limit_log_piece];
    struct stat about;
    auto_clean(fd_clean) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *out = (struct reading){.code = CODE_HOST_FAILED};
    if (fd < 0 && errno == ENOENT)
        return out->code = CODE_NOT_FOUND;
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        error_set(err, -EIO, "read the console's log %s: it is no file that can be read", path);
        return out->code;
    }
    uint64_t size = (uint64_t)about.st_size;
    if (!from || from > size)
        from = size > sizeof(bytes) ? size - sizeof(bytes) : 0;
    from = skip_hole(fd, from, size);
    ssize_t length = pread(fd, bytes, sizeof(bytes), (off_t)from);
    if (length < 0) {
        error_set(err, -errno, "read the console's log %s: %s", path, strerror(errno));
        return out->code;
    }
    *out = (struct reading){.from = from, .next = from + (uint64_t)length};
    struct text text = {0};
    if (length)
        base64_to_standard(bytes, (size_t)length, &text);
    out->base64 = text.data;
    return out->code;
}
