/* Archives of images, as a tenant's operator or a repository above gives them: the container, its
 * filters, the manifest in it and the head of the disk. */
#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "fuzz.h"
#include "io/image/archive.h"
#include "io/os/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[64];
    struct error err = {0};
    struct image_facts facts = {0};
    auto_clean(fd_clean) int fd = memfd_create("archive", MFD_CLOEXEC);
    assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (image_archive_check(path, &(struct image_bounds){0}, &facts, &err))
        assert(*err.text);
    else
        assert(*facts.architecture && facts.disk_bytes);
    return 0;
}
