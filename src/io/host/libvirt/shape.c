/* A size is changed part by part, and taken back as far as it can be where one fails.
 *
 * Snapshots are internal ones of qcow2: of a domain that is off the disk alone, of one that runs
 * its memory, too. A snapshot carries its operation's id as its description, so that one that was
 * made for the same operation is known again, and any other of its name gives way. */
#include "io/host/libvirt/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/host/libvirt/grow.h"
#include "io/host/libvirt/look_up.h"
#include "io/host/redefine.h"

enum {
    balloon_wait_ms = 10000, /* for the guest to give memory back */
    balloon_look_ms = 200,
    unplug_wait_ms = 10000, /* for the guest to let a device go */
    unplug_look_ms = 100,
};

static void snapshot_clean(virDomainSnapshotPtr *snapshot) {
    if (*snapshot)
        (void)virDomainSnapshotFree(*snapshot);
}

/* --- snapshots --- */

/* NULL without a fault: there is none. */
static virDomainSnapshotPtr look_up(virDomainPtr domain, const char *name, enum code *out_code,
                                    struct error *err) {
    virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName(domain, name, 0);
    bool none = !snapshot && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_SNAPSHOT;
    *out_code = snapshot || none ? CODE_OK : libvirt_failed(err, "look for the snapshot");
    return snapshot;
}

/* Where the disk has nothing of it any more, what libvirt notes of it goes all the same. */
static enum code drop(virDomainSnapshotPtr snapshot, struct error *err) {
    if (virDomainSnapshotDelete(snapshot, 0) == 0 ||
        virDomainSnapshotDelete(snapshot, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) == 0)
        return CODE_OK;
    return libvirt_failed(err, "delete the snapshot");
}

/* Was it made for this operation? */
static bool is_of(virDomainSnapshotPtr snapshot, const char *op, bool *out_memory) {
    char wanted[limit_id_size + 32];
    char *xml = virDomainSnapshotGetXMLDesc(snapshot, 0);
    text_format(wanted, sizeof(wanted), "<description>%s</description>", op);
    bool same = xml && strstr(xml, wanted);
    *out_memory = same && strstr(xml, "<state>running</state>");
    free(xml);
    return same;
}

enum code libvirt_snapshot(struct libvirt *libvirt, const struct effect_job *job,
                           bool *out_memory, struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, job->vm, &ours, err);
    if (code != CODE_OK)
        return code;
    auto_clean(snapshot_clean) virDomainSnapshotPtr old =
        look_up(ours.domain, job->snapshot, &code, err);
    if (code == CODE_OK && old && is_of(old, job->op, out_memory))
        return CODE_OK;
    if (code == CODE_OK && old)
        code = drop(old, err);
    if (code != CODE_OK)
        return code;
    char xml[256];
    text_format(xml, sizeof(xml),
                "<domainsnapshot><name>%s</name><description>%s</description></domainsnapshot>",
                job->snapshot, job->op);
    auto_clean(snapshot_clean) virDomainSnapshotPtr made =
        virDomainSnapshotCreateXML(ours.domain, xml, 0);
    if (!made)
        return libvirt_failed(err, "take the snapshot");
    (void)is_of(made, job->op, out_memory);
    return CODE_OK;
}

enum code libvirt_snapshot_delete(struct libvirt *libvirt, const struct effect_job *job,
                                  struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, job->vm, &ours, err);
    if (code != CODE_OK)
        return code;
    auto_clean(snapshot_clean) virDomainSnapshotPtr snapshot =
        look_up(ours.domain, job->snapshot, &code, err);
    return snapshot ? drop(snapshot, err) : code;
}

enum code libvirt_revert(struct libvirt *libvirt, const struct effect_job *job,
                         struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, job->vm, &ours, err);
    if (code != CODE_OK)
        return code;
    auto_clean(snapshot_clean) virDomainSnapshotPtr snapshot =
        look_up(ours.domain, job->snapshot, &code, err);
    if (!snapshot && code == CODE_OK) {
        error_set(err, -ENOENT, "there is no snapshot %s", job->snapshot);
        return CODE_NOT_FOUND;
    }
    /* force: what it ran with then is what it is to run with, the agent has seen to that */
    if (snapshot && virDomainRevertToSnapshot(snapshot, VIR_DOMAIN_SNAPSHOT_REVERT_FORCE) == 0)
        return CODE_OK;
    return snapshot ? libvirt_failed(err, "revert to the snapshot") : code;
}

struct snapshots {
    virDomainSnapshotPtr *items;
    int count;
};

static void snapshots_clean(struct snapshots *all) {
    for (int i = 0; i < all->count; i++)
        snapshot_clean(&all->items[i]);
    free(all->items);
}

enum code libvirt_forget_snapshots(struct libvirt *libvirt, const char *vm, struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    auto_clean(snapshots_clean) struct snapshots all = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    all.count = virDomainListAllSnapshots(ours.domain, &all.items, 0);
    if (all.count < 0)
        return libvirt_failed(err, "list the snapshots");
    unsigned flags = libvirt_driver(libvirt) == LIBVIRT_QEMU
                         ? VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
                         : 0; /* they are nothing else there */
    for (int i = 0; i < all.count && code == CODE_OK; i++)
        if (virDomainSnapshotDelete(all.items[i], flags) < 0)
            code = libvirt_failed(err, "forget a snapshot");
    return code;
}

