/* When a migration has ended, whoever began it: a domain that still stands here goes on here. */
#include "io/host/libvirt/migrate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "io/host/libvirt/look_up.h"
#include "message/landing.h"

enum { settle_ms = 100 };

static enum code unknown(struct error *err) {
    error_set(err, -ECANCELED, "what became of the domain is not known yet");
    return CODE_HOST_FAILED;
}

/* Ends a migration that is under way, whoever began it, and waits for that. False: cancelled. */
static bool end_job(const struct libvirt *libvirt, virDomainPtr domain) {
    virDomainJobInfo job;
    while (virDomainGetJobInfo(domain, &job) == 0 && job.type != VIR_DOMAIN_JOB_NONE) {
        (void)virDomainAbortJob(domain);
        if (libvirt_cancelled_within(libvirt, settle_ms))
            return false;
    }
    return true;
}

void libvirt_give_up_sending(struct libvirt *libvirt) {
    auto_clean(connection_clean) virConnectPtr connection = libvirt_use(libvirt, NULL);
    virDomainPtr *domains = NULL;
    int count = connection ? virConnectListAllDomains(connection, &domains,
                                                      VIR_CONNECT_LIST_DOMAINS_ACTIVE)
                           : 0;
    for (int i = 0; i < count; i++) {
        if (libvirt_vm_of(domains[i]) &&
            libvirt_does(domains[i], VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT))
            (void)virDomainAbortJob(domains[i]);
        (void)virDomainFree(domains[i]);
    }
    free(domains);
}

enum code libvirt_settle(struct libvirt *libvirt, const char *vm,
                         struct libvirt_domain *out_domain, struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code == CODE_OK && !end_job(libvirt, ours.domain))
        return unknown(err);
    out_domain->mark = ours.mark;
    if (code == CODE_OK)
        code = libvirt_state(ours.domain, &out_domain->state, err);
    if (code != CODE_OK || out_domain->state != VM_PAUSED)
        return code;
    (void)virDomainResume(ours.domain); /* there it stands still: it runs here or nowhere */
    return libvirt_state(ours.domain, &out_domain->state, err);
}

/* The domain's XML as it is to be on the other host; NULL with `err`. */
static char *moved_xml(virDomainPtr domain, unsigned flags, const struct host_domain_move *move,
                       struct error *err) {
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE | flags);
    if (!xml) {
        (void)libvirt_failed(err, "read the domain's definition");
        return NULL;
    }
    struct text text = {0};
    host_domain_moved(xml, move, &text);
    free(xml);
    return text.data;
}

static enum code migrate(virDomainPtr domain, const struct host_domain_move *move,
                         struct error *err) {
    const unsigned flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST |
                           VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_PAUSED |
                           VIR_MIGRATE_NON_SHARED_INC | VIR_MIGRATE_AUTO_CONVERGE |
                           VIR_MIGRATE_ABORT_ON_ERROR;
    auto_clean(memory_clean) char *live = moved_xml(domain, 0, move, err);
    if (live)
        host_domain_learn_anew(live);
    auto_clean(memory_clean) char *kept =
        live ? moved_xml(domain, VIR_DOMAIN_XML_INACTIVE, move, err) : NULL;
    if (!kept)
        return CODE_HOST_FAILED;
    virTypedParameterPtr parameters = NULL;
    int count = 0, room = 0, outcome = -1;
    if (virTypedParamsAddString(&parameters, &count, &room, VIR_MIGRATE_PARAM_DEST_XML, live) ==
            0 &&
        virTypedParamsAddString(&parameters, &count, &room, VIR_MIGRATE_PARAM_PERSIST_XML,
                                kept) == 0)
        outcome = virDomainMigrateToURI3(domain, move->uri, parameters, (unsigned)count, flags);
    enum code code = outcome == 0 ? CODE_OK : libvirt_failed(err, "migrate the domain");
    virTypedParamsFree(parameters, count);
    return code;
}

enum code libvirt_migrate(struct libvirt *libvirt, const char *vm,
                          const struct host_domain_move *move, struct error *err) {
    if (!landing_uri_is_safe(move->uri) || !landing_folder_is_safe(move->to_folder)) {
        error_set(err, -EINVAL, "libvirt may not have such a URI or folder of the other host");
        return CODE_INVALID;
    }
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    return code == CODE_OK ? migrate(ours.domain, move, err) : code;
}
