/* From the domain's numbers, our mark in its definition, and the definitions that libvirt keeps
 * with its snapshots. A snapshot whose size cannot be read is none that could be gone back to. */
#include "io/host/libvirt/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/host/libvirt/look_up.h"
#include "io/host/libvirt/shape.h"

struct snapshots {
    virDomainSnapshotPtr *items;
    int count;
};

static void snapshots_clean(struct snapshots *all) {
    for (int i = 0; i < all->count; i++)
        (void)virDomainSnapshotFree(all->items[i]);
    free(all->items);
}

/* The time of its making stands in created_ms until the list is in order. */
static bool read_snapshot(virDomainSnapshotPtr one, struct snapshot *out) {
    static const char made[] = "<creationTime>";
    char *xml = virDomainSnapshotGetXMLDesc(one, 0);
    const char *time = xml ? strstr(xml, made) : NULL;
    bool read = xml && host_domain_size(xml, &out->size) &&
                text_copy(out->name, sizeof(out->name), virDomainSnapshotGetName(one));
    out->memory = xml && strstr(xml, "<state>running</state>");
    out->created_ms = time ? strtoull(time + strlen(made), NULL, 10) : 0;
    free(xml);
    return read;
}

static void add_in_order(struct vm *vm, const struct snapshot *one) {
    uint32_t at = vm->snapshots_count++;
    for (; at && vm->snapshots[at - 1].created_ms > one->created_ms; at--)
        vm->snapshots[at] = vm->snapshots[at - 1];
    vm->snapshots[at] = *one;
}

static enum code read_snapshots(virDomainPtr domain, struct vm *out, struct error *err) {
    auto_clean(snapshots_clean) struct snapshots all = {0};
    all.count = virDomainListAllSnapshots(domain, &all.items, 0);
    if (all.count < 0)
        return libvirt_failed(err, "list the snapshots");
    out->snapshots = memory_new(limit_snapshots, sizeof(*out->snapshots));
    for (int i = 0; i < all.count && out->snapshots_count < limit_snapshots; i++) {
        struct snapshot one = {0};
        if (read_snapshot(all.items[i], &one))
            add_in_order(out, &one);
    }
    return CODE_OK;
}

enum code libvirt_read_vm(struct libvirt *libvirt, const char *vm, struct vm *out,
                          struct error *err) {
    auto_clean(ours_clean) struct ours ours = {0};
    enum code code = libvirt_look_up(libvirt, vm, &ours, err);
    if (code == CODE_OK)
        code = libvirt_size(libvirt, vm, &out->size, err);
    if (code != CODE_OK)
        return code;
    char *xml = virDomainGetXMLDesc(ours.domain, VIR_DOMAIN_XML_INACTIVE);
    if (!xml)
        return libvirt_failed(err, "read the domain's definition");
    host_domain_read_more(xml, out);
    free(xml);
    return read_snapshots(ours.domain, out, err);
}