enum snapshots_left libvirt_snapshots_left(struct libvirt *libvirt, const char *vm,
                                           const char *name) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, NULL);
    if (code != CODE_OK)
        return SNAPSHOTS_UNKNOWN;
    auto_clean(snapshot_clean) virDomainSnapshotPtr named =
        *name ? look_up(ours.domain, name, &code, NULL) : NULL;
    int count = *name ? named != NULL : virDomainSnapshotNum(ours.domain, 0);
    if (code != CODE_OK || count < 0)
        return SNAPSHOTS_UNKNOWN;
    return count ? SNAPSHOTS_THERE : SNAPSHOTS_GONE;
}

/* --- size --- */

enum code libvirt_size(struct libvirt *libvirt, const char *vm, struct size *out_size,
                       struct error *err) {
    virDomainInfo info;
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    if (virDomainGetInfo(ours.domain, &info) < 0)
        return libvirt_failed(err, "read what the domain has");
    out_size->cpus = info.nrVirtCpu;
    out_size->memory_mib = (uint32_t)(info.maxMem / 1024);
    return CODE_OK;
}

/* The guest gives memory back by itself, or does not. */
static enum code set_memory(const struct libvirt *libvirt, virDomainPtr domain,
                            unsigned long kib, struct error *err) {
    virDomainInfo info;
    if (virDomainSetMemoryFlags(domain, kib, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return libvirt_failed(err, "set the memory");
    for (int waited = 0; waited < balloon_wait_ms; waited += balloon_look_ms) {
        if (virDomainGetInfo(domain, &info) == 0 && info.memory == kib)
            return CODE_OK;
        if (libvirt_cancelled_within(libvirt, balloon_look_ms))
            break;
    }
    error_set(err, -EAGAIN, "the guest has not taken or given the memory");
    return CODE_GUEST_IGNORED;
}

/* Up to what it was started with and has got since by the balloon, beyond by more of it. */
static enum code change_memory(const struct libvirt *libvirt, virDomainPtr domain,
                               uint32_t to_mib, struct error *err) {
    virDomainInfo info;
    unsigned long kib = (unsigned long)to_mib * 1024;
    if (virDomainGetInfo(domain, &info) < 0)
        return libvirt_failed(err, "read what the domain has");
    enum code code = kib > info.maxMem ? libvirt_grow(libvirt, domain, to_mib, err) : CODE_OK;
    if (code == CODE_OK && virDomainGetInfo(domain, &info) < 0)
        code = libvirt_failed(err, "read what the domain has");
    return code == CODE_OK && info.memory != kib ? set_memory(libvirt, domain, kib, err) : code;
}

/* Takes back what a failed resize has given, as far as that can be: the guest has its say, and a
 * disk never shrinks. Where memory stays plugged, the guest is not asked to give as much of what it
 * had: it may not use the new memory, and would give of what it needs. */
static void take_back(const struct libvirt *libvirt, virDomainPtr domain,
                      const virDomainInfo *was, const struct size *to) {
    virDomainInfo is;
    (void)virDomainSetVcpusFlags(domain, was->nrVirtCpu, VIR_DOMAIN_AFFECT_LIVE);
    if (virDomainGetInfo(domain, &is) == 0 && is.maxMem > was->maxMem)
        libvirt_ungrow(libvirt, domain, to->memory_mib, was->maxMem / 1024);
    if (virDomainGetInfo(domain, &is) == 0)
        (void)virDomainSetMemoryFlags(domain, was->memory + (is.maxMem - was->maxMem),
                                      VIR_DOMAIN_AFFECT_LIVE);
}

enum code libvirt_resize(struct libvirt *libvirt, const char *vm, const struct size *to,
                         struct error *err) {
    virDomainInfo was;
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code != CODE_OK)
        return code;
    int most = virDomainGetVcpusFlags(ours.domain,
                                      VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_VCPU_MAXIMUM);
    if (most < 0 || virDomainGetInfo(ours.domain, &was) < 0)
        return libvirt_failed(err, "read what the domain has");
    if (to->cpus > (unsigned)most)
        return libvirt_cannot(err, "more processors than it was started for");
    code = change_memory(libvirt, ours.domain, to->memory_mib, err);
    if (code == CODE_OK && to->cpus != was.nrVirtCpu &&
        virDomainSetVcpusFlags(ours.domain, to->cpus, VIR_DOMAIN_AFFECT_LIVE) < 0)
        code = libvirt_failed(err, "set the processors");
    if (code == CODE_OK && libvirt_driver(libvirt) == LIBVIRT_QEMU &&
        virDomainBlockResize(ours.domain, "vda", (unsigned long long)to->disk_gib << 30,
                             VIR_DOMAIN_BLOCK_RESIZE_BYTES) < 0)
        code = libvirt_failed(err, "grow the disk");
    if (code != CODE_OK && code != CODE_BAD_STATE)
        take_back(libvirt, ours.domain, &was, to);
    return code;
}

/* The element of that interface, on the heap; NULL: the domain has none of it. */
static char *interface_in(const char *xml, const char *mac) {
    size_t length = 0;
    const char *at = host_redefine_interface(xml, mac, &length);
    struct text piece = {0};
    if (at)
        text_add_bytes(&piece, at, length);
    return piece.data;
}

/* --- rules --- */

/* Gives the VM's domain the interfaces of the one XML as they are in the other; what fails ends
 * it. */
static bool put_interfaces(const struct ours *ours, const char *from, const char *to) {
    char mac[limit_mac_size];
    for (unsigned i = 0; i < limit_vm_networks; i++) {
        host_domain_mac(ours->mark.vm, i, mac);
        auto_clean(memory_clean) char *was = interface_in(from, mac);
        auto_clean(memory_clean) char *now = interface_in(to, mac);
        if (was && now && !text_equal(was, now) &&
            virDomainUpdateDeviceFlags(ours->domain, now, VIR_DOMAIN_AFFECT_LIVE) < 0)
            return false;
    }
    return true;
}

/* Our element of that XML becomes the running domain's, too. libvirt puts the namespace in, which
 * stands before all attributes, and refuses one that is there. */
static int put_mark(virDomainPtr domain, const char *xml) {
    auto_clean(text_deinit) struct text mark = {0};
    const char *at = strstr(xml, host_domain_namespace), *end = at ? strchr(at, '>') : NULL;
    if (!end)
        return -1;
    at += strlen(host_domain_namespace) + 1;
    text_add(&mark, "<domain");
    text_add_bytes(&mark, at, (size_t)(end - at) + 1);
    return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, text_data(&mark), "isthmus",
                                host_domain_namespace, VIR_DOMAIN_AFFECT_LIVE);
}

