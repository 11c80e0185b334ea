/* libvirt's backup and checkpoint calls
 * (https://libvirt.org/kbase/internals/incremental-backup.html). A checkpoint that cannot be
 * deleted with its bitmap has none that is whole. */
#include "io/host/libvirt/backup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/host/libvirt/library.h"
#include "io/host/libvirt/look_up.h"

enum {
    agent_seconds = 10, /* for the guest's agent to answer */
    end_look_ms = 50,
};

const char libvirt_checkpoint_prefix[] = "isthmus-copy-";

static void checkpoint_clean(virDomainCheckpointPtr *checkpoint) {
    if (*checkpoint)
        (void)virDomainCheckpointFree(*checkpoint);
}

static bool freeze(virDomainPtr domain) {
    return virDomainAgentSetResponseTimeout(domain, agent_seconds, 0) == 0 &&
           virDomainFSFreeze(domain, NULL, 0, 0) >= 0;
}

static enum code begin(virDomainPtr domain, const struct libvirt_backup *backup,
                       bool *out_frozen, struct error *err) {
    auto_clean(text_deinit) struct text xml = {0}, checkpoint = {0};
    text_add(&xml, "<domainbackup mode='pull'>");
    if (*backup->since)
        text_addf(&xml, "<incremental>%s</incremental>", backup->since);
    text_addf(&xml, "<server transport='unix' socket='%s'/><disks><disk name='vda' backup='yes'"
              " type='file' exportname='vda'%s><scratch file='%s'/></disk>"
              "<disk name='vdb' backup='no'/></disks></domainbackup>", backup->socket,
              *backup->since ? " exportbitmap='dirty'" : "", backup->scratch);
    text_addf(&checkpoint, "<domaincheckpoint><name>%s</name><disks><disk name='vda'"
              " checkpoint='bitmap'/><disk name='vdb' checkpoint='no'/></disks>"
              "</domaincheckpoint>", backup->checkpoint);
    *out_frozen = freeze(domain);
    int begun = virDomainBackupBegin(domain, text_data(&xml), text_data(&checkpoint), 0);
    enum code code = begun == 0 ? CODE_OK : libvirt_failed(err, "begin a backup of the domain");
    if (*out_frozen && virDomainFSThaw(domain, NULL, 0, 0) < 0)
        *out_frozen = false; /* its agent is gone, and its file systems thaw with that */
    return code;
}

enum code libvirt_backup_begin(struct libvirt *libvirt, const struct libvirt_backup *backup,
                               bool *out_frozen, struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, backup->vm, &ours, err);
    if (code != CODE_OK)
        return code;
    if (virDomainIsActive(ours.domain) != 1) {
        error_set(err, -EINVAL, "the domain does not run");
        return CODE_BAD_STATE;
    }
    return begin(ours.domain, backup, out_frozen, err);
}

void libvirt_backup_end(struct libvirt *libvirt, const char *vm) {
    auto_clean(ours_clean) struct ours ours = {0};
    if (libvirt_look_up(libvirt, vm, &ours, NULL) != CODE_OK)
        return;
    while (libvirt_does(ours.domain, VIR_DOMAIN_JOB_OPERATION_BACKUP)) {
        (void)virDomainAbortJob(ours.domain);
        if (libvirt_cancelled_within(libvirt, end_look_ms))
            return;
    }
}

enum code libvirt_checkpoint_adopt(struct libvirt *libvirt, const char *vm, const char *name,
                                   struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    auto_clean(text_deinit) struct text xml = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    char *domain = virDomainGetXMLDesc(ours.domain, VIR_DOMAIN_XML_INACTIVE);
    if (!domain)
        return libvirt_failed(err, "read the domain's definition");
    text_addf(&xml, "<domaincheckpoint><name>%s</name><creationTime>1</creationTime><disks>"
              "<disk name='vda' checkpoint='bitmap' bitmap='%s'/><disk name='vdb'"
              " checkpoint='no'/></disks>", name, name);
    text_add(&xml, domain);
    text_add(&xml, "</domaincheckpoint>");
    free(domain);
    auto_clean(checkpoint_clean) virDomainCheckpointPtr made = virDomainCheckpointCreateXML(
        ours.domain, text_data(&xml), VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE);
    return made ? CODE_OK : libvirt_failed(err, "make a checkpoint of a bitmap");
}

struct checkpoints {
    virDomainCheckpointPtr *items;
    int count;
};

static void checkpoints_clean(struct checkpoints *all) {
    for (int i = 0; i < all->count; i++)
        checkpoint_clean(&all->items[i]);
    free(all->items);
}

static enum code drop(virDomainCheckpointPtr checkpoint, struct error *err) {
    if (virDomainCheckpointDelete(checkpoint, 0) == 0 ||
        virDomainCheckpointDelete(checkpoint, VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY) == 0)
        return CODE_OK;
    return libvirt_failed(err, "delete a checkpoint");
}

enum code libvirt_checkpoints_drop(struct libvirt *libvirt, const char *vm, const char *kept,
                                   struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    auto_clean(checkpoints_clean) struct checkpoints all = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    all.count = virDomainListAllCheckpoints(ours.domain, &all.items, 0);
    if (all.count < 0)
        return libvirt_failed(err, "list the checkpoints");
    for (int i = 0; i < all.count && code == CODE_OK; i++)
        if (!text_equal(virDomainCheckpointGetName(all.items[i]), kept))
            code = drop(all.items[i], err);
    return code;
}

int libvirt_checkpoints_count(struct libvirt *libvirt, const char *vm) {
    auto_clean(ours_clean) struct ours ours = {0};
    auto_clean(checkpoints_clean) struct checkpoints all = {0};
    if (libvirt_look_up(libvirt, vm, &ours, NULL) != CODE_OK)
        return -1;
    all.count = virDomainListAllCheckpoints(ours.domain, &all.items, 0);
    return all.count;
}
