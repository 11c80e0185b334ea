/* A domain is ours if its metadata says so, whatever its name is. */
#include "io/host/libvirt/look_up.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

enum code libvirt_read_mark(virDomainPtr domain, struct host_domain_mark *out_mark,
                            struct error *err) {
    char *xml = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, host_domain_namespace,
                                     VIR_DOMAIN_AFFECT_CURRENT);
    int why = xml ? VIR_ERR_OK : virGetLastErrorCode();
    bool ours = xml && host_domain_read(xml, out_mark) &&
                text_equal(out_mark->vm, libvirt_vm_of(domain) ? libvirt_vm_of(domain) : "");
    free(xml);
    if (ours)
        return CODE_OK;
    if (why == VIR_ERR_NO_DOMAIN) {
        error_set(err, -ENOENT, "there is no such domain");
        return CODE_LOST;
    }
    if (why != VIR_ERR_OK && why != VIR_ERR_NO_DOMAIN_METADATA)
        return libvirt_failed(err, "read the domain's metadata");
    error_set(err, -EEXIST, "the domain %s is not of our making and is left alone",
              virDomainGetName(domain));
    return CODE_CONFLICT;
}

void ours_clean(struct ours *ours) {
    domain_clean(&ours->domain);
    connection_clean(&ours->connection);
}

enum code libvirt_look_up_known(struct libvirt *libvirt, const char *vm, struct ours *out,
                                struct error *err) {
    char name[host_domain_name_size];
    host_domain_name(vm, name);
    out->connection = libvirt_use(libvirt, err);
    if (!out->connection)
        return CODE_HOST_FAILED;
    out->domain = virDomainLookupByName(out->connection, name);
    if (out->domain)
        return CODE_OK;
    if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
        return libvirt_failed(err, "look for the domain");
    error_set(err, -ENOENT, "there is no such domain");
    return CODE_LOST;
}

enum code libvirt_look_up(struct libvirt *libvirt, const char *vm, struct ours *out,
                          struct error *err) {
    enum code code = libvirt_look_up_known(libvirt, vm, out, err);
    return code == CODE_OK ? libvirt_read_mark(out->domain, &out->mark, err) : code;
}

enum code libvirt_state(virDomainPtr domain, enum vm_state *out_state, struct error *err) {
    int state, reason;
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN
                   ? CODE_LOST
                   : libvirt_failed(err, "read the domain's state");
    switch (state) {
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        *out_state = VM_PAUSED;
        return CODE_OK;
    case VIR_DOMAIN_SHUTOFF:
        /* The file decides: after a restart of libvirt's daemon it is all that tells. */
        *out_state = virDomainHasManagedSaveImage(domain, 0) == 1    ? VM_SUSPENDED
                     : reason == VIR_DOMAIN_SHUTOFF_CRASHED ||
                               reason == VIR_DOMAIN_SHUTOFF_FAILED ? VM_CRASHED
                                                                     : VM_STOPPED;
        return CODE_OK;
    case VIR_DOMAIN_CRASHED:
        *out_state = VM_CRASHED;
        return CODE_OK;
    default: /* running, blocked, about to shut down */
        *out_state = VM_RUNNING;
    }
    return CODE_OK;
}

bool libvirt_does(virDomainPtr domain, virDomainJobOperation wanted) {
    virTypedParameterPtr parameters = NULL;
    int type = 0, count = 0, operation = 0;
    if (virDomainGetJobStats(domain, &type, &parameters, &count, 0) < 0)
        return false;
    bool known = virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation) == 1;
    virTypedParamsFree(parameters, count);
    return known && type != VIR_DOMAIN_JOB_NONE && operation == (int)wanted;
}