enum code libvirt_allow(struct libvirt *libvirt, const struct host_domain_plan *plan,
                        struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    auto_clean(text_deinit) struct text changed = {0};
    enum code code = libvirt_look_up(libvirt, plan->job->vm, &ours, err);
    if (code != CODE_OK)
        return code;
    char *xml = virDomainGetXMLDesc(ours.domain, VIR_DOMAIN_XML_SECURE);
    if (!xml)
        return libvirt_failed(err, "read the domain's XML");
    host_redefine_rules(xml, plan, &changed);
    if (!text_equal(xml, text_data(&changed)) &&
        (!put_interfaces(&ours, xml, text_data(&changed)) ||
         put_mark(ours.domain, text_data(&changed)) < 0)) {
        code = libvirt_failed(err, "give the domain other rules");
        if (!put_interfaces(&ours, text_data(&changed), xml))
            error_wrap(err, "the old ones could not all be given back, either; before that");
    }
    free(xml);
    return code;
}

/* --- interfaces --- */

/* A domain, what its interfaces are to be by its definition, and the one that is looked at. */
struct connecting {
    const struct libvirt *libvirt;
    virDomainPtr domain;
    const char *definition;
    char mac[limit_mac_size];
};

/* It is gone when the guest has let it go, which takes its driver a moment. */
static enum code unplug(const struct connecting *it, const char *piece, struct error *err) {
    if (virDomainDetachDeviceFlags(it->domain, piece, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return libvirt_failed(err, "take an interface away");
    for (int waited = 0; waited < unplug_wait_ms; waited += unplug_look_ms) {
        size_t length = 0;
        char *xml = virDomainGetXMLDesc(it->domain, 0);
        bool gone = xml && !host_redefine_interface(xml, it->mac, &length);
        free(xml);
        if (gone)
            return CODE_OK;
        if (libvirt_cancelled_within(it->libvirt, unplug_look_ms))
            break;
    }
    error_set(err, -EAGAIN, "the guest has not let the interface %s go", it->mac);
    return CODE_GUEST_IGNORED;
}

static enum code connect_one(const struct connecting *it, struct error *err) {
    char *xml = virDomainGetXMLDesc(it->domain, 0);
    if (!xml)
        return libvirt_failed(err, "read the domain's XML");
    auto_clean(memory_clean) char *has = interface_in(xml, it->mac);
    auto_clean(memory_clean) char *wanted = interface_in(it->definition, it->mac);
    free(xml);
    if (has && !wanted)
        return unplug(it, has, err);
    if (wanted && !has &&
        virDomainAttachDeviceFlags(it->domain, wanted, VIR_DOMAIN_AFFECT_LIVE) < 0)
        return libvirt_failed(err, "add an interface");
    return CODE_OK;
}

enum code libvirt_connect(struct libvirt *libvirt, const char *vm, const char *definition,
                          struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    struct connecting it = {libvirt, ours.domain, definition, ""};
    for (unsigned i = 0; i < limit_vm_networks && code == CODE_OK; i++) {
        host_domain_mac(vm, i, it.mac);
        code = connect_one(&it, err);
    }
    return code;
}
