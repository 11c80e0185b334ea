/* Disks as anybody sends them, judged before any tool opens them: the heads of each format, what is
 * seen of the guest's system, and the descriptor of an OVA.
 *
 * A disk is large and mostly nothing, so that what is given is the pieces of one: its length (8
 * bytes, the lowest first), then for each its place (4), its length (2) and its bytes. */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/image/import/judge.h"
#include "io/image/import/look.h"
#include "io/image/import/ovf.h"
#include "io/os/folder.h"

enum { head_bytes = 8, piece_head_bytes = 6 };
static const uint64_t most_bytes = UINT64_C(1) << 40;

static void lay_out(int fd, const uint8_t *bytes, size_t size) {
    while (size >= piece_head_bytes) {
        size_t length = (size_t)bytes_le(bytes + 4, 2);
        off_t at = (off_t)bytes_le(bytes, 4);
        bytes += piece_head_bytes;
        size -= piece_head_bytes;
        length = length < size ? length : size;
        assert(pwrite(fd, bytes, length, at) == (ssize_t)length);
        bytes += length;
        size -= length;
    }
}

static void judge(const uint8_t *bytes, size_t size) {
    struct disk_judged judged;
    struct look look;
    struct error err = {0};
    auto_clean(fd_clean) int fd = memfd_create("disk", MFD_CLOEXEC);
    assert(fd >= 0);
    lay_out(fd, bytes + head_bytes, size - head_bytes);
    struct bytes_file file = {fd, bytes_le(bytes, head_bytes) % most_bytes};
    assert(ftruncate(fd, (off_t)file.length) == 0);
    if (disk_judge(&file, most_bytes, &judged, &err))
        assert(*err.text);
    else
        assert(judged.disk_bytes && judged.disk_bytes <= most_bytes);
    look_at(&file, &look);
    assert(look.partitions_count <= look_most_partitions);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char name[ovf_name_size];
    struct error err = {0};
    if (ovf_read((const char *)bytes, size, name, &err))
        assert(*err.text);
    else
        assert(*name && !strchr(name, '/'));
    if (size >= head_bytes)
        judge(bytes, size);
    return 0;
}
