/* From libvirt what the domain has, from its disk the size and the image. */
#include "io/host/found.h"

#include <errno.h>

#include "io/host/libvirt/read.h"

enum code host_read_found(struct host *host, const char *vm, struct vm *out, struct error *err) {
    enum code code = libvirt_read_vm(host->libvirt, vm, out, err);
    if (code == CODE_OK && !host_disk_read(&host->files, vm, &out->size.disk_gib, out->digest)) {
        error_set(err, -EIO, "read the disk of %s: it is not there, or not of our making", vm);
        code = CODE_HOST_FAILED;
    }
    for (uint32_t i = 0; i < out->snapshots_count; i++)
        out->snapshots[i].size.disk_gib = out->size.disk_gib;
    return code;
}
