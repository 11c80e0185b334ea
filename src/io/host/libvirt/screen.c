/* Which domains have a screen that libvirt can lead to, and what its refusals mean. */
#include "io/host/libvirt/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/host/libvirt/look_up.h"

static bool has_screen(virDomainPtr domain) {
    char *xml = virDomainGetXMLDesc(domain, 0);
    bool has = xml && strstr(xml, "<graphics type='vnc'"); /* a name has no bare "<" */
    free(xml);
    return has;
}

static enum code failed_to_open(struct error *err) {
    int why = virGetLastErrorCode();
    (void)libvirt_failed(err, "open the domain's screen");
    return why == VIR_ERR_NO_SUPPORT          ? CODE_UNSUPPORTED
           : why == VIR_ERR_OPERATION_INVALID ? CODE_BAD_STATE
                                              : CODE_HOST_FAILED;
}

enum code libvirt_screen(struct libvirt *libvirt, const char *vm, int *out_fd, struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    if (!has_screen(ours.domain)) {
        error_set(err, -ENOTSUP, "open the domain's screen: it has none");
        return CODE_UNSUPPORTED;
    }
    int fd = virDomainOpenGraphicsFD(ours.domain, 0, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
    if (fd < 0)
        return failed_to_open(err);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        error_set(err, -errno, "open the domain's screen: %s", strerror(errno));
        (void)close(fd);
        return CODE_HOST_FAILED;
    }
    *out_fd = fd;
    return CODE_OK;
}
